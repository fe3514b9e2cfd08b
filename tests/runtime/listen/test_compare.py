"""Two versions of a recording on the listening page: its server's answer, and the view in headless Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

for name in ("pyarrow", "portalocker", "starlette", "uvicorn"):
    pytest.importorskip(name, reason="the extra musicfeat[listen] is not installed")

# ruff: noqa: E402
from musicfeat import compare
from musicfeat.catalog import embed_catalog
from support.browser import Page
from support.listening import Client, serving
from support.looks import overflow, serious

NOISE_SECONDS = 1.5


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int) -> Path:
    """A take, a version of it with a cut at 6 s and noise at 12 s, and a file that will be gone."""
    folder = tmp_path_factory.mktemp("versions")
    noise = 0.1 * np.random.default_rng(0).standard_normal(round(NOISE_SECONDS * rate))
    version = np.concatenate([clip[: 6 * rate], clip[8 * rate : 14 * rate], noise, clip[14 * rate :]])
    soundfile.write(folder / "take.wav", clip, rate)
    soundfile.write(folder / "version <b>.ogg", version, rate)
    soundfile.write(folder / "gone.wav", clip[: 3 * rate], rate)
    return folder


@pytest.fixture(scope="module")
def client(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    catalog = tmp_path_factory.mktemp("catalogs") / "catalog"
    embed_catalog([music], catalog, workers=1, outputs=("reversal",))
    (music / "gone.wav").unlink()
    with serving(catalog) as client:
        yield client


def ids(client: Client) -> dict[str, int]:
    return {track["name"]: track["id"] for track in client.get("/api/tracks")}


def test_the_server_tells_what_compare_tells(client: Client, music: Path) -> None:
    known = ids(client)
    take, version = known["take.wav"], known["version <b>.ogg"]
    found = client.get(f"/api/tracks/{take}/compare/{version}")
    expected = compare(music / "take.wav", music / "version <b>.ogg")
    assert [entry["kind"] for entry in found["entries"]] == ["kept", "cut", "kept", "inserted", "kept"]
    for entry, edit in zip(found["entries"], expected.entries, strict=True):
        assert (entry["kind"], entry["first"], entry["second"]) == (edit.kind, [*edit.first], [*edit.second])
    assert [track["id"] for track in found["tracks"]] == [take, version]
    assert (found["second"]["path"], found["second"]["duration"]) == ("version <b>.ogg", pytest.approx(23.5, abs=0.1))
    copy = client.get(f"/api/tracks/{take}/compare/{take}")
    assert [entry["kind"] for entry in copy["entries"]] == ["kept"]


def test_what_cannot_be_compared_is_told(client: Client) -> None:
    known = ids(client)
    gone = client.ask(f"/api/tracks/{known['take.wav']}/compare/{known['gone.wav']}")
    assert gone.status == 422
    assert "is not there" in gone.json["error"]
    assert client.ask(f"/api/tracks/{known['take.wav']}/compare/99").status == 404
    assert client.ask("/api/tracks/99/compare/0").status == 404


@pytest.mark.usefixtures("axe")
def test_two_tracks_are_chosen_and_their_edits_are_heard(shared_page: Page, client: Client) -> None:
    page, known = shared_page, ids(client)
    page.browser.set_window_size(390, 900)
    page.browser.get(f"http://127.0.0.1:{client.port}/#/compare/{known['take.wav']}")
    page.until(lambda: len(page.browser.find_elements("css selector", "main select")) == 2)
    page.browser.find_elements("css selector", "main input[type=search]")[1].send_keys("version")
    offered = "return [...document.querySelectorAll('main select')[1].options].map(({ text }) => text)"
    page.until(lambda: page.run(offered) == ["version <b>.ogg"])
    page.browser.find_element("css selector", "main form button").click()
    page.until(lambda: page.browser.find_elements("css selector", ".versions tbody tr"))
    rows = [row.text.split() for row in page.browser.find_elements("css selector", ".versions tbody tr")]
    assert [row[0] for row in rows] == ["kept", "cut", "kept", "inserted", "kept"]
    assert rows[1][1].startswith("0:06.0")
    told = page.browser.find_element("css selector", "main .told").text
    assert re.match("2 edits; 9[34] % of the version is in the original", told)
    assert page.run("return location.hash").endswith(f"/{known['take.wav']}/{known['version <b>.ogg']}")
    assert overflow(page.browser) <= 0
    assert serious(page.browser) == []
    page.browser.find_elements("css selector", ".versions .play")[2].click()  # what was cut, in the original
    page.until(lambda: page.run("return document.querySelector('.player .time').textContent") > "0:06")
    assert page.errors() == []
    page.browser.refresh()
    page.until(lambda: len(page.browser.find_elements("css selector", ".versions tbody tr")) == 5)
