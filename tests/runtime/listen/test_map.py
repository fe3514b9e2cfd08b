"""The map and the dimensions of the listening page in headless Chromium, served as a user serves them."""

from __future__ import annotations

import base64
import csv
import json
import re
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

pytest.importorskip("pyarrow", reason="the catalog extra is not installed")
pytest.importorskip("starlette", reason="the listen extra is not installed")
pytest.importorskip("uvicorn", reason="the listen extra is not installed")
pytest.importorskip("selenium", reason="selenium is not installed: pip install '.[test-all]'")

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from musicfeat.catalog import embed_catalog
from support.browser import Page
from support.listening_map import draw_catalog, first_paint, frame_times, listening, until, wait_for_map
from support.looks import keep_screenshot, overflow, screen, serious, shifts

QUIET = "--enable-unsafe-swiftshader"  # or Chromium itself warns in the console
SOURCES = ("band", "choir", "solo")
ACCELERATED = """
  const ask = WebGL2RenderingContext.prototype.getParameter;
  WebGL2RenderingContext.prototype.getParameter = function (name) {
    const value = ask.call(this, name);
    return typeof value === 'string' ? value.replaceAll(/swiftshader|llvmpipe/gi, 'a processor') : value;
  };
"""


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int) -> Path:
    """Nine synthesised tracks of three sources, at their own speeds."""
    root = tmp_path_factory.mktemp("listened")
    draw = np.random.default_rng(3)
    for source in SOURCES:
        (root / "music" / source).mkdir(parents=True)
        for number in range(3):
            sound = soxr.resample(clip, rate, rate * 2 ** draw.uniform(-0.6, 0.6))
            sound = sound[::-1] if source == "solo" else sound
            sound = sound + 0.4 * np.roll(sound, 1500) if source == "choir" else sound
            soundfile.write(root / "music" / source / f"{source}, piece {number}.wav", 0.5 * sound, rate)
    embed_catalog([root / "music"], root / "catalog", hop=1.5, workers=1)
    return root / "catalog"


@pytest.fixture(scope="module")
def address(catalog: Path) -> Iterator[str]:
    """A server whose map has the layout that it keeps."""
    with listening(catalog) as address:
        until(lambda: not ask(address, "map")["improving"])
        yield address


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page of 100,000 windows."""
    with listening(draw_catalog(tmp_path_factory.mktemp("large") / "catalog", 2000, 50)) as address:
        yield address


@pytest.fixture(scope="module")
def shared_page(launch: Callable[..., Page]) -> Page:
    return opened(launch)


@pytest.fixture
def page(shared_page: Page, address: str) -> Iterator[Page]:
    """The map, loaded anew; whatever a test does, the console stays empty and nobody else is asked for anything."""
    show(shared_page, address)
    yield shared_page
    asked = shared_page.run("return performance.getEntriesByType('resource').map(({ name }) => name)")
    assert all(name.startswith((address, f"blob:{address}")) for name in asked), asked
    assert shared_page.errors() == []


def opened(launch: Callable[..., Page]) -> Page:
    page = launch(QUIET)
    page.browser.set_window_size(1280, 900)
    return page


def show(page: Page, address: str) -> None:
    page.browser.get("about:blank")  # or another hash alone would not load anew
    page.browser.get(address)
    wait_for_map(page)


def ask(address: str, path: str) -> Any:
    with urllib.request.urlopen(f"{address}api/{path}") as answer:
        return json.load(answer)


def windows(address: str) -> dict[str, np.ndarray]:
    """The map's columns, read as the contract says."""
    description = ask(address, "map")
    with urllib.request.urlopen(f"{address}api/map.bin") as answer:
        data = answer.read()
    return {
        column["name"]: np.frombuffer(data, np.dtype(column["type"]), description["count"], column["offset"])
        for column in description["columns"]
    }


