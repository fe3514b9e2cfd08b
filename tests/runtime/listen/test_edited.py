"""Curves of edits on the listening page and in reports, by a model whose curves can be told from the sound."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

for name in ("pyarrow", "portalocker", "starlette", "uvicorn"):
    pytest.importorskip(name, reason="the extra musicfeat[listen] is not installed")

# ruff: noqa: E402
from musicfeat import Extractor
from musicfeat.catalog import Catalog, embed_catalog
from musicfeat.catalog.check import check
from musicfeat.report.edited import MOST
from musicfeat.report.page import judged, write_report
from support import curved
from support.browser import Page
from support.curved import RATE
from support.listening import Client, serving

CLICK, LOW = 9.52, (16.0, 24.0)
"""Seconds of the cut, and of the stretch that plays backwards, by the model's measure."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return curved.write(tmp_path_factory.mktemp("model") / "curved.onnx")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute with a click, and with a stretch below zero."""
    wave = 0.3 + 0.02 * np.sin(np.arange(30 * RATE))
    wave[int(CLICK * RATE)] = 1.0
    wave[int(LOW[0] * RATE) : int(LOW[1] * RATE)] -= 0.6
    folder = tmp_path_factory.mktemp("music")
    soundfile.write(folder / "edited.wav", wave, RATE, "FLOAT")
    return folder / "edited.wav"


@pytest.fixture(scope="module")
def catalog(model: Path, sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("catalogs") / "catalog"
    embed_catalog([sound.parent], folder, model=model, workers=1)
    return folder


@pytest.fixture(scope="module")
def client(catalog: Path, model: Path) -> Iterator[Client]:
    with serving(catalog, model=str(model)) as client:
        yield client


def assert_is_told(data: dict[str, Any]) -> None:
    """The curves are those of the model, and both edits are named."""
    cut, backwards = (
        {part: np.array(data["edited"][name][part]) for part in ("times", "values")} for name in ("cut", "backwards")
    )
    assert cut["times"][cut["values"].argmax()] == pytest.approx(CLICK, abs=0.03)
    assert cut["values"].max() == 1
    assert np.sort(cut["values"])[-2] < 0.4
    inside = (backwards["times"] > LOW[0]) & (backwards["times"] < LOW[1])
    assert backwards["values"][inside].min() > 0.99
    assert backwards["values"][~inside].max() < 0.01
    assert [place["kind"] for place in data["suspicious"]] == ["spliced", "reversed"]
    assert data["suspicious"][0]["start"] == pytest.approx(CLICK, abs=0.03)
    assert data["suspicious"][1]["start"] == pytest.approx(LOW[0], abs=0.5)


def test_a_report_holds_the_curves(model: Path, sound: Path) -> None:
    extractor = Extractor(model, threads=1)
    assert_is_told(judged(sound, extractor))
    assert judged(sound, Extractor(model, threads=1, outputs=["reversal"]))["edited"] == {}


def test_a_long_recording_is_drawn_with_few_values_and_loses_no_cut(model: Path, tmp_path: Path) -> None:
    wave = np.full(300 * RATE, 0.1)
    wave[200 * RATE] = 1.0
    soundfile.write(tmp_path / "long.wav", wave, RATE, "FLOAT")
    curve = judged(tmp_path / "long.wav", Extractor(model, threads=1))["edited"]["cut"]
    assert MOST / 2 < len(curve["values"]) <= MOST
    assert curve["times"][int(np.argmax(curve["values"]))] == pytest.approx(200, abs=0.2)
    assert max(curve["values"]) == 1


def test_a_dropped_file_is_told_with_its_curves_and_backwards_too(client: Client, sound: Path) -> None:
    found = client.analyse(sound).json
    assert found["note"] is None
    assert_is_told(found)
    turned = client.get(f"/api/analyse/{found['token']}/backwards")
    last = turned["edited"]["cut"]
    assert last["times"][int(np.argmax(last["values"]))] == pytest.approx(30 - CLICK, abs=0.03)


def test_a_track_has_the_catalogs_edits_and_its_curves_when_asked(client: Client) -> None:
    assert client.get("/api/catalog")["curves"] is True
    known, heard = client.get("/api/tracks/0"), client.get("/api/tracks/0/edits")
    assert known["edited"] == {}
    assert_is_told(heard)
    assert {**known, "edited": None} == {**heard, "edited": None}


@pytest.mark.parametrize("hop", [2.0, 1.0])
def test_what_windows_that_touch_or_overlap_heard_of_one_place_is_one_candidate(
    model: Path, tmp_path: Path, hop: float
) -> None:
    """A cut at the border of two windows, which is loud for 1.4 s around it, and another one farther off."""
    time = np.arange(12 * RATE) / RATE
    wave = 0.01 + 0.9 * np.clip(1 - np.abs(time - 4.0) / 0.7, 0, 1) + 0.5 * np.clip(1 - np.abs(time - 7.3) / 0.2, 0, 1)
    (tmp_path / "music").mkdir()
    soundfile.write(tmp_path / "music" / "a.wav", wave, RATE, "FLOAT")
    embed_catalog([tmp_path / "music"], tmp_path / "catalog", model=model, workers=1, hop=hop)
    rows = Catalog(tmp_path / "catalog").table(["edits"]).to_pylist()
    stored = [edit for row in rows for edit in row["edits"] if edit["kind"] == "spliced"]
    assert [edit["start"] for edit in stored] == pytest.approx([4.0, 7.3], abs=0.05)
    assert [edit["probability"] for edit in stored] == pytest.approx([0.91, 0.51], abs=0.05)
    (verdict,) = check(Catalog(tmp_path / "catalog"), None, least=0.0)
    assert sum(finding.kind == "spliced" for finding in verdict.findings) == 2


def label(page: Page) -> str:
    found: str = page.run("return document.querySelector('canvas.edited')?.ariaLabel ?? ''")
    return found


def test_the_page_draws_them_for_a_track_and_a_report(
    shared_page: Page, client: Client, model: Path, sound: Path, tmp_path: Path
) -> None:
    shared_page.browser.get(f"http://127.0.0.1:{client.port}/#/track/0")
    shared_page.until(lambda: "100.0 %, the highest at 0:09.5" in label(shared_page))
    assert "cut at 0:09.5" in label(shared_page)
    assert "Listen for cuts" not in shared_page.browser.find_element("tag name", "main").text
    write_report(sound, tmp_path / "report.html", Extractor(model, threads=1))
    shared_page.browser.get((tmp_path / "report.html").as_uri())
    shared_page.until(lambda: "highest at 0:09.5" in label(shared_page))
    (held,) = re.findall(r'<script id="data" type="application/json">(.*?)</script>', shared_page.browser.page_source)
    assert_is_told(json.loads(held))
    looks = shared_page.run("const c = document.querySelector('canvas.edited'); return [c.width, c.toDataURL().length]")
    assert looks[0] > 300
    assert looks[1] > 3000
    assert shared_page.errors() == []
