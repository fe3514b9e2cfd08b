"""Files judged in the browser by the npm package: what the server hands out for it, and what it believes."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

for name in ("pyarrow", "portalocker", "starlette", "uvicorn"):
    pytest.importorskip(name, reason="the extra musicfeat[listen] is not installed")

# ruff: noqa: E402
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from musicfeat import Extractor
from musicfeat.catalog import embed_catalog
from musicfeat.cli import main
from musicfeat.errors import InputError
from musicfeat.listen.application import Application
from musicfeat.listen.guard import HEADERS, ISOLATED
from musicfeat.listen.library import Library
from musicfeat.listen.packages import RUNTIME, files_of
from musicfeat.listen.received import MOST_BYTES
from musicfeat.listen.serve import bound
from musicfeat.model.session import find_model
from support.browser import Page
from support.listening import OWN, Client, running, serving
from support.paths import WEB

SECONDS = 300
SECRET = b"secret: not for the page"
DROP = """
  const [packed, name] = arguments;
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name));
  document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
"""
JUDGE = """
  const [packed, done] = arguments;
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const judge = async () => {
    const [{ byBrowser }, { api }] = await Promise.all([import('/hear.js'), import('/api.js')]);
    const { in_browser } = await api.catalog();
    const said = [];
    const way = { signal: new AbortController().signal, say: (text) => said.push(text) };
    const found = await byBrowser(api, in_browser).judge(new File([bytes], 'new.wav'), way);
    return [found.data, await found.backwards(), said];
  };
  judge().then(done);
"""
LEAVE = """
  window.steps = [];
  window.MessageChannel = class extends MessageChannel {
    constructor() {
      super();
      this.port1.addEventListener('message', ({ data: { progress } }) => {
        if (progress?.stage !== 'model') return;
        window.steps.push([progress.done, progress.total]);
        if (progress.total > 50 && progress.done === 1) location.hash = '#/dimensions';
      });
    }
  };
"""
"""Notes the progress of the package's worker, and leaves the view at the first window of a long file."""
TABLE = """
  const details = document.querySelector('.recording details');
  details.open = true;
  return [...details.querySelectorAll('tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent));
"""


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int) -> Path:
    root = tmp_path_factory.mktemp("listened")
    (root / "music").mkdir()
    soundfile.write(root / "music" / "whole.wav", clip, rate)
    soundfile.write(root / "music" / "part.wav", clip[9 * rate : 21 * rate], rate)
    embed_catalog([root / "music"], root / "catalog", workers=1, outputs=("reversal", "jigsaw", "tags"))
    return root / "catalog"


def write_packages(folder: Path) -> Path:
    """Write files as npm lays out both packages, each with its name as its content; others among them hold a secret."""
    package, runtime = (folder / "node_modules" / name for name in ("musicfeat", "onnxruntime-web"))
    served = [package / "index.js", package / "lib" / "extractor.js", package / "lib" / "worker.js"]
    served += [runtime / "dist" / name for name in RUNTIME]
    for path in served:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    for path in (package / "lib" / "key.pem", package / "package.json", runtime / "dist" / "ort.js", folder / "x.js"):
        path.write_bytes(SECRET)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_packages(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def client(catalog: Path, folder: Path) -> Iterator[Client]:
    with serving(catalog, in_browser=folder) as client:
        yield client


@pytest.fixture(scope="module")
def numbers(clip: np.ndarray, rate: int, extractor: Extractor) -> dict[str, Any]:
    """The clip, forwards and backwards in turn, as the page sends it."""
    found = extractor(np.concatenate([clip, clip[::-1]]), rate)
    curves = {
        name: curve and {"times": curve.times.tolist(), "values": curve.values.tolist(), "step": curve.step}
        for name, curve in (("cut", found.cuts), ("backwards", found.backwards))
    }
    plain = {name: getattr(found, name).tolist() for name in ("starts", "ends", "reversal", "embedding")}
    return {"weights_sha256": extractor.card.weights_sha256, **plain, "curves": curves}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("musicfeat/index.js", "text/javascript"),
        ("musicfeat/lib/worker.js", "text/javascript"),
        ("onnxruntime-web/ort.wasm.bundle.min.mjs", "text/javascript"),
        ("onnxruntime-web/ort-wasm-simd-threaded.wasm", "application/wasm"),
    ],
)
def test_the_packages_files_are_served_as_what_they_are(client: Client, path: str, kind: str) -> None:
    answer = client.ask(f"/package/{path}")
    assert (answer.status, answer.body.decode()) == (200, Path(path).name)
    assert answer.headers["content-type"].split(";")[0] == kind
    assert client.ask(f"/package/{path}", headers={"If-None-Match": answer.headers["etag"]}).status == 304
    assert client.ask(f"/package/{path}", "POST", OWN, b"{}").status == 405


