"""The page in headless Chromium: its numbers are the runtime's, and nothing leaves the machine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from musicfeat import Extractor
from musicfeat.model.session import find_model
from support.browser import Page, Site, serving
from support.features import assert_same_features
from support.looks import is_dark, overflow, screen, shifts
from support.paths import ROOT

pytestmark = pytest.mark.usefixtures("packages")


@pytest.fixture
def page(shared_page: Page, site: Site) -> Page:
    """The page, its model loaded, without a file."""
    assert "was loaded" in shared_page.open(site.url)
    return shared_page


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int) -> dict[str, Path]:
    """The synthesised clip in stereo, in many guises."""
    folder = tmp_path_factory.mktemp("sounds")
    stereo = np.stack([clip, 0.8 * np.roll(clip, 300)], axis=1)
    faster = soxr.resample(stereo, rate, 48000)
    paused = np.concatenate([stereo[: 11 * rate], np.zeros((12 * rate, 2), dtype=np.float32), stereo[: 3 * rate]])
    contents: dict[str, tuple[np.ndarray, int, str | None]] = {
        "clip.wav": (stereo, rate, "PCM_16"), "clip.flac": (stereo, rate, "PCM_24"), "clip.mp3": (stereo, rate, None),
        "clip.ogg": (stereo, rate, "VORBIS"), "opus.ogg": (faster, 48000, "OPUS"), "48.wav": (faster, 48000, "FLOAT"),
        "loud.wav": (1000 * stereo, rate, "FLOAT"), "quiet.wav": (1e-4 * stereo, rate, "FLOAT"),
        "mono.wav": (soxr.resample(clip, rate, 22050), 22050, "FLOAT"), "backwards.wav": (stereo[::-1], rate, "FLOAT"),
        "brief.wav": (stereo[: rate // 2], rate, "FLOAT"), "paused.wav": (paused, rate, "PCM_24"),
        "silence.wav": (np.zeros((rate, 2)), rate, "PCM_16"),
    }  # fmt: skip
    for name, (sound, sr, subtype) in contents.items():
        soundfile.write(folder / name, sound, sr, subtype)
    return {name: folder / name for name in contents}


def assert_equal_to_the_runtime(found: dict[str, Any], path: Path) -> None:
    features = Extractor(threads=1, hop=found["hop"])(path)
    assert found["file"] == path.name
    assert (found["sr"], found["sr_declared"], found["labels"]) == (features.sr, True, list(features.labels))
    assert_same_features(found, features)


def test_every_number_is_the_runtimes(page: Page, sounds: dict[str, Path]) -> None:
    for name, path in sounds.items():
        assert f"{name}: " in page.choose(path)
        found = page.saved(name)
        assert_equal_to_the_runtime(found, path)
        assert (found["pooled"]["reversed"] > 0.5) == (name == "backwards.wav")
        assert found["hop"] == 2.5
        assert 0 < sum(found["seconds"][key] for key in ("decode", "resample", "model")) < found["seconds"]["total"]
    assert page.errors() == []


def test_real_music_at_another_step(page: Page, music_folder: Path) -> None:
    path = music_folder / "abstreet" / "carol_bells.opus"
    page.step("10 s")
    page.choose(path)
    assert_equal_to_the_runtime(page.saved(path.name), path)


def test_what_is_shown_is_what_was_found(page: Page, sounds: dict[str, Path]) -> None:
    page.choose(sounds["paused.wav"])
    found = page.saved("paused.wav")
    assert page.find("facts").text.splitlines()[:3] == [
        "P(backwards)",
        f"{found['pooled']['reversed']:.3f}",
        "of the whole file",
    ]
    best = max(found["pooled"]["tags"].items(), key=lambda tag: tag[1])
    assert page.find("bars").text.splitlines()[:2] == [best[0].replace("_", " "), f"{best[1]:.2f}"]
    page.browser.find_element("tag name", "summary").click()
    rows = page.find("rows").text.splitlines()
    assert len(rows) == len(found["starts"])
    assert rows[0].split()[:4] == ["0:00.0", "0:10.0", f"{found['reversal'][0]:.3f}", f"{found['jigsaw'][0]:.3f}"]
    assert rows[-1].split()[3] == "undecided"  # padded
    painted = page.run("return [...document.querySelectorAll('canvas')].map(c => c.toDataURL())")
    page.open(page.browser.current_url)
    empty = page.run("return [...document.querySelectorAll('canvas')].map(c => c.toDataURL())")
    assert len(painted) == 3
    assert all(len(picture) > len(blank) for picture, blank in zip(painted, empty, strict=True))


def test_a_dropped_file_replaces_one_in_work(page: Page, sounds: dict[str, Path], site: Site) -> None:
    site.replaced |= {f"/web/{name}": sounds[name].read_bytes() for name in ("clip.wav", "brief.wav")}
    drop = """
      const [names] = arguments;
      const blobs = await Promise.all(names.map(async (name) => (await fetch(name)).blob()));
      for (const [i, name] of names.entries()) {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([blobs[i]], name));
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
    """
    page.run(drop, ["clip.wav", "brief.wav"])
    page.says("^brief.wav: 1 windows judged")
    time.sleep(1)
    assert_equal_to_the_runtime(page.saved("brief.wav"), sounds["brief.wav"])


def test_bad_files_are_told_in_words(page: Page, sounds: dict[str, Path], tmp_path: Path) -> None:
    files = {
        "text.mp3": b"no sound " * 100,
        "empty.wav": b"",
        "<b>torn</b>.flac": sounds["clip.flac"].read_bytes()[:60],
    }
    files["header.wav"] = sounds["clip.wav"].read_bytes()[:44]
    words = {
        "text.mp3": "cannot be decoded",
        "empty.wav": "is empty (0 bytes)",
        "<b>torn</b>.flac": "cannot be decoded",
    }
    for name, content in files.items():
        (tmp_path / name.replace("/", "_")).write_bytes(content)
        said = page.choose(tmp_path / name.replace("/", "_"))
        assert said.startswith(name.replace("/", "_"))
        assert words.get(name, "") in said
        assert "wrong" in page.find("status").get_attribute("class")
        assert not page.find("save").is_enabled()
    assert "windows judged" in page.choose(sounds["brief.wav"])
    assert page.find("status").get_attribute("class") == ""
    assert page.errors() == []


def test_a_model_that_cannot_be_used_is_told_in_words(shared_page: Page, site: Site, sounds: dict[str, Path]) -> None:
    model = find_model(None).read_bytes()
    beheaded = model.replace(b"waveform", b"wavefork")
    for content, words in (
        (None, "HTTP 404"),
        (b"<html>", "not an ONNX file"),
        (b"", "not a musicfeat model"),
        (beheaded, "model"),
    ):
        site.replaced["/musicfeat/models/music-small.onnx"] = content
        assert words in shared_page.open(site.url)
        assert shared_page.find("status").get_attribute("class") == "wrong"
        assert words in shared_page.choose(sounds["brief.wav"])
    shared_page.errors()  # Chromium notes the 404


def test_without_its_packages_the_page_says_so(shared_page: Page, site: Site) -> None:
    site.replaced["/web/node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs"] = None
    assert "onnxruntime-web installed" in shared_page.open(site.url)
    shared_page.errors()


def test_nothing_leaves_the_machine(
    launch: Callable[..., Page], site: Site, sounds: dict[str, Path], tmp_path: Path
) -> None:
    """Requests of page and worker, by Chromium's own log; and a foreign request is refused in both."""
    log = tmp_path / "net.json"
    page = launch(f"--log-net-log={log}")
    page.open(site.url)
    page.choose(sounds["clip.mp3"])
    entries = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    assert {name.split("/web/")[0] for name in page.run(entries)} <= {
        site.origin,
        f"blob:{site.origin}",
    }
    assert page.errors() == []
    with serving() as foreign:
        attempt = f"fetch('{foreign.url}', {{ mode: 'no-cors' }}).then(() => 'came through', (error) => String(error))"
        assert "TypeError" in page.run(f"return {attempt}")
        site.replaced["/web/probe.js"] = f"{attempt}.then((answer) => postMessage(answer))".encode()
        probe = """
          const { offlineWorker } = await import('/web/offline.js');
          const worker = offlineWorker(new URL('/web/probe.js', location.href));
          return new Promise((resolve) => { worker.onmessage = ({ data }) => resolve(data); });
        """
        assert "TypeError" in page.run(probe)
        assert foreign.asked == []
    page.browser.quit()
    events = [json.loads(line.rstrip(",")) for line in log.read_text().splitlines() if '"initiator"' in line]
    ours = {event["params"]["url"] for event in events if event["params"]["initiator"] == site.origin}
    assert f"{site.origin}/musicfeat/models/music-small.onnx" in ours
    assert all(url.startswith((site.origin, f"blob:{site.origin}")) for url in ours), ours


