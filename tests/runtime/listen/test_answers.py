"""Answers of the listening page's server, asked over real connections; see also test_security.py."""

from __future__ import annotations

import base64
import io
import shutil
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
from musicfeat.catalog import Catalog, CatalogError, embed_catalog
from musicfeat.catalog.search import Searcher
from musicfeat.errors import InputError
from musicfeat.finding import Finding
from musicfeat.listen.facts import Curves, Heard
from musicfeat.listen.library import Library
from musicfeat.listen.projection import principal, scaled, t_sne
from musicfeat.suspicion import splices
from support.listening import OWN, Client, serving, until_better

LABELS = 62


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int) -> Path:
    """Six files of two folders: one backwards, one silent for half, one that no decoder takes."""
    root = tmp_path_factory.mktemp("listen") / "music"
    (root / "keys").mkdir(parents=True)
    (root / "strings" / "solo").mkdir(parents=True)
    soundfile.write(root / "keys" / "Waltz.wav", clip, rate)
    soundfile.write(root / "keys" / "waltz backwards.flac", clip[::-1], rate)
    soundfile.write(root / "strings" / "half silent.wav", np.append(clip[: 12 * rate], np.zeros(22 * rate)), rate)
    soundfile.write(root / "strings" / "solo" / "été.wav", 0.5 * clip[::2], rate)
    soundfile.write(root / "strings" / "short.wav", clip[: 4 * rate], rate)
    (root / "strings" / "broken.mp3").write_bytes(b"no music at all" * 99)
    return root


@pytest.fixture(scope="module")
def catalog(music: Path) -> Path:
    folder = music.parent / "catalog"
    embed_catalog([music], folder, workers=1)
    return folder


@pytest.fixture(scope="module")
def client(catalog: Path) -> Iterator[Client]:
    with serving(catalog) as client:
        yield client


def track_of(client: Client, name: str) -> int:
    (found,) = client.get(f"/api/tracks?search={name}")
    return int(found["id"])


def test_the_catalog_is_described(client: Client) -> None:
    found = client.get("/api/catalog")
    assert (found["name"], found["files"], found["failed"]) == ("catalog", 5, 1)
    assert found["rows"] == 3 + 3 + 4 + 2 + 1
    assert found["duration"] == pytest.approx(24 + 24 + 34 + 12 + 4, abs=0.2)
    assert found["sources"] == ["keys", "strings"]
    assert (found["dimension"], len(found["labels"]), found["tracks_missing"]) == (456, LABELS, 0)
    (problem,) = found["problems"]
    assert "1 files failed" in problem
    assert "broken.mp3" in problem


def test_the_map_holds_every_window_that_can_be_heard(client: Client, catalog: Path) -> None:
    columns = client.columns()
    table = Catalog(catalog).table(["path", "start", "silent", "reversal", "jigsaw", "tags"])
    heard = ~np.asarray(table.column("silent"))
    assert client.get("/api/map")["count"] == heard.sum() < len(heard)
    for name in ("start", "reversal", "jigsaw"):
        np.testing.assert_allclose(np.sort(columns[name]), np.sort(np.asarray(table.column(name))[heard]), atol=1e-6)
    assert max(abs(columns["x"]).max(), abs(columns["y"]).max()) == pytest.approx(1)
    tags = np.stack([np.asarray(part) for part in table.column("tags").combine_chunks().flatten()], 1)[heard]
    np.testing.assert_array_equal(np.sort(columns["tag"]), np.sort(tags.argmax(axis=1)))
    names = [client.get(f"/api/tracks/{track}")["source"] for track in columns["track"]]
    assert [client.get("/api/catalog")["sources"][number] for number in columns["source"]] == names


def test_change_is_the_distance_to_the_window_before(client: Client, catalog: Path) -> None:
    columns, waltz = client.columns(), track_of(client, "Waltz.wav")
    rows = columns["track"] == waltz
    units = Searcher(catalog).space.unit(
        np.stack(Catalog(catalog).table(["embedding"], None).column("embedding").to_pylist()[:3])
    )
    assert np.isnan(columns["change"][rows][0])
    expected = [(1 - units[i] @ units[i - 1]) / 10 for i in (1, 2)]
    np.testing.assert_allclose(columns["change"][rows][1:], expected, atol=1e-4)


