"""Places of the checkout."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "runtime" / "examples"
WEB = ROOT / "runtime" / "web"
DATA = Path(os.environ.get("MUSICFEAT_DATA", ROOT.parent / "shared" / "data"))
"""$MUSICFEAT_DATA, by default ../shared/data beside the checkout."""