@pytest.mark.parametrize(("width", "dark"), [(390, False), (390, True), (1280, False), (1280, True)])
def test_it_fits_and_nothing_jumps(
    shared_page: Page, site: Site, sounds: dict[str, Path], width: int, dark: bool
) -> None:
    page, browser = shared_page, shared_page.browser
    with screen(browser, width, dark, 800):
        page.open(site.url)
        page.choose(sounds["clip.wav"])
        page.choose(sounds["brief.wav"])
        assert sum(moved for moved, *_ in shifts(browser)) < 0.01
        assert overflow(browser) <= 0
        assert is_dark(browser) == dark
        page.choose(sounds["clip.wav"])
        assert contrasts(browser) > 4.5


def contrasts(browser: Any) -> float:
    """The least contrast of text to its background on the page, as WCAG 2.2 defines it."""
    script = """
      const ground = (element) => {
        const colour = getComputedStyle(element).backgroundColor;
        return colour === 'rgba(0, 0, 0, 0)' && element.parentElement ? ground(element.parentElement) : colour;
      };
      const texts = document.querySelectorAll('h1, h2, p, strong, small, dt, dd, li span, summary, label');
      return [...texts].map((element) => [getComputedStyle(element).color, ground(element)]);
    """
    pairs = [[luminance(colour) for colour in pair] for pair in browser.execute_script(script)]
    assert len(pairs) > 20
    return min((max(pair) + 0.05) / (min(pair) + 0.05) for pair in pairs)


def luminance(colour: str) -> float:
    channels = np.array([int(part) for part in re.findall(r"\d+", colour)[:3]]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_the_keyboard_reaches_everything(page: Page, sounds: dict[str, Path]) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    page.choose(sounds["brief.wav"])
    page.run("document.activeElement.blur()")
    reached = []
    for _ in range(4):
        ActionChains(page.browser).send_keys(Keys.TAB).perform()
        focused = page.browser.switch_to.active_element
        reached.append((focused.get_attribute("id") or focused.tag_name, focused.accessible_name))
    assert [name for name, _ in reached] == ["file", "step", "save", "summary"]
    assert all(label for _, label in reached)
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert page.run(outline) == "solid"
    for canvas in page.browser.find_elements("tag name", "canvas"):
        assert "brief.wav" in canvas.accessible_name


@pytest.mark.usefixtures("shared_page")
def test_the_benchmark_prints_its_table(sounds: dict[str, Path]) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "web.py"), str(sounds["brief.wav"]), "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| decode",
        "| resample",
        "| model",
        "| all, as a user waits",
    ]
