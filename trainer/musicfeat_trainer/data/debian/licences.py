"""Licences of single files, as the machine-readable copyright file of a Debian package states them.

The format is Debian's copyright-format 1.0: paragraphs name files by patterns, and the last match counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

FORMAT = "copyright-format/1.0"
_FIELD = re.compile(r"^([A-Za-z-]+):[ \t]*(.*(?:\n[ \t].*)*)", re.MULTILINE)


class Licences:
    """Licences of the files of a package.

    Args:
        text: text of the package's copyright file.
        stated: licence of all files, if the copyright file is prose.
    """

    def __init__(self, text: str, stated: str | None = None) -> None:
        self._paragraphs = [("*", stated)] if stated else list(_paragraphs(text))

    def of(self, path: str) -> str:
        """Short name of a file's licence, such as CC-BY-SA-3.0; empty if none is stated.

        Args:
            path: path of the file in the package. Patterns start at the root of the program's source, which packages
                install somewhere below /usr, so the end of the path has to match from some folder on.
        """
        ends = [path[at:] for at in (0, *(i + 1 for i, sign in enumerate(path) if sign == "/"))]
        found = ""
        for pattern, licence in self._paragraphs:
            if any(fnmatchcase(end, pattern) for end in ends):
                found = licence
        return found


def _paragraphs(text: str) -> Iterator[tuple[str, str]]:
    if FORMAT not in text.partition("\n\n")[0]:
        return
    for paragraph in re.split(r"\n[ \t]*\n", text):
        fields = {name.lower(): value for name, value in _FIELD.findall(paragraph)}
        for pattern in fields.get("files", "").split():
            yield pattern.removeprefix("./"), fields.get("license", "").partition("\n")[0].strip()
