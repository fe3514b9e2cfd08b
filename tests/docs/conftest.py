"""The files that the pages name."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.reader import write_library


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with music, and a catalog of it; see ``write_library``."""
    for module in ("pyarrow", "portalocker", "mediafile"):
        pytest.importorskip(module, reason="the catalog extra is not installed: pip install 'musicfeat[catalog]'")
    folder = tmp_path_factory.mktemp("library")
    write_library(folder)
    return folder
