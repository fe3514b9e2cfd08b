"""The track view, the drop zone's result and the jigsaw in headless Chromium, before the real server."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from support.browser import Page
from support.looks import keep_screenshot, overflow, screen, serious, shifts

pytest.importorskip("selenium", reason="selenium is not installed: pip install '.[test-all]'")
pytest.importorskip("pyarrow", reason="the catalog extra is not installed")
pytest.importorskip("starlette", reason="the listen extra is not installed: pip install '.[listen]'")
pytest.importorskip("uvicorn", reason="the listen extra is not installed: pip install '.[listen]'")

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from musicfeat.catalog import embed_catalog
from musicfeat.listen import ranges
from musicfeat.listen.answers import Answers
from support.listening import Client, serving

RATE = 22050
SIZES = [(390, False), (390, True), (1280, False), (1280, True)]
TRACKS = ("clip.wav", "edited <b>.wav", "gone.wav", "long.wav")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int) -> Path:
    """Mono at ``RATE``: the clip, the clip forwards, backwards and forwards, ten minutes, and one that goes away."""
    folder = tmp_path_factory.mktemp("music")
    wave = soxr.resample(clip, rate, RATE)
    contents = {"clip.wav": wave, "edited <b>.wav": np.concatenate([wave, wave[::-1], wave]), "gone.wav": wave[::2]}
    for name, sound in (contents | {"long.wav": np.tile(wave, 25)}).items():
        soundfile.write(folder / name, sound, RATE)
    return folder


@pytest.fixture(scope="module")
def client(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    catalog = tmp_path_factory.mktemp("catalogs") / "catalog"
    embed_catalog([str(sounds)], catalog, outputs=("embedding", "reversal", "jigsaw", "tags"))  # no cuts are stored
    (sounds / "gone.wav").unlink()
    with serving(catalog) as client:
        yield client


class Listen:
    """The page before its server."""

    def __init__(self, page: Page, client: Client) -> None:
        self.page, self.browser, self.client = page, page.browser, client
        self.root = f"http://127.0.0.1:{client.port}/"
        self.ids = {track["name"]: track["id"] for track in client.get("/api/tracks")}

    def go(self, place: str, until: str) -> None:
        """Open a view anew, and wait for an element."""
        self.browser.get("about:blank")
        self.browser.get(f"{self.root}#/{place}")
        self.find(until)

    def find(self, selector: str) -> Any:
        """The first such element, as soon as it is there."""
        return self.until(lambda: self.all(selector))[0]

    def all(self, selector: str) -> list[Any]:
        found: list[Any] = self.browser.find_elements("css selector", selector)
        return found

    def until(self, condition: Callable[[], Any]) -> Any:
        end = time.monotonic() + 600
        while True:
            with suppress(Exception):  # an element that goes while it is asked
                if value := condition():
                    return value
            assert time.monotonic() < end, self.find("body").text
            time.sleep(0.03)

    @property
    def time(self) -> float:
        """Seconds that the player's bar says."""
        minutes, seconds = self.find(".player .time").text.split(" / ")[0].split(":")
        return 60 * int(minutes) + float(seconds)

    @property
    def plays(self) -> bool:
        return "playing" in self.find(".player .play").get_attribute("class")

    def name(self) -> str:
        text: str = self.find(".player .name").text
        return text

    def judged(self) -> list[str]:
        """The cells that compare forwards and backwards, once both are known."""
        cells = [cell.text for cell in self.all(".comparison td")]
        return cells if len(cells) == 6 and "…" not in cells else []

    def press(self, *keys: str) -> None:
        ActionChains(self.browser).send_keys(*keys).perform()

    @property
    def focused(self) -> Any:
        return self.browser.switch_to.active_element

    def tab_to(self, name: str, most: int = 60) -> Any:
        """Press Tab until an element of this name is reached."""
        seen = []
        for _ in range(most):
            self.press(Keys.TAB)
            seen.append(self.focused.accessible_name)
            if seen[-1] == name:
                return self.focused
        raise AssertionError(f"{name} is not reached by Tab: {seen}")


