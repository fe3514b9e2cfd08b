from __future__ import annotations

import pytest

for module in ("pyarrow", "portalocker", "mediafile"):
    pytest.importorskip(module, reason="the catalog extra is not installed: pip install 'musicfeat[catalog]'")