def test_the_catalogs_model_is_served(client: Client) -> None:
    assert client.ask("/package/model.onnx").body == find_model(None).read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        *("", "musicfeat", "musicfeat/package.json", "musicfeat/lib", "musicfeat/lib/key.pem"),
        *("onnxruntime-web", "onnxruntime-web/ort.js", "x.js"),
        *("../x.js", "musicfeat/../../../x.js", "%2e%2e/x.js", "musicfeat/..%2f..%2f..%2fx.js", "/etc/passwd"),
        *("musicfeat/lib/..%2f../package.json", "musicfeat/index.js%00", "..%5cx.js", "musicfeat//etc/passwd"),
    ],
)
def test_nothing_else_of_the_folder_is_served(client: Client, path: str) -> None:
    answer = client.ask(f"/package/{path}")
    assert answer.status in (400, 404)
    assert SECRET not in answer.body
    assert b"root:" not in answer.body


def test_the_page_may_run_webassembly_in_threads_and_nothing_else_more(client: Client) -> None:
    for path in ("/", "/api/catalog", "/package/musicfeat/lib/worker.js", "/package/nothing"):
        answer = client.ask(path)
        assert {name: answer.headers[name] for name in ISOLATED} == ISOLATED
    assert ISOLATED["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert HEADERS["Cross-Origin-Opener-Policy"] == ISOLATED["Cross-Origin-Opener-Policy"] == "same-origin"
    usual, policy = (found["Content-Security-Policy"] for found in (HEADERS, ISOLATED))
    assert set(policy.split()) - set(usual.split()) == {"'wasm-unsafe-eval';"}


def test_without_the_option_there_is_none_of_it(catalog: Path) -> None:
    with serving(catalog) as client:
        assert client.get("/api/catalog")["in_browser"] is None
        assert client.ask("/package/musicfeat/index.js").status == 404
        assert client.ask("/api/features", "POST", OWN, b"{}").status in (404, 405)
        answer = client.ask("/")
        assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
        assert "cross-origin-embedder-policy" not in answer.headers


def test_the_page_is_told_the_catalogs_hop(client: Client) -> None:
    assert client.get("/api/catalog")["in_browser"] == {"hop": 10.0}


def test_numbers_are_told_as_those_of_an_upload(
    client: Client, numbers: dict[str, Any], tmp_path: Path, clip: np.ndarray, rate: int
) -> None:
    soundfile.write(tmp_path / "turned.wav", np.concatenate([clip, clip[::-1]]), rate, "FLOAT")
    expected, found = client.analyse(tmp_path / "turned.wav").json, client.play("/api/features", numbers).json
    assert len(expected["suspicious"]) > 0
    for name in ("suspicious", "neighbours"):
        assert len(found[name]) == len(expected[name])
        for ours, theirs in zip(found[name], expected[name], strict=True):
            assert ours == pytest.approx(theirs, abs=1e-3) if name == "suspicious" else ours["id"] == theirs["id"]
    for ours, theirs in zip(found["edited"].values(), expected["edited"].values(), strict=True):
        np.testing.assert_allclose(ours["values"], theirs["values"], atol=1e-3)
    assert found["note"] is None


def test_cuts_of_models_without_curves_are_told(client: Client, numbers: dict[str, Any]) -> None:
    sent = numbers | {"curves": {"cut": None}, "cuts": [[12.5, 0.9999], [30, 0.6]], "reversal": [0.5] * 5}
    found = client.play("/api/features", sent).json
    assert found["edited"] == {}
    assert [(place["kind"], place["start"]) for place in found["suspicious"]] == [("spliced", 12.5)]


def test_silence_is_like_nothing(client: Client, numbers: dict[str, Any]) -> None:
    answer = client.play("/api/features", numbers | {"embedding": [0] * len(numbers["embedding"])})
    assert (answer.status, answer.json["neighbours"]) == (200, [])


NAN, HUGE = float("nan"), 10**400


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"starts": None}, "starts must be a list of numbers"),
        ({"starts": []}, "starts must be a list of numbers"),
        ({"starts": [0, 10, 10, 30, 40]}, "starts must rise"),
        ({"ends": [1]}, "ends must hold 5 numbers, got 1"),
        ({"ends": [0, 1, 2, 3, 4]}, "behind"),
        ({"reversal": [0, 1, 2, 0, 0]}, "probabilities from 0 to 1"),
        ({"reversal": [NAN] * 5}, "finite"),
        ({"reversal": [True] * 5}, "finite"),
        ({"embedding": ["1"]}, "finite"),
        ({"embedding": [HUGE]}, "finite"),
        ({"embedding": [[1]]}, "finite"),
        ({"embedding": [1.0, 2.0]}, "embedding must hold 456 numbers, got 2"),
        ({"weights_sha256": 7}, "weights_sha256 must be a text"),
        ({"curves": []}, "curves must be an object"),
        ({"curves": {"cut": [1]}}, "curve cut must be an object"),
        ({"curves": {"cut": {"times": [1], "values": [0.5]}}}, "step"),
        ({"curves": {"cut": {"times": [1, 2], "values": [0.5], "step": 1}}}, "values must hold 2 numbers"),
        ({"curves": {"cut": {"times": [2, 1], "values": [0.5, 0.5], "step": 1}}}, "times must not fall"),
        ({"curves": {"cut": {"times": [1], "values": [0.5], "step": 0}}}, "step must be above 0"),
        ({"cuts": {}}, "list of pairs"),
        ({"cuts": [1]}, "list of pairs"),
        ({"cuts": [[1]]}, "list of pairs"),
        ({"cuts": [[1, 2]]}, "probabilities from 0 to 1"),
    ],
)
def test_numbers_of_no_file_are_refused_in_one_line(
    client: Client, numbers: dict[str, Any], wrong: dict[str, Any], told: str
) -> None:
    answer = client.play("/api/features", numbers | wrong)
    assert answer.status == 422
    assert told in answer.json["error"]
    assert "\n" not in answer.json["error"]