def on_screen(page: Page, columns: dict[str, np.ndarray]) -> np.ndarray:
    """[n, 2] where the windows are, in CSS pixels from the surface's middle, while all of the map is seen."""
    width, height = page.run("const s = document.querySelector('.surface'); return [s.clientWidth, s.clientHeight]")
    scale = min(width, height) / 2 / 1.12
    return np.stack([scale * columns["x"], -scale * columns["y"]], axis=1)


def loneliest(places: np.ndarray) -> int:
    distances = np.linalg.norm(places[:, None] - places, axis=2) + 1e9 * np.eye(len(places))
    return int(distances.min(axis=1).argmax())


def surface(page: Page) -> Any:
    return page.browser.find_element("css selector", ".surface")


def text(page: Page, selector: str) -> str:
    return page.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector)


def press(page: Page, name: str) -> None:
    """Click the button of this name."""
    page.browser.find_element("xpath", f"//main//button[normalize-space()='{name}']").click()


def keys(page: Page, *pressed: str) -> None:
    ActionChains(page.browser).send_keys(*pressed).perform()


def plays(page: Page) -> bool:
    return bool(page.run("return document.querySelector('.player .play').ariaLabel === 'Pause'"))


def saved(page: Page, name: str) -> str:
    path = page.downloads / name
    until(lambda: path.is_file() and path.stat().st_size)
    content = path.read_bytes().decode()
    path.unlink()
    return content


def test_pointing_tells_and_a_click_plays_that_window(page: Page, address: str) -> None:
    columns = windows(address)
    places = on_screen(page, columns)
    i = loneliest(places)
    right, down = (round(float(value)) for value in places[i])
    ActionChains(page.browser).move_to_element_with_offset(surface(page), right, down).perform()
    track = ask(address, f"tracks/{columns['track'][i]}")
    until(lambda: page.run("return !document.querySelector('.tip').hidden"))
    minutes, seconds = divmod(float(columns["start"][i]), 60)
    assert text(page, ".tip strong") == track["name"]
    assert text(page, ".tip span") == f"{minutes:.0f}:{seconds:04.1f} · {track['source']}"
    ActionChains(page.browser).click().perform()
    until(lambda: plays(page))
    assert text(page, ".player .name") == track["name"]
    until(lambda: page.run("return Number(document.querySelector('.player input').value)") > columns["start"][i])
    page.browser.find_element("css selector", ".player .play").click()
    until(lambda: not plays(page))


def test_colours_say_what_they_mean(page: Page, address: str) -> None:
    from selenium.webdriver.support.ui import Select

    columns, select = windows(address), Select(page.find("colour"))
    assert [option.text for option in select.options] == [
        "Source", "Strongest tag", "Tempo of change", "Reversal", "Order",
    ]  # fmt: skip
    counts = np.bincount(columns["source"])
    legend = [row.split("\n") for row in page.browser.find_element("css selector", ".legend").text.splitlines()]
    assert sorted(part for [part] in legend) == sorted([*SOURCES, *map(str, counts)])
    pictures = [painted(page)]
    page.browser.find_element("css selector", ".legend button").click()
    pictures.append(painted(page))
    for name in ("Strongest tag", "Tempo of change", "Reversal", "Order"):
        select.select_by_visible_text(name)
        pictures.append(painted(page))
    assert len(set(pictures)) == len(pictures)
    assert "P(pieces out of order)" in text(page, ".legend")


def painted(page: Page) -> str:
    """The points as a picture, after the next frame."""
    wait = "requestAnimationFrame(() => requestAnimationFrame(() => resolve(canvas.toDataURL())))"
    return page.run(f"const canvas = document.querySelector('.points'); return new Promise((resolve) => {wait})")


