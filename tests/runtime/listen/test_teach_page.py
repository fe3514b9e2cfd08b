"""Teaching of a tag on the listening page, in headless Chromium as a user does it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

for name in ("pyarrow", "portalocker", "starlette", "uvicorn", "sklearn"):
    pytest.importorskip(name, reason="the extra musicfeat[listen] is not installed")
pytest.importorskip("selenium", reason="selenium is not installed: pip install '.[test-all]'")

# ruff: noqa: E402
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from musicfeat.catalog import Catalog
from support.browser import Page
from support.listening import serving
from support.listening_map import until
from support.looks import overflow, serious
from support.made import made_catalog, made_settings, made_track

D, ANSWERS = 8, 24

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Catalog of 40 tracks; the embeddings of songs of odd numbers lie apart."""
    draw = np.random.default_rng(0)
    owns = [draw.standard_normal(D) + 8.0 * (number % 2) * np.eye(D)[0] for number in range(40)]
    tracks = [
        made_track(f"/m/{number:02}.ogg", own + 0.3 * draw.standard_normal((2, D)), title=f"Song {number}")
        for number, own in enumerate(owns)
    ]
    return made_catalog(tmp_path / "c", [tracks], made_settings(D)).folder


def rows(page: Page) -> list[WebElement]:
    return page.browser.find_elements(By.CSS_SELECTOR, "main ol.clips li")


def told(page: Page) -> str:
    return page.browser.find_element(By.CSS_SELECTOR, "main .told").text


def answer(page: Page) -> None:
    """Answer about the first track asked about: yes to odd songs."""
    before = told(page)
    row = rows(page)[0]
    odd = int(row.find_element(By.TAG_NAME, "a").text.split()[-1]) % 2
    row.find_elements(By.CSS_SELECTOR, ".much button")[0 if odd else 1].click()
    until(lambda: told(page) not in (before, "Looking…"))


@pytest.mark.usefixtures("axe")
def test_a_tag_is_taught_by_yes_and_no(launch: Callable[..., Page], folder: Path) -> None:
    page = launch()
    with serving(folder) as client:
        page.browser.get(f"http://127.0.0.1:{client.port}/#/teach")
        until(lambda: page.browser.find_elements(By.CSS_SELECTOR, "main form input"))
        page.browser.find_element(By.CSS_SELECTOR, "main form input").send_keys("wild")
        page.browser.find_element(By.CSS_SELECTOR, "main form button").click()
        until(lambda: rows(page))
        assert told(page).startswith("0 yes, 0 no.")
        finish = page.browser.find_element(By.XPATH, "//main//button[text()='Give the catalog this tag']")
        assert not finish.is_enabled()
        for _ in range(ANSWERS):
            answer(page)
        assert "get the right label; guessing gives 50 %" in told(page)
        assert overflow(page.browser) <= 0
        assert serious(page.browser) == []
        finish.click()
        until(lambda: "wild" in told(page))
        assert page.errors() == []
    found = Catalog(folder).table(["title", "wild"]).to_pylist()
    assert np.mean([(row["wild"]["yes"] > 0.5) == (int(row["title"].split()[-1]) % 2 == 1) for row in found]) > 0.8
