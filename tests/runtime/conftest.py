"""Fixtures for tests of commands and pages: browsers, axe-core, and the packages of the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from musicfeat import cli
from support.browser import MissingError, Page, install
from support.looks import axe as fetch_axe


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever starts a browser, asks npm for packages or compiles C is slow."""
    slow = {"launch", "packages", "headers"}
    for item in items:
        if isinstance(item, pytest.Function) and not slow.isdisjoint(item.fixturenames):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def main() -> Callable[..., int]:
    """Runs the command with arguments of any type."""
    return lambda *arguments: cli.main([str(argument) for argument in arguments])


@contextmanager
def needed() -> Iterator[None]:
    """Skips the test where something cannot be had on this machine."""
    try:
        yield
    except MissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Page]]:
    """Starts headless browsers, with arguments of Chromium; where none can start, the test is skipped."""
    pytest.importorskip("selenium", reason="selenium is not installed: pip install '.[test-all]'")
    downloads, pages = tmp_path_factory.mktemp("downloads"), list[Page]()

    def start(*arguments: str) -> Page:
        with needed():
            pages.append(Page(downloads, *arguments))
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
    with needed():
        fetch_axe()


@pytest.fixture(scope="session")
def packages() -> None:
    """Packages that npm installs for ``runtime/web``, or the test is skipped."""
    with needed():
        install()
