"""Pages of the documentation: the files, their code blocks, and commands with what they print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from support.paths import ROOT

PAGES = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *(page for page in ROOT.glob("*.md") if page.name != "CHANGELOG.md"),
    *(ROOT / folder / "README.md" for folder in ("benchmarks", "tests", "runtime/web")),
]
SHELLS = ("console", "sh", "bash")


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    language: str
    text: str

    @property
    def title(self) -> str:
        return f"{name(self.page)}: {self.text.strip().splitlines()[0]}"


class Command(NamedTuple):
    """A line for the shell and the lines that the page shows below it."""

    line: str
    output: str


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, *languages: str) -> Iterator[Block]:
    """Blocks of a page in one of some languages, in the page's order."""
    for language, text in re.findall(r"^```(\w*)\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        if language in languages:
            yield Block(page, language, text)


def commands(page: Path) -> list[Command]:
    """Commands of all shell blocks of a page; where one line of a block begins with $, the others are output."""
    return [command for block in blocks(page, *SHELLS) for command in _commands(block.text)]


def _commands(text: str) -> Iterator[Command]:
    if not re.search(r"^\$ ", text, re.MULTILINE):
        yield from (Command(line, "") for line in text.splitlines() if line and not line.startswith("#"))
        return
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        yield Command(line, output)
