"""The page in headless Chromium: its numbers are the runtime's, and nothing leaves the machine."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from musicfeat import Extractor
from musicfeat.session import find_model

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install '.[test]'")

ROOT = Path(__file__).parents[2]
WEB = ROOT / "runtime" / "web"
OFFLINE = re.compile("ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT")
TOLERANCE = 1e-3
SECONDS = 60.0
"""Nothing on the page takes longer, or it has failed."""


class Site(ThreadingHTTPServer):
    """Serves the runtime's folder, as the page's README says, and what a test puts in its place."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=str(ROOT / "runtime")))
        self.replaced: dict[str, bytes | None] = {}
        self.asked: list[str] = []
        self.origin = f"http://127.0.0.1:{self.server_port}"
        self.url = f"{self.origin}/web/"


class Handler(SimpleHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path not in self.server.replaced:
            super().do_GET()
        elif (body := self.server.replaced[self.path]) is None:
            self.send_error(404)
        else:
            self.send_response(200)
            self.send_header("Content-Type", self.guess_type(self.path))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class Page:
    """The page in a browser, as a user has it."""

    def __init__(self, browser: Any, downloads: Path) -> None:
        self.browser, self.downloads = browser, downloads

    def open(self, url: str) -> str:
        """Load it; what it says once the model is there, or not."""
        self.browser.get(url)
        return self.says("^(?!Loading)")

    def find(self, identity: str) -> Any:
        return self.browser.find_element("id", identity)

    def says(self, pattern: str) -> str:
        """The status line as soon as it matches."""
        return self.until(lambda: (s := self.find("status").text) and re.search(pattern, s) and s)

    def until(self, condition: Callable[[], Any]) -> Any:
        end = time.monotonic() + SECONDS
        while not (value := condition()):
            assert time.monotonic() < end, f"the page says: {self.find('status').text}"
            time.sleep(0.02)
        return value

    def choose(self, path: Path) -> str:
        """Hand over a file; what the page says when it is done with it."""
        self.browser.execute_script("document.getElementById('status').textContent = 'Loading'")
        self.find("file").send_keys(str(path))
        return self.says("judged,|decoded|empty|holds|read|wrong")

    def saved(self, name: str) -> dict[str, Any]:
        """What the button saves."""
        path = self.downloads / f"{name}.json"
        path.unlink(missing_ok=True)
        self.find("save").click()
        self.until(path.is_file)
        return json.loads(path.read_text())

    def errors(self) -> list[str]:
        return [entry["message"] for entry in self.browser.get_log("browser")]


@pytest.fixture(scope="module")
def packages() -> None:
    """What the README's first command installs, if it has not been called in this checkout."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    pinned = json.loads((WEB / "package.json").read_text())["dependencies"]["onnxruntime-web"]
    installed = WEB / "node_modules" / "onnxruntime-web" / "package.json"
    if not installed.is_file() or json.loads(installed.read_text())["version"] != pinned:
        done = subprocess.run(["npm", "ci", "--prefix", WEB], capture_output=True, text=True, timeout=600, check=False)
        if done.returncode and (reason := OFFLINE.search(done.stderr)):
            pytest.skip(f"npm cannot fetch onnxruntime-web here: {reason[0]}")
        assert done.returncode == 0, done.stderr


@pytest.fixture
def site(packages: None) -> Iterator[Site]:
    with Site() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def launch(packages: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Page]]:
    """Starts headless browsers."""
    chromium, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("Chromium and its driver are not installed (Debian: chromium, chromium-driver)")
    downloads, browsers = tmp_path_factory.mktemp("downloads"), []

    def start(*arguments: str) -> Page:
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        for argument in ("--headless=new", "--disable-dev-shm-usage", *root, *arguments):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
        browsers.append(webdriver.Chrome(options, webdriver.ChromeService(driver)))
        return Page(browsers[-1], downloads)

    yield start
    for browser in browsers:
        browser.quit()


@pytest.fixture(scope="module")
def shared_page(launch: Callable[..., Page]) -> Page:
    return launch()


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
    assert found["silent"] == features.silent.tolist()
    pairs = {"starts": features.starts, "ends": features.ends, "weights": features.weights, "jigsaw": features.jigsaw}
    pairs |= {"reversal": features.reversal, "embeddings": features.embeddings, "tag_curve": features.tag_curve}
    for name, expected in pairs.items():
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=TOLERANCE, err_msg=name)
    np.testing.assert_allclose(found["pooled"]["embedding"], features.embedding, rtol=0, atol=TOLERANCE)
    assert found["pooled"]["reversed"] == pytest.approx(features.reversed, abs=TOLERANCE)
    assert found["pooled"]["tags"] == pytest.approx(features.tags, abs=TOLERANCE)


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
    from selenium.webdriver.support.ui import Select

    path = music_folder / "abstreet" / "carol_bells.opus"
    Select(page.find("step")).select_by_visible_text("10 s")
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
    painted = page.browser.execute_script("return [...document.querySelectorAll('canvas')].map(c => c.toDataURL())")
    page.open(page.browser.current_url)
    empty = page.browser.execute_script("return [...document.querySelectorAll('canvas')].map(c => c.toDataURL())")
    assert len(painted) == 3
    assert all(len(picture) > len(blank) for picture, blank in zip(painted, empty, strict=True))


def test_a_dropped_file_replaces_one_in_work(page: Page, sounds: dict[str, Path], site: Site) -> None:
    site.replaced |= {f"/web/{name}": sounds[name].read_bytes() for name in ("clip.wav", "brief.wav")}
    drop = """
      const files = await Promise.all(arguments[0].map(async (name) => new File([await (await fetch(name)).blob()], name)));
      for (const file of files) {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(file);
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
    """
    page.browser.execute_script(drop, ["clip.wav", "brief.wav"])
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
    """What page and worker asked for, by Chromium's own log; and a foreign request is refused in both."""
    log = tmp_path / "net.json"
    page = launch(f"--log-net-log={log}")
    page.open(site.url)
    page.choose(sounds["clip.mp3"])
    entries = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    assert {name.split("/web/")[0] for name in page.browser.execute_script(entries)} <= {
        site.origin,
        f"blob:{site.origin}",
    }
    assert page.errors() == []
    with Site() as foreign:
        threading.Thread(target=foreign.serve_forever, daemon=True).start()
        attempt = f"fetch('{foreign.url}', {{ mode: 'no-cors' }}).then(() => 'came through', (error) => String(error))"
        assert "TypeError" in page.browser.execute_script(f"return {attempt}")
        site.replaced["/web/probe.js"] = f"{attempt}.then((answer) => postMessage(answer))".encode()
        probe = """
          const { offlineWorker } = await import('/web/offline.js');
          const worker = offlineWorker(new URL('/web/probe.js', location.href));
          return new Promise((resolve) => { worker.onmessage = ({ data }) => resolve(data); });
        """
        assert "TypeError" in page.browser.execute_script(probe)
        assert foreign.asked == []
        foreign.shutdown()
    page.browser.quit()
    text = log.read_text()
    requests = re.findall(r'"initiator":"([^"]*)"[^{}]*"url":"([^"]*)"', text)
    ours = {url for initiator, url in requests if initiator == site.origin}
    assert f"{site.origin}/musicfeat/models/music-small.onnx" in ours
    assert all(url.startswith((site.origin, f"blob:{site.origin}")) for url in ours), ours


@pytest.mark.parametrize(("width", "dark"), [(390, False), (390, True), (1280, False), (1280, True)])
def test_it_fits_and_nothing_jumps(launch: Callable[..., Page], shared_page: Page, site: Site, sounds: dict[str, Path], width: int, dark: bool) -> None:  # fmt: skip  # noqa: E501
    page, browser = shared_page, shared_page.browser
    screen = {"width": width, "height": 800, "deviceScaleFactor": 2, "mobile": width < 500}
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    try:
        page.open(site.url)
        page.choose(sounds["clip.wav"])
        page.choose(sounds["brief.wav"])
        moved = """
          return new Promise((resolve) => new PerformanceObserver((list) => resolve(
            list.getEntries().reduce((sum, entry) => sum + entry.value, 0))).observe({ type: 'layout-shift', buffered: true })
            || setTimeout(() => resolve(0), 300));
        """
        assert browser.execute_script(moved) < 0.01
        sizes = "const { scrollWidth, clientWidth } = document.documentElement; return [scrollWidth, clientWidth];"
        assert browser.execute_script(sizes) == [width, width]
        background = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", background))) < 200) == dark
        page.choose(sounds["clip.wav"])
        assert contrasts(browser) > 4.5
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def contrasts(browser: Any) -> float:
    """The least contrast of text to its background on the page, as WCAG 2.2 defines it."""
    script = """
      return [...document.querySelectorAll('h1, h2, p, strong, small, dt, dd, li span, summary, label')].map((element) => {
        let ground = element;
        while (getComputedStyle(ground).backgroundColor === 'rgba(0, 0, 0, 0)' && ground.parentElement) ground = ground.parentElement;
        return [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor];
      });
    """
    pairs = [[luminance(colour) for colour in pair] for pair in browser.execute_script(script)]
    assert len(pairs) > 20
    return min((max(pair) + 0.05) / (min(pair) + 0.05) for pair in pairs)


def luminance(colour: str) -> float:
    channels = np.array([int(part) for part in re.findall(r"\d+", colour)[:3]]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_the_keyboard_reaches_everything(page: Page, sounds: dict[str, Path]) -> None:
    from selenium.webdriver.common.keys import Keys

    page.choose(sounds["brief.wav"])
    page.browser.execute_script("document.activeElement.blur()")
    reached = []
    for _ in range(4):
        page.browser.switch_to.active_element.send_keys(Keys.TAB)
        focused = page.browser.switch_to.active_element
        reached.append((focused.get_attribute("id") or focused.tag_name, focused.accessible_name))
    assert [name for name, _ in reached] == ["file", "step", "save", "summary"]
    assert all(label for _, label in reached)
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert page.browser.execute_script(outline) == "solid"
    for canvas in page.browser.find_elements("tag name", "canvas"):
        assert "brief.wav" in canvas.accessible_name