def test_columns_lie_where_typed_arrays_can_begin(client: Client) -> None:
    described = client.get("/api/map")
    for column in described["columns"]:
        assert column["offset"] % np.dtype(column["type"]).itemsize == 0
        values = client.columns()[column["name"]]
        assert column["minimum"] == pytest.approx(float(np.nanmin(values)), abs=1e-4)
        assert column["maximum"] == pytest.approx(float(np.nanmax(values)), abs=1e-4)


def test_tracks_are_found_by_name_in_order(client: Client, music: Path) -> None:
    names = [track["name"] for track in client.get("/api/tracks")]
    assert names == ["half silent.wav", "short.wav", "waltz backwards.flac", "Waltz.wav", "été.wav"]
    (solo,) = client.get("/api/tracks?search=STRINGS%20%C3%89t%C3%A9")
    assert (solo["name"], solo["source"], solo["present"]) == ("été.wav", "strings", True)
    assert solo["path"] == str(music / "strings" / "solo" / "été.wav")
    assert len(client.get("/api/tracks?limit=2")) == 2
    assert client.get("/api/tracks?search=tuba") == []


def test_a_track_says_what_the_extractor_says(client: Client, music: Path, extractor: Extractor) -> None:
    found = client.get(f"/api/tracks/{track_of(client, 'waltz%20backwards')}")
    features = extractor(music / "keys" / "waltz backwards.flac")
    for name, expected in {
        "starts": features.starts,
        "ends": features.ends,
        "reversal": features.reversal,
        "jigsaw": features.jigsaw,
    }.items():
        np.testing.assert_allclose(found[name], expected, atol=1e-3)
    assert found["reversed"] == pytest.approx(features.reversed, abs=1e-3)
    np.testing.assert_allclose(list(found["tags"].values()), features.tag_curve.T, atol=2e-3)
    assert [place["kind"] for place in found["suspicious"]] == ["reversed"]
    assert found["suspicious"][0]["probability"] > 0.5


def test_what_is_not_known_is_null_and_what_was_cut_is_suspicious() -> None:
    starts = np.arange(3) * 10.0
    backwards = np.array([0.1, 0.1, 0.999])
    found = Curves(starts, starts + 10, backwards, None, {}).described(
        10.0, 30.0, Heard((Finding("spliced", 4.0, 4.0, 0.9996),))
    )
    assert found["jigsaw"] == [None, None, None]
    splice, stretch = found["suspicious"]
    assert splice == {"start": 4.0, "end": 4.0, "kind": "spliced", "probability": pytest.approx(0.995, abs=0.001)}
    assert (stretch["start"], stretch["end"], stretch["kind"]) == (20.0, 30.0, "reversed")


def test_played_backwards_a_track_is_judged_anew(client: Client, music: Path, clip: np.ndarray, rate: int) -> None:
    waltz = track_of(client, "Waltz.wav")
    there, back = client.get(f"/api/tracks/{waltz}"), client.get(f"/api/tracks/{waltz}/backwards")
    assert there["reversed"] < 0.5 < back["reversed"]
    assert (back["id"], back["name"], back["starts"]) == (waltz, "Waltz.wav", there["starts"])
    assert set(there) == set(back)
    file = music.parent / "back.wav"
    soundfile.write(file, clip[::-1], rate)
    np.testing.assert_allclose(back["reversal"], Extractor(threads=1)(file).reversal, atol=1e-2)


def test_a_picture_shows_where_it_is_loud(client: Client) -> None:
    found = client.get(f"/api/tracks/{track_of(client, 'half')}/picture")
    image = np.frombuffer(base64.b64decode(found["spectrogram"]), np.uint8).reshape(found["frames"], found["bands"])
    peaks = np.frombuffer(base64.b64decode(found["peaks"]), np.int8).reshape(-1, 2)
    place = round(found["frames"] * 12 / 34)
    assert found["duration"] == pytest.approx(34, abs=0.01)
    assert found["frames"] <= 1200
    assert image[: place - 2].max() == 255
    assert image[place + 3 :].max() == 0
    assert np.abs(peaks[place + 3 :]).max() == 0 < np.abs(peaks[:place]).max()