def test_other_requests_are_refused(client: Client, numbers: dict[str, Any]) -> None:
    for body in (b"\xff", b"[]", b"{", b"RIFF....WAVE", b"[" * 100_000):
        assert client.ask("/api/features", "POST", OWN, body).status == 422
    assert client.ask("/api/features", "POST", {}, b"{}").status == 403
    with suppress(ConnectionError):  # the server may close while the rest is still on its way
        answer = client.ask("/api/features", "POST", OWN, b" " * (MOST_BYTES + 1))
        assert (answer.status, "cut it first" in answer.json["error"]) == (413, True)
    answer = client.play("/api/features", numbers | {"weights_sha256": "0" * 64})
    assert (answer.status, "another model" in answer.json["error"]) == (409, True)


def test_a_model_other_than_the_catalogs_finds_no_neighbours(
    catalog: Path, folder: Path, numbers: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "catalog").mkdir()
    for path in catalog.iterdir():
        (tmp_path / "catalog" / path.name).write_bytes(path.read_bytes())
    facts = json.loads((catalog / "catalog.json").read_text())
    (tmp_path / "catalog" / "catalog.json").write_text(json.dumps(facts | {"model_sha256": "0" * 64}))
    with serving(tmp_path / "catalog", in_browser=folder) as client:
        found = client.play("/api/features", numbers).json
        assert found["neighbours"] == []
        assert "--model FILE" in found["note"]


def test_the_folder_may_be_any_of_three(folder: Path, tmp_path: Path) -> None:
    files = files_of(folder)
    assert files == files_of(folder / "node_modules") == files_of(folder / "node_modules" / "musicfeat")
    assert len(files) == 3 + len(RUNTIME)
    if os.name != "nt":
        (tmp_path / "node_modules").mkdir()
        (tmp_path / "node_modules" / "musicfeat").symlink_to(folder / "node_modules" / "musicfeat")
        assert files_of(tmp_path).keys() == files.keys()


def test_a_folder_without_the_packages_is_refused(
    catalog: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["listen", str(catalog), "--port", "0", "--in-browser", str(tmp_path)]) == 1
    assert "npm install musicfeat" in capsys.readouterr().err
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "extractor.js").touch()
    with pytest.raises(InputError, match="lacks onnxruntime-web: run `npm install` in"):
        files_of(tmp_path)


class Recording(Application):
    """An application that notes what is sent to it: method, path and bytes of each request with a body."""

    sent: list[tuple[str, bytes]]

    def app(self, host: str, port: int) -> ASGIApp:
        inner, self.sent = super().app(host, port), []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            async def noted() -> Message:
                message = await receive()
                if message.get("body"):
                    self.sent.append((f"{scope['method']} {scope['path']}", message["body"]))
                return message

            await inner(scope, noted, send)

        return app


