"""The benchmarks' own modules can be imported: some tests look into one."""

from __future__ import annotations

import sys

from support.paths import ROOT

sys.path.append(str(ROOT / "benchmarks"))
