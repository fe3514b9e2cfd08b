"""Files that a folder's ``.musicfeatignore`` leaves out, by the patterns of a .gitignore."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from musicfeat.errors import InputError

FILE = ".musicfeatignore"


def not_ignored(top: str, paths: Iterable[str]) -> Iterator[str]:
    """Paths below a folder that its ignore file does not match; all if there is no such file.

    Raises:
        InputError: the ignore file cannot be read, or the package pathspec is missing.
    """
    file = os.path.join(top, FILE)
    if not os.path.exists(file):
        yield from paths
        return
    try:
        from pathspec import GitIgnoreSpec

        with open(file, encoding="utf-8", errors="surrogateescape") as lines:
            patterns = GitIgnoreSpec.from_lines(lines)
    except ModuleNotFoundError as error:
        raise InputError(f"{file} needs {error.name}: pip install 'musicfeat[watch]'") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error
    yield from (path for path in paths if not patterns.match_file(os.path.relpath(path, top)))