class Listening:
    """The page before a server that judges nothing, unless it is asked."""

    def __init__(self, page: Page, client: Client, application: Recording) -> None:
        self.page, self.client, self.application = page, client, application

    def open(self) -> None:
        """Open the page anew."""
        self.page.browser.get("about:blank")
        self.page.browser.get(f"http://127.0.0.1:{self.client.port}/#/analyse")
        self.until(lambda: "Drop a sound file" in self.text("p"))

    def drop(self, path: Path) -> None:
        """Open the page anew, and drop a file on it."""
        self.open()
        self.page.run(DROP, packed(path), path.name)

    def text(self, selector: str) -> str:
        """Text of the first such element in the view; empty if there is none."""
        found: str = self.page.run(
            "return document.querySelector(arguments[0])?.textContent ?? ''", f"#view {selector}"
        )
        return found

    def names(self, selector: str) -> list[str]:
        """Labels of canvases, or texts of other elements."""
        script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.ariaLabel ?? e.textContent)"
        found: list[str] = self.page.run(script, selector)
        return found

    def judge(self, path: Path) -> list[Any]:
        """What the page's own module finds in a file forwards, backwards, and what it says meanwhile."""
        self.page.browser.set_script_timeout(SECONDS)
        found: list[Any] = self.page.browser.execute_async_script(JUDGE, packed(path))
        return found

    def until(self, condition: Callable[[], Any]) -> Any:
        end = time.monotonic() + SECONDS
        while not (value := condition()):
            assert time.monotonic() < end, self.names("main")
            time.sleep(0.03)
        return value

    def press(self, name: str) -> None:
        next(b for b in self.page.browser.find_elements("css selector", "button") if b.text == name).click()


def packed(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


@pytest.fixture(scope="module")
def dropped(tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int) -> Path:
    """Music with a cut in it, that turns round; in 24 bits, so that nothing but the resampler differs."""
    sound = np.concatenate([clip[: 7 * rate], clip[11 * rate :], clip[: 15 * rate][::-1]])
    path = tmp_path_factory.mktemp("dropped") / "new <i>.wav"
    soundfile.write(path, sound, rate, "PCM_24")
    return path


@pytest.fixture
def listening(shared_page: Page, catalog: Path) -> Iterator[Listening]:
    application = Recording(Library(catalog), in_browser=WEB)
    with bound("127.0.0.1", 0) as listener, running(application, listener) as client:
        yield Listening(shared_page, client, application)


@pytest.mark.usefixtures("packages")
def test_a_dropped_file_is_judged_by_the_page_as_by_the_server(listening: Listening, dropped: Path) -> None:
    expected = listening.client.analyse(dropped).json
    turned = listening.client.get(f"/api/analyse/{expected['token']}/backwards")
    listening.application.sent.clear()
    listening.drop(dropped)
    listening.until(lambda: listening.names(".neighbours li"))
    assert listening.text("h1") == dropped.name
    assert listening.page.run("return crossOriginIsolated") is True
    assert_same_page(listening, expected)
    listening.until(lambda: painted(listening) > 50_000)
    found, backwards, said = listening.judge(dropped)
    assert_same(found, expected)
    assert [clip["id"] for clip in found["neighbours"]] == [clip["id"] for clip in expected["neighbours"]]
    assert_same(backwards, turned)
    assert {"Decoding…", "Listening… 100 %"} <= set(said)
    posts = {name for name, _ in listening.application.sent}
    assert posts == {"POST /api/features"}
    sizes = [len(body) for _, body in listening.application.sent]
    assert sum(sizes) < dropped.stat().st_size / 10
    assert listening.page.errors() == []


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name in ("starts", "ends", "reversal", "jigsaw", "duration", "reversed"):
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-3, err_msg=name)
    assert found["tags"].keys() == expected["tags"].keys()
    for label, curve in found["tags"].items():
        np.testing.assert_allclose(curve, expected["tags"][label], rtol=0, atol=1e-3, err_msg=label)
    assert found["edited"].keys() == expected["edited"].keys() == {"cut", "backwards"}
    for name, curve in found["edited"].items():
        for part in ("times", "values"):
            np.testing.assert_allclose(curve[part], expected["edited"][name][part], rtol=0, atol=1e-3, err_msg=name)
    assert len(found["suspicious"]) == len(expected["suspicious"]) > 0
    for ours, theirs in zip(found["suspicious"], expected["suspicious"], strict=True):
        assert ours == pytest.approx(theirs, abs=1e-3)