@pytest.fixture
def listen(shared_page: Page, client: Client) -> Listen:
    shared_page.errors()
    return Listen(shared_page, client)


def painted(listen: Listen) -> list[int]:
    """Length of each canvas's picture as text; more drawing makes it longer."""
    script = "return [...document.querySelectorAll('.recording canvas')].map((c) => c.toDataURL().length)"
    sizes: list[int] = listen.page.run(script)
    return sizes


def test_a_track_shows_what_the_server_says(listen: Listen) -> None:
    track = listen.ids["edited <b>.wav"]
    told = listen.client.get(f"/api/tracks/{track}")
    listen.go(f"track/{track}", ".neighbours li")
    assert listen.find("h1 ~ *, .view h1").is_displayed()
    assert listen.find(".view h1").text == "edited <b>.wav"
    listen.until(lambda: max(painted(listen)) > 50_000)
    assert all(size > 2000 for size in painted(listen))
    facts = listen.find(".facts").text.splitlines()
    assert facts[-2:] == ["1:12", f"{len(told['starts'])} windows"]
    assert facts[facts.index("Suspicious places") + 1] == str(len(told["suspicious"])) != "0"
    listen.find("summary").click()
    listen.find("tbody tr")
    rows = [row.text for row in listen.all("tbody tr")]
    assert len(rows) == len(told["starts"])
    assert rows[3].startswith("0:30.0 0:40.0 9")
    names = [link.text for link in listen.all(".neighbours a")]
    start = told["starts"][len(told["starts"]) // 2]
    expected = listen.client.get(f"/api/tracks/{track}/neighbours?start={start}")
    assert names == [found["name"] for found in expected]
    assert listen.page.errors() == []


def test_places_and_neighbours_play(listen: Listen) -> None:
    track = listen.ids["edited <b>.wav"]
    place = listen.client.get(f"/api/tracks/{track}")["suspicious"][0]
    listen.go(f"track/{track}", ".neighbours li")
    listen.find(".places .play").click()
    listen.until(lambda: listen.plays and place["start"] < listen.time < place["start"] + 5)
    head = "return parseFloat(document.querySelector('.playhead').style.getPropertyValue('--at')) * 72"
    assert listen.page.run(head) == pytest.approx(listen.time, abs=0.5)
    assert listen.find(".places .play").accessible_name.startswith("Pause")
    button = next(li for li in listen.all(".neighbours li") if "clip.wav" in li.text).find_element("tag name", "button")
    button.click()
    listen.until(lambda: listen.plays and listen.name() == "clip.wav")
    assert listen.find(".playhead").is_displayed() is False
    listen.find(".toggle").click()
    listen.until(lambda: listen.plays and listen.name() == "edited <b>.wav")
    listen.find(".toggle").click()
    listen.until(lambda: not listen.plays)
    assert listen.page.errors() == []


def test_cuts_are_marked_once_they_are_listened_for(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for models without curves, whose cuts nobody knows before."""
    monkeypatch.setattr(Answers, "draws_curves", False)
    track = listen.ids["edited <b>.wav"]
    heard = listen.client.get(f"/api/tracks/{track}/edits")["suspicious"]
    cuts = sum(place["kind"] == "spliced" for place in heard)
    listen.go(f"track/{track}", ".neighbours li")
    before = listen.find(".facts").text
    next(button for button in listen.all("button") if button.text == "Listen for cuts").click()
    listen.until(lambda: "heard" in listen.find(".status").text)
    assert listen.find(".status").text.startswith("One cut was" if cuts == 1 else f"{cuts or 'No'} cuts were")
    assert len(listen.all(".places li")) == len(heard)
    assert (listen.find(".facts").text == before) == (cuts == 0)
    listen.until(lambda: max(painted(listen)) > 50_000)
    assert listen.page.errors() == []


def test_seeking_a_long_file_asks_for_its_end_only(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []
    respond = ranges.response

    def recorded(handle: Any, path: Any, wanted: str | None, method: str) -> Any:
        asked.append(wanted)
        return respond(handle, path, wanted, method)

    monkeypatch.setattr(ranges, "response", recorded)
    track = listen.ids["long.wav"]
    listen.go(f"track/{track}", ".toggle")
    canvas = listen.find("canvas.waveform")
    listen.until(lambda: painted(listen)[0] > 2000)
    offset = canvas.size["width"] // 2 - 40
    ActionChains(listen.browser).move_to_element_with_offset(canvas, offset, 0).click().perform()
    listen.until(lambda: listen.plays and 540 < listen.time < 600)
    firsts = [int(wanted.split("=")[1].split("-")[0]) for wanted in asked if wanted]
    assert max(firsts) > 0.8 * 600 * RATE * 2
    assert listen.page.errors() == []


def test_the_switch_plays_it_backwards(listen: Listen) -> None:
    track = listen.ids["clip.wav"]
    listen.go(f"track/{track}", ".neighbours li")
    listen.until(lambda: max(painted(listen)) > 50_000)
    listen.until(lambda: "lies between" in listen.find("canvas.edited").accessible_name)  # the last picture to come
    forwards = painted(listen)
    listen.find("[role=switch]").click()
    cells = listen.until(listen.judged)
    assert cells[0].endswith("no, it plays forwards")
    assert cells[1].endswith("yes")
    told = listen.client.get(f"/api/tracks/{track}/backwards")
    assert min(told["reversal"][:2]) > 0.5
    listen.until(lambda: listen.plays and listen.name() == "clip.wav, backwards" and listen.time > 0.2)
    listen.until(lambda: max(painted(listen)) > 50_000)
    assert painted(listen) != forwards
    listen.find("[role=switch]").click()
    listen.until(lambda: not listen.plays and not listen.find(".comparison").is_displayed())
    assert painted(listen) == forwards
    assert listen.page.errors() == []


def test_a_long_file_says_that_it_is_not_turned_around(listen: Listen) -> None:
    listen.go(f"track/{listen.ids['long.wav']}", "[role=switch]")
    listen.find("[role=switch]").click()
    listen.until(lambda: "Longer than 8 minutes" in listen.find(".status").text)
    assert listen.judged()
    assert not listen.all(".toggle")
    assert listen.page.errors() == []


def test_missing_sound_and_missing_tracks_are_told(listen: Listen) -> None:
    listen.go(f"track/{listen.ids['gone.wav']}", ".facts")
    assert "missing or was moved" in listen.find(".status").text
    assert not listen.find("[role=switch]").is_enabled()
    assert not listen.all(".toggle")
    assert listen.page.errors() == []
    listen.go("track/999", ".wrong")
    assert "999" in listen.find(".wrong").text


def pieces_in_order(listen: Listen, sounds: Path) -> str:
    """The letters of the pieces that are on the page, in playing order: found in the file by their samples."""
    get = "return performance.getEntriesByType('resource').map(({ name }) => name).filter((n) => n.endsWith('.wav'))"
    urls = listen.page.run(get)[-len(listen.all(".grip")) :]
    whole, _ = soundfile.read(sounds / "clip.wav", dtype="float32")
    views = np.lib.stride_tricks.sliding_window_view(whole, 64)
    starts = {}
    for url in urls:
        answer = listen.client.ask(url.removeprefix(listen.root.removesuffix("/")))
        piece, rate = soundfile.read(io.BytesIO(answer.body), dtype="float32")
        assert rate == RATE
        distances = np.abs(views - piece[1000:1064]).max(axis=1)
        assert distances.min() < 1e-3
        starts[int(url.split("/")[-1].removesuffix(".wav"))] = int(distances.argmin())
    return "".join(chr(65 + number) for number in sorted(starts, key=lambda number: starts[number]))


def lying(listen: Listen) -> str:
    return "".join(letter.text for letter in listen.all(".grip b"))


def test_what_is_played_backwards_is_the_sound_backwards(listen: Listen, sounds: Path) -> None:
    """The page's own functions: decoded at 44.1 kHz, turned around, written as WAV, and read back."""
    script = """
      const { address, backwards, decode } = await import('./sound.js');
      const ahead = await decode(arguments[0]);
      const url = address(backwards(ahead));
      const audio = new Audio(url);
      await new Promise((resolve, reject) => { audio.onloadedmetadata = resolve; audio.onerror = reject; });
      return [ahead.length, audio.duration, [...backwards(ahead)[0].slice(4000, 5000)]];
    """
    listen.go(f"track/{listen.ids['clip.wav']}", ".toggle")
    channels, seconds, turned = listen.page.run(script, f"api/tracks/{listen.ids['clip.wav']}/audio")
    wave, _ = soundfile.read(sounds / "clip.wav", dtype="float32")
    expected = soxr.resample(wave, RATE, 44100, quality="VHQ")[::-1][4000:5000]
    assert (channels, seconds) == (1, pytest.approx(len(wave) / RATE, abs=1e-3))
    assert np.corrcoef(turned, expected)[0, 1] > 0.99


def test_the_game_by_mouse(listen: Listen, sounds: Path) -> None:
    listen.go(f"game/{listen.ids['clip.wav']}", ".grip")
    right = pieces_in_order(listen, sounds)
    assert lying(listen) == "ABC" != right
    for i, letter in enumerate(right):
        while lying(listen)[i] != letter:
            grip = listen.all(".grip")[lying(listen).index(letter)]
            ActionChains(listen.browser).drag_and_drop(grip, listen.all(".grip")[i]).perform()
    listen.find(".piece .play").click()
    listen.until(lambda: listen.plays and listen.name() == f"Piece {right[0]}")
    listen.all(".view .tools button")[1].click()
    listen.until(lambda: listen.plays and listen.name() == f"Pieces {', '.join(right)}")
    listen.until(lambda: listen.all(".piece.heard"))
    listen.find(".main").click()
    listen.until(lambda: listen.find(".answer table").is_displayed())
    assert listen.find(".status").text == "Right!"
    rows = [row.text.split("\n")[0] for row in listen.all(".answer tr")]
    assert rows[0].startswith("You")
    assert "sure" in listen.all(".answer tr")[1].text
    assert len(listen.all(".piece.fits")) == 3
    assert listen.find(".score").text.startswith("You 1, the model ")
    assert listen.page.errors() == []


def test_the_game_by_keyboard_only(listen: Listen, sounds: Path) -> None:
    listen.go(f"game/{listen.ids['clip.wav']}", ".grip")
    listen.tab_to("Pieces")
    listen.press(Keys.ARROW_DOWN)
    listen.until(lambda: len(listen.all(".grip")) == 4)
    right = pieces_in_order(listen, sounds)
    for i, letter in enumerate(right):
        listen.page.run("document.activeElement.blur(); document.querySelector('.view').scrollIntoView()")
        listen.tab_to(f"Play piece {letter}")
        if i == 0:
            listen.press(Keys.ENTER)
            listen.until(lambda: listen.plays)
        for _ in range(lying(listen).index(letter) - i):
            listen.press(Keys.ARROW_LEFT)
        assert lying(listen)[i] == letter
        assert listen.focused.accessible_name in {f"Play piece {letter}", f"Pause piece {letter}"}
    assert "number 4 of 4" in listen.find(".status").text or lying(listen) == right
    listen.tab_to("Play in this order")
    listen.press(Keys.ENTER)
    listen.until(lambda: listen.plays and listen.name() == f"Pieces {', '.join(right)}")
    listen.tab_to("Check")
    listen.press(Keys.ENTER)
    listen.until(lambda: listen.find(".status").text == "Right!")
    assert listen.page.errors() == []


def test_a_wrong_order_is_shown_and_the_right_one_played(listen: Listen, sounds: Path) -> None:
    listen.go(f"game/{listen.ids['clip.wav']}", ".grip")
    right = pieces_in_order(listen, sounds)
    listen.find(".main").click()
    listen.until(lambda: "Not quite" in listen.find(".status").text)
    fits = sum(piece == other for piece, other in zip(right, "ABC", strict=True))
    assert (len(listen.all(".piece.fits")), len(listen.all(".piece.misfits"))) == (fits, 3 - fits)
    assert listen.all(".answer tr")[2].text.split()[-3:] == list(right)
    listen.find(".answer button").click()
    listen.until(lambda: listen.plays and listen.name() == f"Pieces {', '.join(right)}")
    assert lying(listen) == right
    assert listen.page.errors() == []


def test_a_file_is_analysed_and_one_that_is_none_is_refused(listen: Listen, sounds: Path, tmp_path: Path) -> None:
    listen.go("analyse", ".view p")
    assert "Drop a sound file anywhere" in listen.find(".view p").text
    shutil.copy(sounds / "edited <b>.wav", tmp_path / "new <i>.wav")
    listen.find("#file").send_keys(str(tmp_path / "new <i>.wav"))
    listen.until(lambda: listen.all(".neighbours li"))
    assert listen.find(".view h1").text == "new <i>.wav"
    assert listen.find(".neighbours a").text == "edited <b>.wav"
    listen.until(lambda: max(painted(listen)) > 50_000)
    assert "plays backwards" in listen.find(".places").text
    listen.find(".toggle").click()
    listen.until(lambda: listen.plays and listen.name() == "new <i>.wav")
    listen.find("[role=switch]").click()
    listen.until(lambda: listen.plays and listen.name() == "new <i>.wav, backwards")
    assert len(listen.client.get("/api/tracks")) == len(TRACKS)
    next(button for button in listen.all("button") if button.text == "Add to the catalog").click()
    listen.until(lambda: "Added." in listen.find(".status").text)
    assert listen.page.errors() == []
    (tmp_path / "rubbish.mp3").write_bytes(b"no sound at all" * 100)
    drop = """
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['no sound at all'], 'rubbish.mp3'));
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    """
    listen.page.run(drop)
    listen.until(lambda: "wrong" in listen.find(".status").get_attribute("class"))
    assert "not audio that can be decoded" in listen.find(".status").text
    assert not listen.plays


def test_the_keyboard_reaches_everything_of_a_track(listen: Listen) -> None:
    listen.go(f"track/{listen.ids['edited <b>.wav']}", ".neighbours li")
    for name in ("Play it backwards", "Jigsaw of this track", "Play", "Position"):
        listen.tab_to(name)
        assert listen.page.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    listen.press(Keys.END)
    assert listen.find(".recording .time").text == "1:12.0"
    listen.press(Keys.HOME)
    place = listen.find(".places .play").accessible_name
    listen.tab_to(place)
    listen.press(Keys.SPACE)
    listen.until(lambda: listen.plays)
    listen.press(Keys.SPACE)
    listen.until(lambda: not listen.plays)
    listen.tab_to("The numbers of every window")
    listen.press(Keys.ENTER)
    listen.until(lambda: listen.all("tbody tr"))
    listen.tab_to("Every window")
    listen.tab_to("Find for the current position")
    listen.press(Keys.ENTER)
    listen.until(lambda: "Sounds like 0:30" in listen.find(".similar h2").text)
    assert listen.page.errors() == []


@pytest.mark.usefixtures("axe")
@pytest.mark.parametrize(("width", "dark"), SIZES)
def test_it_fits_and_nothing_jumps_and_everybody_can_use_it(listen: Listen, width: int, dark: bool) -> None:
    look = f"{width}-{'dark' if dark else 'light'}"
    with screen(listen.browser, width, dark, 1900):
        for place, ready in (("track", ".neighbours li"), ("game", ".grip")):
            listen.go(f"{place}/{listen.ids['edited <b>.wav']}", ready)
            time.sleep(0.5)
            assert shifts(listen.browser) == [], place
            if place == "game":
                listen.find(".main").click()
                listen.find(".answer table")
            else:
                listen.find("[role=switch]").click()
                listen.until(listen.judged)
                listen.until(lambda: max(painted(listen)) > 50_000)
            assert overflow(listen.browser) <= 0
            inner = "const view = document.getElementById('view'); return view.scrollWidth - view.clientWidth"
            assert listen.page.run(inner) <= 0
            assert serious(listen.browser) == []
            keep_screenshot(listen.browser, f"{place}-{look}")
    assert listen.page.errors() == []
