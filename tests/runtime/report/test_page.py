"""The report of a recording: what it says, that it holds everything and fetches nothing, how it looks."""

from __future__ import annotations

import base64
import json
import re
import shutil
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from musicfeat import Extractor, InputError
from musicfeat.cli import main
from musicfeat.report import page as module
from musicfeat.report.bundle import bundled
from musicfeat.report.overview import overview
from musicfeat.report.page import html, judged, write_report
from support.browser import Page, serving
from support.looks import is_dark, keep_screenshot, overflow, screen, serious, shifts

NAME = '<img src=x onerror=alert(1)> & "<!--<script>".wav'


@dataclass(frozen=True)
class Report:
    """A report and what it was made from."""

    recording: Path
    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def data(self) -> dict[str, Any]:
        (found,) = re.findall(r'<script id="data" type="application/json">(.*?)</script>', self.text, re.DOTALL)
        values: dict[str, Any] = json.loads(found)
        return values

    @property
    def url(self) -> str:
        return self.path.as_uri()


@pytest.fixture(scope="module")
def wave(clip: np.ndarray) -> np.ndarray:
    """24 s forwards, 24 s backwards, 24 s forwards."""
    return np.concatenate([clip, clip[::-1], clip])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, wave: np.ndarray, rate: int) -> Report:
    folder = tmp_path_factory.mktemp("report")
    soundfile.write(folder / "edited.wav", wave, rate)
    recording = (folder / "edited.wav").rename(folder / NAME)
    assert main(["report", str(recording), "-o", str(folder / "report.html"), "--audio", "--threads", "1"]) == 0
    return Report(recording, folder / "report.html")


def opened(page: Page, report: Report) -> Any:
    page.browser.get(report.url)
    return page.browser


def test_it_holds_what_the_extractor_says(made: Report) -> None:
    data, features = made.data, Extractor(threads=1, hop=2.5)(made.recording)
    assert (data["name"], data["duration"]) == (NAME, pytest.approx(72, abs=0.01))
    for name in ("starts", "ends", "reversal", "jigsaw"):
        np.testing.assert_allclose(data[name], getattr(features, name), atol=1e-4)
    assert data["reversed"] == pytest.approx(features.reversed, abs=1e-4)
    np.testing.assert_allclose(np.transpose(list(data["tags"].values())), features.tag_curve, atol=1e-4)
    assert tuple(data["tags"]) == features.labels
    seen, picture = overview(made.recording), data["picture"]
    assert base64.b64decode(picture["spectrogram"]) == seen.spectrogram.tobytes()
    assert base64.b64decode(picture["peaks"]) == seen.peaks.tobytes()
    (stretch,) = [place for place in data["suspicious"] if place["kind"] == "reversed"]
    assert stretch["start"] == pytest.approx(24, abs=5)
    assert stretch["end"] == pytest.approx(48, abs=5)


def test_findings_are_those_that_check_has_of_a_catalog(made: Report, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="the catalog extra is not installed")
    from musicfeat.catalog import Catalog, embed_catalog
    from musicfeat.catalog.check import check

    (tmp_path / "music").mkdir()
    shutil.copy(made.recording, tmp_path / "music" / "song.wav")
    embed_catalog(tmp_path / "music", tmp_path / "catalog", hop=2.5)
    (verdict,) = check(Catalog(tmp_path / "catalog"))
    assert [place["kind"] for place in made.data["suspicious"]] == [finding.kind for finding in verdict.findings]
    for place, finding in zip(made.data["suspicious"], verdict.findings, strict=True):
        for name in ("start", "end", "probability"):
            assert place[name] == pytest.approx(getattr(finding, name), abs=1e-4)


def test_a_name_is_never_markup(made: Report) -> None:
    assert made.text.count("<img") == 0
    assert made.text.count("<script") == 3  # data, sound, program
    assert made.text.count("</script") == 3
    assert "<!--" not in made.text
    assert "&lt;img src=x onerror=alert(1)&gt; &amp; &quot;&lt;!--&lt;script&gt;&quot;.wav" in made.text


