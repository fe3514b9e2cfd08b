"""Pages that arrive in pieces, as a slow machine or network has them: what is painted early must not move later."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from typing import Any

import pytest

from support.browser import Handler, Page, Site, serving
from support.looks import screen, shifts
from support.paths import ROOT

PAGES = ("web/", "musicfeat/listen/page/")
PAUSE = 0.05
"""Seconds between two pieces: some frames."""


class Slow(Handler):
    """Pages line by line, all else as it is."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        for line in source:
            outputfile.write(line)
            if self.path.endswith("/"):
                time.sleep(PAUSE)


class SlowSite(Site):
    def __init__(self) -> None:
        super().__init__()
        self.RequestHandlerClass = functools.partial(Slow, directory=str(ROOT / "runtime"))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving(SlowSite()) as site:
        yield site


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("path", PAGES)
def test_nothing_moves_while_a_page_arrives(shared_page: Page, site: Site, path: str, width: int) -> None:
    with screen(shared_page.browser, width, dark=False):
        shared_page.browser.get(f"{site.origin}/{path}")
        assert shifts(shared_page.browser) == []