def test_a_search_lets_tracks_stand_out(page: Page, address: str) -> None:
    before, columns = painted(page), windows(address)
    page.find("wanted").send_keys("choir")
    until(lambda: "3 tracks named “choir”" in text(page, ".finds"))
    assert painted(page) != before
    found = ask(address, "tracks?search=choir")
    links = page.browser.find_elements("css selector", ".found a")
    assert [link.text for link in links] == [track["name"] for track in found]
    press(page, "Select them")
    ours = np.isin(columns["track"], [track["id"] for track in found])
    assert text(page, "#count") == f"{ours.sum()} windows of 3 tracks"
    page.browser.find_element("css selector", ".found .play").click()
    until(lambda: plays(page))
    page.find("wanted").send_keys(", of none")
    until(lambda: "No track named" in text(page, ".finds"))


def test_a_lasso_chooses_and_saves(page: Page, address: str, catalog: Path) -> None:
    columns = windows(address)
    places = on_screen(page, columns)
    across = np.sort(places[:, 0])
    gap = len(across) // 4 + int(np.diff(across[len(across) // 4 : 3 * len(across) // 4]).argmax())
    edge, low, high = (across[gap] + across[gap + 1]) / 2, places.min(axis=0) - 12, places.max(axis=0) + 12
    corners = [(low[0], low[1]), (edge, low[1]), (edge, high[1]), (low[0], high[1])]
    press(page, "Lasso")
    first, *rest = [(round(float(x)), round(float(y))) for x, y in corners]
    actions = ActionChains(page.browser, duration=100)
    actions.move_to_element_with_offset(surface(page), *first).click_and_hold()
    for now, before in zip(rest, [first, *rest], strict=False):
        actions.move_by_offset(now[0] - before[0], now[1] - before[1])
    actions.release().perform()
    inside = np.flatnonzero(places[:, 0] < edge)
    tracks = sorted(set(columns["track"][inside].tolist()))
    assert text(page, "#count") == f"{len(inside)} windows of {len(tracks)} tracks"

    press(page, "Save CSV")
    rows = list(csv.DictReader(saved(page, "catalog.csv").splitlines()))
    about = {track["id"]: track for track in ask(address, "tracks?limit=100")}
    labels = ask(address, "catalog")["labels"]
    for row, i in zip(rows, inside, strict=True):
        track = about[int(row["track"])]
        assert [row["name"], row["source"]] == [track["name"], track["source"]]
        assert row["tag"] == labels[columns["tag"][i]]
        for name in ("start", "x", "y", "reversal", "jigsaw"):
            assert float(row[name]) == pytest.approx(float(columns[name][i]), abs=1e-6)
    press(page, "Save M3U")
    lines = saved(page, "catalog.m3u8").splitlines()
    paths = [line for line in lines if not line.startswith("#")]
    assert lines[0] == "#EXTM3U"
    assert paths == [about[track]["path"] for track in tracks]
    assert all(Path(path).is_file() and catalog.parent in Path(path).parents for path in paths)
    starts = [columns["start"][inside][columns["track"][inside] == track].min() for track in tracks]
    assert [float(line.split("=")[1]) for line in lines if "start-time" in line] == pytest.approx(starts)
    press(page, "Clear")
    assert text(page, "#count") == "Nothing selected"