def test_neighbours_are_those_of_the_search(client: Client, catalog: Path, music: Path) -> None:
    searcher = Searcher(catalog, index=False)
    for file, at in (("keys/Waltz.wav", 10.0), ("strings/short.wav", None)):
        path = f"/api/tracks/{track_of(client, Path(file).name)}/neighbours?k=3"
        found = client.get(path if at is None else f"{path}&start={at}")
        hits = searcher(music / file, 3, at=None if at is None else at + 5)
        assert [hit["name"] for hit in found] == [Path(hit.path).name for hit in hits]
        assert [hit["start"] for hit in found] == [hit.start for hit in hits]
        np.testing.assert_allclose([hit["similarity"] for hit in found], [h.similarity for h in hits], atol=2e-3)


def test_silence_has_no_neighbours(client: Client) -> None:
    answer = client.ask(f"/api/tracks/{track_of(client, 'half')}/neighbours?start=30")
    assert answer.status == 422
    assert "silence" in answer.json["error"]


def test_dimensions_come_with_the_clips_that_excite_them_most(client: Client, catalog: Path) -> None:
    table = Catalog(catalog).table(["embedding", "silent", "start"])
    heard = ~np.asarray(table.column("silent"))
    values = np.stack(table.column("embedding").to_pylist())[heard]
    standard = (values - values.mean(axis=0)) / values.std(axis=0)
    three, last = client.get("/api/dimensions?numbers=3,295&k=4")
    assert (three["dimension"], last["dimension"], len(last["clips"])) == (3, 295, 4)
    assert three["clips"][0]["value"] == pytest.approx(standard[:, 3].max(), abs=0.01)
    assert [clip["value"] for clip in last["clips"]] == sorted((c["value"] for c in last["clips"]), reverse=True)
    assert len({clip["id"] for clip in last["clips"]}) == 4
    (both,) = client.get("/api/dimensions?numbers=3,295&k=1&sum=1")
    assert both["clips"][0]["value"] == pytest.approx((standard[:, 3] + standard[:, 295]).max(), abs=0.02)


def test_clips_of_a_dimension_spread_over_sources(catalog: Path) -> None:
    library = Library(catalog)
    library.files.sources, library.files.source_of = ["a", "b"], [0, 0, 0, 0, 1]
    chosen = library.dimensions([5], 4, summed=False)[0]["clips"]
    assert [clip["source"] for clip in chosen].count("a") == 3


def test_a_new_file_is_analysed_and_not_added(client: Client, music: Path, extractor: Extractor) -> None:
    before = client.get("/api/catalog")
    answer = client.analyse(music / "keys" / "Waltz.wav", "folder/Ünheard.wav")
    found, features = answer.json, extractor(music / "keys" / "Waltz.wav")
    assert answer.status == 200
    assert (found["name"], found["id"], found["note"]) == ("Ünheard.wav", None, None)
    np.testing.assert_allclose(found["reversal"], features.reversal, atol=1e-3)
    assert found["neighbours"][0]["name"] == "Waltz.wav"
    assert found["neighbours"][0]["similarity"] > 0.9
    assert found["picture"]["duration"] == pytest.approx(24, abs=0.01)
    back = client.get(f"/api/analyse/{found['token']}/backwards")
    assert (back["name"], back["reversed"] > 0.5) == ("Ünheard.wav", True)
    assert client.get("/api/catalog") == before


