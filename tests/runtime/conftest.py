"""What the tests of pages share: browsers, and axe-core."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from _browser import MissingError, Page
from _looks import axe as fetch_axe


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Page]]:
    """Starts headless browsers, with arguments of Chromium; where none can start, the test is skipped."""
    pytest.importorskip("selenium", reason="selenium is not installed: pip install '.[test]'")
    downloads, pages = tmp_path_factory.mktemp("downloads"), list[Page]()

    def start(*arguments: str) -> Page:
        try:
            pages.append(Page(downloads, *arguments))
        except MissingError as error:
            pytest.skip(str(error))
        return pages[-1]

    yield start
    for page in pages:
        page.browser.quit()


@pytest.fixture(scope="module")
def shared_page(launch: Callable[..., Page]) -> Page:
    """One browser for a file of tests."""
    return launch()


@pytest.fixture(scope="session")
def axe() -> None:
    """axe-core is there for ``serious``, or the test is skipped."""
    try:
        fetch_axe()
    except MissingError as error:
        pytest.skip(str(error))