def test_by_keyboard_alone(page: Page, address: str) -> None:
    columns = windows(address)
    reached = []
    for _ in range(10):
        keys(page, Keys.TAB)
        reached.append(page.browser.switch_to.active_element)
        assert reached[-1].accessible_name
        outline = "const e = document.activeElement; return getComputedStyle(e.closest('#drop') ?? e).outlineStyle"
        assert page.run(outline) == "solid", reached[-1].accessible_name
    assert [element.accessible_name for element in reached[1:6]] == ["Map", "Dimensions", "Teach", "Game", "Compare"]
    assert "surface" in reached[8].get_attribute("class")
    page.run("document.querySelector('.surface').focus()")
    spoken = []
    arrows = (Keys.ARROW_LEFT, Keys.ARROW_UP, Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
    for key in (*arrows, "+", *arrows, *arrows):  # whatever the layout, some of them lead on
        keys(page, key)
        until(lambda: text(page, ".spoken"))
        spoken.append(text(page, ".spoken"))
    assert len(set(spoken)) >= 3
    keys(page, Keys.ENTER)
    until(lambda: plays(page))
    assert spoken[-1].startswith(text(page, ".player .name"))
    keys(page, Keys.ENTER)
    until(lambda: not plays(page))
    keys(page, "0")  # which glides
    until(lambda: keys(page, "a") or text(page, "#count").startswith(f"{len(columns['x'])} windows"))
    while page.browser.switch_to.active_element.text != "Save CSV":
        keys(page, Keys.TAB)
    keys(page, Keys.ENTER)
    assert len(saved(page, "catalog.csv").splitlines()) == 1 + len(columns["x"])
    page.run("document.querySelector('.surface').focus()")
    keys(page, "t")
    until(lambda: page.run("return location.hash").startswith("#/track/"))


def test_dimensions_are_the_servers_and_play(page: Page, address: str) -> None:
    page.browser.find_element("link text", "Dimensions").click()
    until(lambda: page.run("return document.querySelectorAll('.answers section').length") == 3)
    field = page.browser.find_element("css selector", ".dimensions input")
    field.clear()
    field.send_keys("5, 17", Keys.ENTER)
    until(lambda: page.run("return document.querySelectorAll('.answers section').length") == 2)
    expected = ask(address, "dimensions?numbers=5,17&k=12")
    cards = page.browser.find_elements("css selector", ".answers section")
    for card, answer in zip(cards, expected, strict=True):
        assert card.accessible_name == f"Dimension {answer['dimension']}"
        names = [link.text for link in card.find_elements("tag name", "a")]
        assert names == [clip["name"] for clip in answer["clips"]]
    cards[1].find_element("css selector", ".play").click()
    until(lambda: plays(page))
    first = expected[1]["clips"][0]
    assert text(page, ".player .name") == first["name"]
    place = (first["id"], first["start"])
    same = sum((clip["id"], clip["start"]) == place for answer in expected for clip in answer["clips"])
    until(lambda: page.run("return document.querySelectorAll('.clips .playing').length") == same)
    page.browser.find_element("css selector", ".check input").click()
    until(lambda: "Sum of 5, 17" in text(page, ".answers"))
    field.clear()
    field.send_keys("99999", Keys.ENTER)
    until(lambda: "Write 1 to 12 numbers" in text(page, ".told"))


@pytest.mark.usefixtures("axe")
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_is_accessible_and_nothing_jumps(page: Page, address: str, width: int, dark: bool) -> None:
    with screen(page.browser, width, dark, 800):
        for view in ("#/map", "#/dimensions"):
            show(page, address)
            page.run("location.hash = arguments[0]", view)
            ready = "#count" if view == "#/map" else ".clips"
            until(lambda ready=ready: page.run("return document.querySelector(arguments[0])", ready))
            if view == "#/map":
                page.find("wanted").send_keys("band")
                until(lambda: "3 tracks named" in text(page, ".finds"))
            keep_screenshot(page.browser, f"{view[2:]}-{width}-{'dark' if dark else 'light'}")
            assert shifts(page.browser) == []
            assert overflow(page.browser) <= 0
            background = page.run("return getComputedStyle(document.body).backgroundColor")
            assert (sum(map(int, re.findall(r"\d+", background))) < 200) == dark
            assert serious(page.browser) == []


def test_webgl_draws_what_the_canvas_draws(launch: Callable[..., Page], shared_page: Page, address: str) -> None:
    """On a graphics processor the map is drawn by WebGL; here its software stands in for one."""
    other = opened(launch)
    other.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": ACCELERATED})
    pictures = []
    for page, kind in ((shared_page, "canvas"), (other, "webgl")):
        show(page, address)
        assert surface(page).get_attribute("data-kind") == kind
        pictures.append(pixels(page))
    shared_page.errors()
    plain, shaded = pictures
    ground = plain[0, 0]
    inked = [np.abs(one - ground).sum(axis=2) > 60 for one in pictures]
    assert inked[0].sum() > 500
    assert (inked[0] & inked[1]).sum() > 0.85 * (inked[0] | inked[1]).sum()
    both = inked[0] & inked[1]
    assert np.median(np.abs(plain[both] - shaded[both])) < 12


def pixels(page: Page) -> np.ndarray:
    """[height, width, 3] what is seen of the map."""
    import io

    image = pytest.importorskip("PIL.Image")
    data = base64.b64decode(surface(page).screenshot_as_base64)
    return np.asarray(image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def test_a_hundred_thousand_windows_are_drawn_and_move(launch: Callable[..., Page], large: str) -> None:
    page = opened(launch)
    show(page, large)
    before = pixels(page)
    assert first_paint(page) > 0
    assert frame_times(page, 1)
    assert (pixels(page) != before).any()
    assert page.errors() == []


def test_what_is_missing_is_told(launch: Callable[..., Page], large: str, tmp_path: Path) -> None:
    page = opened(launch)
    show(page, large)
    assert "2000 of 2000 files" in text(page, "#problems")
    assert shifts(page.browser) == []
    surface(page).send_keys(Keys.ARROW_LEFT, Keys.ENTER)
    until(lambda: "is not where the catalog has it" in text(page, ".player .name"))
    assert not plays(page)
    with listening(draw_catalog(tmp_path / "empty", 0, 1)) as empty:
        page.browser.get(empty)
        until(lambda: "no windows" in text(page, ".words"))
        page.run("location.hash = '#/dimensions'")
        until(lambda: text(page, ".answers") or text(page, ".wrong"))
    assert page.errors() == []


def test_fingers_zoom_and_tap(page: Page, address: str) -> None:
    columns = windows(address)
    places = on_screen(page, columns)
    i = loneliest(places)
    left, top, width, height = page.run(
        "const b = document.querySelector('.surface').getBoundingClientRect(); return [b.x, b.y, b.width, b.height]"
    )
    middle = np.array([left + width / 2, top + height / 2])
    touch(page, [[middle + places[i]]])
    until(lambda: plays(page))
    assert text(page, ".player .name") == ask(address, f"tracks/{columns['track'][i]}")["name"]
    before = painted(page)
    aside = [np.array([distance, 0]) for distance in (40, 50, 60, 80, 100)]
    held = places[np.linalg.norm(places, axis=1).argmin()]  # stays where it is; the middle may be empty
    touch(page, [[middle + held - step, middle + held + step] for step in aside])
    assert painted(page) != before
    press(page, "All in view")
    zoomed = [held + zoom * (places - held) for zoom in (2.8, 2.2)]
    least, most = [(np.abs(place) <= np.array([width, height]) / 2).all(axis=1).sum() for place in zoomed]
    assert 0 < least <= int(text(page, "#count").split()[0]) <= most


def touch(page: Page, moments: list[list[np.ndarray]]) -> None:
    """Fingers at these places, moment by moment, then lifted."""
    kinds = ["touchStart", *["touchMove"] * (len(moments) - 1), "touchEnd"]
    for kind, places in zip(kinds, [*moments, []], strict=True):
        points = [{"x": float(x), "y": float(y), "id": k} for k, (x, y) in enumerate(places)]
        page.browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_a_better_layout_is_offered(launch: Callable[..., Page], catalog: Path, tmp_path: Path) -> None:
    pytest.importorskip("openTSNE", reason="the listen extra is not installed")
    shutil.copytree(catalog, tmp_path / "catalog", ignore=shutil.ignore_patterns("*.npz"))
    with listening(tmp_path / "catalog") as address:
        page = opened(launch)
        show(page, address)
        until(lambda: text(page, ".offer"))
        before = painted(page)
        press(page, "Show it")
        until(lambda: page.run("return document.querySelector('.surface')?.dataset.kind") and painted(page) != before)
        until(lambda: text(page, ".offer") == "")
        assert page.errors() == []