def test_a_new_file_is_added_when_that_is_asked(music: Path, tmp_path: Path) -> None:
    folder = tmp_path / "catalog"
    embed_catalog([music / "keys"], folder, workers=1, precision="float16", hop=5.0, outputs=("reversal",))
    before = set(Catalog(folder).table(["path"])["path"].to_pylist())
    with serving(folder) as client:
        token = client.analyse(music / "strings" / "short.wav", "../..\\x/  .a\n<b>: c.wav").json["token"]
        assert client.ask(f"/api/analyse/{token}/add", "POST").status == 403
        for _ in range(2):
            answer = client.ask(f"/api/analyse/{token}/add", "POST", OWN)
            assert answer.status == 200, answer.body
            assert "started again" in answer.json["note"]
        assert client.ask("/api/analyse/nothing/add", "POST", OWN).status == 404
    added = set(Catalog(folder).table(["path"])["path"].to_pylist()) - before
    assert {Path(path).name for path in added} == {"a-_b_- c.wav".replace("_", "-"), "a--b-- c-2.wav"}
    assert all(Path(path).parent == folder / "added" for path in added)
    assert all(Path(path).read_bytes() == (music / "strings" / "short.wav").read_bytes() for path in added)
    assert {path.name for path in (folder / "added").iterdir()} == {Path(path).name for path in added}
    with serving(folder) as client:
        assert all(client.ask(f"/api/tracks/{track_of(client, name)}/audio").status == 200 for name in ("c.wav", "c-2"))


def test_cuts_are_heard_when_that_is_asked(client: Client, music: Path, extractor: Extractor) -> None:
    path = music / "keys" / "Waltz.wav"
    track = track_of(client, "Waltz.wav")
    heard = client.get(f"/api/tracks/{track}/edits")
    expected = [(cut.start, cut.probability) for cut in splices(path, extractor, 0.5)]
    found = [(place["start"], place["probability"]) for place in heard["suspicious"] if place["kind"] == "spliced"]
    np.testing.assert_allclose(np.reshape(found, (-1, 2)), np.reshape(expected, (-1, 2)), atol=1e-3)
    assert set(heard["edited"]) == set(extractor.card.curves)
    known = client.get(f"/api/tracks/{track}")
    assert heard | {"suspicious": None, "edited": None} == known | {"suspicious": None, "edited": None}
    short = track_of(client, "short.wav")
    heard, known = client.get(f"/api/tracks/{short}/edits"), client.get(f"/api/tracks/{short}")
    assert heard | {"edited": None} == known | {"edited": None}


@pytest.mark.parametrize("count", [3, 5])
def test_a_jigsaw_can_be_put_together(client: Client, music: Path, count: int) -> None:
    track = track_of(client, "Waltz.wav")
    game = client.play("/api/game", {"pieces": count, "track": track}).json
    waves = [soundfile.read(io.BytesIO(client.ask(piece["url"]).body))[0] for piece in game["pieces"]]
    whole, rate = soundfile.read(music / "keys" / "Waltz.wav")
    start = round(game["start"] * rate)
    answer = client.play(f"/api/game/{game['token']}", {"order": list(range(count))}).json
    right = answer["right"]
    assert sorted(right) == list(range(count)) != right
    joined = np.concatenate([waves[index] for index in right])
    np.testing.assert_allclose(joined, whole[start : start + len(joined)], atol=2e-4)
    assert answer["correct"] is False
    assert client.play(f"/api/game/{game['token']}", {"order": right}).json["correct"] is True
    assert answer["model"]["correct"] == (answer["model"]["order"] == right)
    assert 0 < answer["model"]["probability"] <= 1


def test_any_track_serves_for_a_jigsaw_if_it_is_long_enough(client: Client) -> None:
    game = client.play("/api/game", {"pieces": 3, "track": None}).json
    assert game["name"] != "short.wav"
    answer = client.play("/api/game", {"pieces": 3, "track": track_of(client, "short")})
    assert (answer.status, "longer file" in answer.json["error"]) == (422, True)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"pieces": 2}, 422),
        ({"pieces": 7}, 422),
        ({"pieces": "3"}, 422),
        ({"pieces": True}, 422),
        ({"pieces": 3, "track": -1}, 404),
        ({"pieces": 3, "track": 10**9}, 404),
        ({"pieces": 3, "track": "../../x"}, 422),
        ([3], 422),
    ],
)
def test_senseless_games_are_refused(client: Client, asked: Any, status: int) -> None:
    answer = client.play("/api/game", asked)
    assert (answer.status, bool(answer.json["error"])) == (status, True)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/tracks/99", 404),
        ("/api/tracks/99/audio", 404),
        ("/api/tracks/99999999999999999999999999/picture", 404),
        ("/api/tracks/-1", 404),
        ("/api/tracks/x", 404),
        ("/api/nothing", 404),
        ("/api/tracks?limit=0", 422),
        ("/api/tracks?limit=x", 422),
        ("/api/tracks?limit=%C2%B2", 422),
        ("/api/tracks/0/neighbours?start=nan", 422),
        ("/api/tracks/0/neighbours?start=1e9", 422),
        ("/api/tracks/0/neighbours?start=soon", 422),
        ("/api/tracks/0/neighbours?k=-1", 422),
        ("/api/dimensions", 422),
        ("/api/dimensions?numbers=456", 422),
        ("/api/dimensions?numbers=-1", 422),
        ("/api/dimensions?numbers=3,,4", 422),
        ("/api/game/unknown/0.wav", 404),
        ("/api/analyse/unknown/backwards", 404),
    ],
)
def test_what_is_not_there_is_said(client: Client, path: str, status: int) -> None:
    answer = client.ask(path)
    assert answer.status == status
    assert answer.json["error"]


