"""Pages that arrive in pieces, as a slow machine or network has them: what is painted early must not move later."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: pip install '.[test]'")

from _browser import Handler, MissingError, Page, Site
from _looks import screen
from _table import ROOT

PAGES = ("web/", "musicfeat/listen/page/")
PAUSE = 0.05
"""Seconds between two pieces: some frames."""
SHIFTS = """
  const done = arguments[arguments.length - 1];
  const named = ({ node }) => node?.outerHTML?.slice(0, 80) ?? node?.nodeName;
  const told = (list) => list.getEntries().map(({ value, sources }) => [value, ...sources.map(named)]);
  new PerformanceObserver((list) => done(told(list))).observe({ type: 'layout-shift', buffered: true });
  setTimeout(() => done([]), 300);
"""


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
    with SlowSite() as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield site
        site.shutdown()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    try:
        page = Page(tmp_path_factory.mktemp("downloads"))
    except MissingError as error:
        pytest.skip(str(error))
    yield page
    page.browser.quit()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("path", PAGES)
def test_nothing_moves_while_a_page_arrives(page: Page, site: Site, path: str, width: int) -> None:
    with screen(page.browser, width, dark=False):
        page.browser.get(f"{site.origin}/{path}")
        assert page.browser.execute_async_script(SHIFTS) == []
