"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden file of the same suffix beside ``path``, which takes its place when the block ends well.

    After an error or a kill ``path`` is what it was.
    """
    temporary = path.with_name(f".{os.getpid()}-{path.name[-50:]}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