def test_missing_audio_is_said_and_the_rest_works(catalog: Path, music: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(music, moved)
    (moved / "keys" / "Waltz.wav").unlink()
    with serving(catalog, moved) as client:
        found, waltz = client.get("/api/catalog"), track_of(client, "Waltz.wav")
        assert found["tracks_missing"] == 1
        assert any("--audio-root" in problem for problem in found["problems"])
        assert client.get(f"/api/tracks/{waltz}")["present"] is False
        assert client.get(f"/api/tracks/{waltz}/neighbours?k=1")
        for path in ("audio", "picture", "backwards"):
            answer = client.ask(f"/api/tracks/{waltz}/{path}")
            assert answer.status == 422
            assert "--audio-root" in answer.json["error"]
        other = client.get("/api/tracks?search=solo")[0]
        assert (other["present"], other["path"]) == (True, str(moved / "strings" / "solo" / "été.wav"))
        assert client.ask(f"/api/tracks/{other['id']}/audio").body == (moved / "strings/solo/été.wav").read_bytes()
        assert client.play("/api/game", {"pieces": 3, "track": None}).status == 200


def test_an_audio_root_must_be_a_folder(catalog: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a folder"):
        Library(catalog, tmp_path / "nowhere")


def test_a_catalog_of_another_model_is_shown_and_not_compared(catalog: Path, music: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(catalog, other)
    text = (other / "catalog.json").read_text()
    digest = Catalog(catalog).settings.model_sha256
    (other / "catalog.json").write_text(text.replace(digest, "0" * 64).replace("music-small", "music-huge"))
    with serving(other) as client:
        assert any("music-huge" in problem for problem in client.get("/api/catalog")["problems"])
        assert client.get("/api/map")["count"] > 0
        answer = client.ask("/api/tracks/0/backwards")
        assert (answer.status, "--model" in answer.json["error"]) == (409, True)
        found = client.analyse(music / "strings" / "short.wav").json
        assert (found["neighbours"], "music-huge" in found["note"]) == ([], True)
        for path, method in (("/api/tracks/0/edits", "GET"), (f"/api/analyse/{found['token']}/add", "POST")):
            assert client.ask(path, method, OWN).status == 409
        assert not (other / "added").exists()


def test_an_empty_catalog_is_said(tmp_path: Path) -> None:
    (tmp_path / "broken.mp3").write_bytes(b"nothing")
    embed_catalog([tmp_path / "broken.mp3"], tmp_path / "catalog", workers=1)
    with serving(tmp_path / "catalog") as client:
        found = client.get("/api/catalog")
        assert (found["files"], found["failed"], len(found["problems"])) == (0, 1, 2)
        assert client.get("/api/map")["count"] == 0
        assert client.ask("/api/map.bin").body == b""
        assert client.get("/api/tracks") == []
        assert client.get("/api/dimensions?numbers=3") == [{"dimension": 3, "clips": []}]
        assert client.play("/api/game", {"pieces": 3}).status == 422


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_rows_of_tracks_and_half_precision(music: Path, tmp_path: Path, precision: Any) -> None:
    embed_catalog([music], tmp_path / "catalog", workers=1, rows="track", precision=precision, outputs=("tags",))
    with serving(tmp_path / "catalog") as client:
        assert any("one row a track" in problem for problem in client.get("/api/catalog")["problems"])
        columns, track = client.columns(), client.get("/api/tracks/0")
        assert len(columns["x"]) == 5
        assert np.isnan(columns["reversal"]).all()
        assert (track["reversal"], track["jigsaw"], track["reversed"]) == ([None], [None], None)
        assert len(client.get("/api/tracks/0/neighbours?k=9")) == 4
        assert client.play("/api/game", {"pieces": 3, "track": track_of(client, "Waltz.wav")}).status == 200


def test_the_map_is_kept_and_made_again_when_the_catalog_grows(music: Path, tmp_path: Path) -> None:
    folder = tmp_path / "catalog"
    embed_catalog([music / "keys"], folder, workers=1)
    first = Library(folder)
    (kept,) = folder.glob(".listen*")
    state = kept.stat().st_mtime_ns
    assert np.array_equal(Library(folder).vectors.layout, first.vectors.layout)
    assert kept.stat().st_mtime_ns == state
    embed_catalog([music], folder, workers=1)
    assert len(Library(folder).columns) > len(first.columns)
    kept.write_bytes(kept.read_bytes()[:-9])
    assert len(Library(folder).vectors.layout) == len(Library(folder).columns)


def test_a_catalog_that_cannot_be_written_is_shown(catalog: Path, tmp_path: Path) -> None:
    folder = tmp_path / "catalog"
    shutil.copytree(catalog, folder, ignore=shutil.ignore_patterns(".listen*", ".lock-listen"))
    (folder / ".lock-listen").mkdir()  # stops root, too
    library = Library(folder)
    np.testing.assert_array_equal(library.vectors.layout, Library(catalog).vectors.layout)
    assert library.neighbours(0, None, 1)
    assert not list(folder.glob(".listen*"))


def test_what_is_no_catalog_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="musicfeat embed"):
        Library(tmp_path)


def test_principal_components_are_those_of_the_covariance() -> None:
    rows = np.random.default_rng(1).normal(size=(500, 6)) * [9, 5, 1, 1, 1, 1] + 3
    values = np.linalg.eigvalsh(np.cov(rows.T, bias=True))[::-1]
    np.testing.assert_allclose(principal(rows, 2).var(axis=0), values[:2], rtol=1e-4)
    layout = scaled(principal(rows, 2))
    np.testing.assert_allclose(layout.min(axis=0), -layout.max(axis=0), atol=1e-6)
    assert np.abs(layout).max() == pytest.approx(1)


@pytest.mark.slow
def test_the_first_layout_is_replaced_by_a_better_one_that_is_kept(music: Path, tmp_path: Path) -> None:
    pytest.importorskip("openTSNE", reason="openTSNE is not installed")
    folder = tmp_path / "catalog"
    embed_catalog([music], folder, workers=1, hop=0.5)
    with serving(folder) as client:
        found = client.get("/api/map")
        assert (found["layout"], found["improving"]) == ("principal components", True)
        first, found = client.columns(), until_better(client, 900)  # it gives way to all else
        assert (found["layout"], found["improving"]) == ("t-SNE", False)
        better = client.columns()
    assert np.abs(better["x"]).max() <= 1
    assert not np.array_equal(first["x"], better["x"])
    np.testing.assert_array_equal(first["start"], better["start"])
    with serving(folder) as client:
        assert client.get("/api/map")["layout"] == "t-SNE"
        np.testing.assert_array_equal(client.columns()["x"], better["x"])
    (folder / ".listen-map.npz").write_bytes(b"damaged")
    with serving(folder) as client:
        assert client.get("/api/map")["layout"] == "principal components"


def test_t_sne_keeps_neighbours_together() -> None:
    pytest.importorskip("openTSNE", reason="openTSNE is not installed")
    generator, groups = np.random.default_rng(2), np.repeat(np.arange(6), 40)
    centres = 3 * generator.normal(size=(6, 30))
    layout = t_sne((centres[groups] + generator.normal(size=(240, 30))).astype(np.float32))
    distance = np.linalg.norm(layout[:, None] - layout, axis=2) + 1e9 * np.eye(240)
    assert (groups[distance.argmin(axis=1)] == groups).mean() > 0.97