def test_the_sound_is_held_only_when_asked_for(
    made: Report, tmp_path: Path, wave: np.ndarray, rate: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (sound,) = re.findall(r'<script id="sound" type="text/plain">([\w+/=]+)</script>', made.text)
    assert base64.b64decode(sound) == made.recording.read_bytes()
    recording, path = tmp_path / "brief.wav", tmp_path / "out.html"
    soundfile.write(recording, wave[: 5 * rate], rate)
    assert main(["report", str(recording), "-o", str(path), "--threads", "1"]) == 0
    size = path.stat().st_size
    assert capsys.readouterr().out == f"{path}: {size / 1e6:.2f} MB, without the sound (--audio holds it)\n"
    assert 'id="sound"' not in path.read_text(encoding="utf-8")
    held = write_report(recording, path, Extractor(threads=1), audio=True)
    assert held == path.stat().st_size > size + recording.stat().st_size


def test_the_same_file_gives_the_same_report(made: Report, tmp_path: Path) -> None:
    write_report(made.recording, tmp_path / "again.html", Extractor(threads=1, hop=2.5), audio=True)
    assert (tmp_path / "again.html").read_bytes() == made.path.read_bytes()


def test_short_silent_and_untagged_recordings(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(rate // 2), rate)
    data = judged(tmp_path / "silent.wav", Extractor(threads=1, outputs=["reversal"]))
    assert (data["reversed"], data["suspicious"], data["tags"]) == (0.5, [], {})
    assert "P(plays backwards) 0.500" in html(data, bundled("report.js"))


def test_bad_input_is_one_line_and_leaves_nothing(
    made: Report, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text.wav").write_bytes(b"no sound" * 100)
    out = tmp_path / "out.html"
    cases = [
        (tmp_path / "missing.wav", out, "does not exist"),
        (tmp_path / "text.wav", out, "not audio that can be decoded"),
        (made.recording, tmp_path, "name a file in a folder that exists"),
        (made.recording, tmp_path / "none" / "out.html", "name a file in a folder that exists"),
        (made.recording, made.recording, "it is the recording itself"),
    ]
    before = made.recording.read_bytes()
    for recording, output, words in cases:
        assert main(["report", str(recording), "-o", str(output), "--threads", "1"]) == 1
        told = capsys.readouterr().err
        assert words in told
        assert told.count("\n") == 1
    monkeypatch.setattr(module, "LARGEST_SOUND", 1000)
    with pytest.raises(InputError, match="too much to embed"):
        write_report(made.recording, out, Extractor(threads=1), audio=True)
    assert made.recording.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["text.wav"]


def test_a_failed_write_keeps_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    soundfile.write(tmp_path / "brief.wav", np.sin(np.arange(44100)), 44100)
    (tmp_path / "out.html").write_text("old")
    monkeypatch.setattr(module.os, "replace", full)
    with pytest.raises(InputError, match="No space left"):
        write_report(tmp_path / "brief.wav", tmp_path / "out.html", Extractor(threads=1))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["brief.wav", "out.html"]
    assert (tmp_path / "out.html").read_text() == "old"


def test_it_shows_and_plays_offline(shared_page: Page, made: Report) -> None:
    browser = opened(shared_page, made)
    assert browser.find_element("tag name", "h1").text == NAME
    facts = browser.find_element("class name", "facts").text.splitlines()
    assert facts[0] == "Plays backwards"
    painted = "return [...document.querySelectorAll('canvas')].map((c) => [c.width, c.toDataURL().length])"
    assert all(width > 300 and size > 3000 for width, size in shared_page.run(painted))
    assert len(shared_page.run(painted)) == 5
    head = "return document.querySelector('.playhead').style.getPropertyValue('--at')"
    browser.find_element("css selector", ".places .play").click()
    shared_page.until(lambda: shared_page.run("return document.querySelector('.time').textContent") > "0:20")
    assert 0.2 < float(shared_page.run(head)) < 0.5
    browser.find_element("class name", "toggle").click()
    browser.find_element("tag name", "summary").click()
    shared_page.until(lambda: len(browser.find_elements("css selector", "tbody tr")) == len(made.data["starts"]))
    assert shared_page.errors() == []


def test_it_can_fetch_nothing_and_runs_nothing_else(shared_page: Page, made: Report) -> None:
    own = re.sub('<script id="data".*', "", made.text).replace(escape(NAME), "")
    assert not re.search(r"\b(src|href)=|url\(|@import|https?://(?!www\.w3\.org)", own)
    opened(shared_page, made)
    with serving() as foreign:
        attempt = f"return fetch('{foreign.url}', {{ mode: 'no-cors' }}).then(() => 'came', (error) => String(error))"
        assert "TypeError" in shared_page.run(attempt)
        added = f"""
          const make = (name) => document.createElement(name);
          const add = (name, properties) => document.body.append(Object.assign(make(name), properties));
          add('img', {{ src: '{foreign.url}' }});
          add('script', {{ textContent: 'window.ran = true' }});
          add('script', {{ src: '{foreign.url}x.js' }});
          add('iframe', {{ src: '{foreign.url}' }});
          add('div', {{ innerHTML: '<b onclick="window.ran = true">x</b>' }});
          document.body.lastChild.firstChild.click();
          return new Promise((resolve) => setTimeout(() => resolve(window.ran ?? null), 300));
        """
        assert shared_page.run(added) is None
        assert foreign.asked == []
    assert all("Content Security Policy" in line for line in shared_page.errors())


@pytest.mark.usefixtures("axe")
@pytest.mark.parametrize(("width", "dark"), [(390, False), (390, True), (1280, False), (1280, True)])
def test_it_fits_and_everybody_can_use_it(shared_page: Page, made: Report, width: int, dark: bool) -> None:
    with screen(shared_page.browser, width, dark, 1700):
        browser = opened(shared_page, made)
        assert shifts(browser) == []
        assert overflow(browser) <= 0
        browser.find_element("tag name", "summary").click()
        assert serious(browser) == []
        assert is_dark(browser) == dark
        keep_screenshot(browser, f"report-{width}-{'dark' if dark else 'light'}")