def assert_same_page(listening: Listening, expected: dict[str, Any]) -> None:
    """Every number that is shown is the server's, to the digits that are shown."""
    rows = listening.until(lambda: listening.page.run(TABLE))
    assert len(rows) == len(expected["starts"])
    for i, row in enumerate(rows):
        for text, values in zip(row[2:4], (expected["reversal"], expected["jigsaw"]), strict=True):
            assert values[i] == 0.5 if text == "undecided" else float(text.split()[0]) / 100 == approx(values[i])
    assert len(listening.names(".places li")) == len(expected["suspicious"])
    shown = dict(zip(listening.names(".neighbours .about a"), listening.names(".neighbours .alike"), strict=True))
    alike = {clip["name"]: clip["similarity"] for clip in expected["neighbours"]}
    assert shown.keys() == alike.keys()
    for name, similarity in shown.items():
        assert float(similarity) == approx(alike[name])


def approx(value: float) -> Any:
    return pytest.approx(value, abs=0.0055)  # two digits are shown


def painted(listening: Listening) -> int:
    """Length of the spectrogram as a picture."""
    return int(listening.page.run("return document.querySelector('canvas.spectrogram').toDataURL().length"))


@pytest.mark.usefixtures("packages")
def test_it_is_heard_backwards_and_sent_only_to_be_added(
    shared_page: Page,
    dropped: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "a.wav").write_bytes(dropped.read_bytes())
    embed_catalog([tmp_path / "music"], tmp_path / "catalog", workers=1, hop=5.0)
    application = Recording(Library(tmp_path / "catalog"), in_browser=WEB)
    with bound("127.0.0.1", 0) as listener, running(application, listener) as client:
        listening = Listening(shared_page, client, application)
        listening.drop(dropped)
        listening.until(lambda: listening.names(".neighbours li"))
        assert "only if you add it" in listening.text("header .muted")
        listening.press("Play it backwards")
        listening.until(lambda: len([c for c in listening.names(".comparison td") if c and c != "…"]) == 6)
        assert {name for name, _ in application.sent} == {"POST /api/features"}
        listening.press("Add to the catalog")
        listening.until(lambda: "Added." in listening.text(".status"))
        assert b"".join(body for name, body in application.sent if name == "POST /api/analyse") == dropped.read_bytes()
        assert shared_page.errors() == []


@pytest.mark.usefixtures("packages")
def test_leaving_the_view_stops_the_work(listening: Listening, dropped: Path, tmp_path: Path, rate: int) -> None:
    sound, _ = soundfile.read(dropped)
    soundfile.write(tmp_path / "long.wav", np.tile(sound, 17), rate)
    listening.open()
    listening.page.run(LEAVE)
    listening.page.find("file").send_keys(str(tmp_path / "long.wav"))
    listening.until(lambda: "dimensions" in listening.page.browser.current_url)
    listening.page.find("file").send_keys(str(dropped))  # waits until the worker is done with the long one
    listening.until(lambda: listening.names(".neighbours li"))
    long = [step for step in listening.page.run("return window.steps") if step[1] > 50]
    assert 0 < len(long) < long[0][1]
    numbers = json.loads(b"".join(body for _, body in listening.application.sent))  # one file's, or it is no JSON
    assert numbers["ends"][-1] == pytest.approx(len(sound) / rate, abs=0.01)
    assert listening.page.errors() == []


@pytest.mark.usefixtures("packages")
def test_what_the_browser_cannot_use_is_told_in_one_line(
    shared_page: Page,
    catalog: Path,
    dropped: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "rubbish.mp3").write_bytes(b"no sound at all" * 100)
    application = Recording(Library(catalog), model=str(tmp_path / "none.onnx"), in_browser=WEB)
    with serving(catalog, in_browser=WEB) as client:
        listening = Listening(shared_page, client, application)
        listening.drop(tmp_path / "rubbish.mp3")
        listening.until(lambda: listening.names(".status.wrong"))
        assert "rubbish.mp3 cannot be decoded" in listening.text(".status")
    with bound("127.0.0.1", 0) as listener, running(application, listener) as client:
        listening = Listening(shared_page, client, application)
        listening.drop(dropped)
        listening.until(lambda: listening.names(".status.wrong"))
        assert "Without --in-browser, musicfeat listen judges files itself." in listening.text(".status")
        assert application.sent == []
    shared_page.errors()
