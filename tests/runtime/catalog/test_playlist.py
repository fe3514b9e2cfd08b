"""Playlists: what goes with some tracks, paths from one to another, and what a list may hold."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from musicfeat.catalog.playlist import Limits, Playlists
from musicfeat.catalog.pooled import FILE, pooled
from musicfeat.catalog.search.space import space_of
from musicfeat.catalog.tracks import Tracks
from musicfeat.cli import main
from musicfeat.errors import CatalogError, InputError
from support.made import made_catalog, made_settings, made_track

D, KINDS, EACH = 32, 4, 12


@pytest.fixture(scope="module")
def centres() -> np.ndarray:
    """[KINDS, D] directions of the kinds of music that there are."""
    return 4 * np.linalg.qr(np.random.default_rng(1).standard_normal((D, KINDS)))[0].T


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, centres: np.ndarray) -> Path:
    """48 tracks of four kinds, three of an artist; a silent one, and two more of a recording in another coding."""
    draw = np.random.default_rng(0)
    tracks = []
    for kind in range(KINDS):
        for number in range(EACH):
            own = centres[kind] + 0.5 * draw.standard_normal(D)
            windows = own + 0.3 * draw.standard_normal((4, D))
            who = {
                "title": f"Kind {kind} number {number}",
                "artist": f"Artist {kind}.{number // 3}",
                "album": f"A{number}",
            }
            tracks.append(made_track(f"/m/{kind}/{number:02}.ogg", windows, 31.0 + 0.7 * number + 9 * kind, **who))
    tracks.append(made_track("/m/silent.ogg", np.zeros((2, D)), title="Silence"))
    first = tracks[1].features.embeddings
    tracks += [made_track(f"/m/copy{i}.ogg", first * (1 + 0.01 * i), 31.7 + 0.1 * i) for i in (1, 2)]
    return made_catalog(tmp_path_factory.mktemp("lists") / "c", [tracks[:20], tracks[20:]], made_settings(D)).folder


@pytest.fixture(scope="module")
def lists(folder: Path) -> Playlists:
    return Playlists(folder)


def kinds(found: list) -> list[int]:
    return [int(Path(entry.path).parent.name) for entry in found if Path(entry.path).parent.name.isdigit()]


def test_pooled_vectors_are_those_of_the_rows(folder: Path, lists: Playlists) -> None:
    vectors, space = pooled(lists.tracks), space_of(lists.catalog)
    rows = lists.catalog.table(["path", "embedding"]).to_pylist()
    for path in ("/m/2/05.ogg", "/m/0/00.ogg"):
        windows = np.array([row["embedding"] for row in rows if row["path"] == path])
        number = lists.tracks.numbers[path]
        np.testing.assert_allclose(vectors.embedding[number], windows.mean(axis=0), atol=1e-5)
        for name, expected in (("unit", windows.mean(axis=0)), ("first", windows[0]), ("last", windows[-1])):
            np.testing.assert_allclose(getattr(vectors, name)[number], space.unit(expected[None])[0], atol=2e-3)
    silent = lists.tracks.numbers["/m/silent.ogg"]
    assert not any(getattr(vectors, name)[silent].any() for name in ("unit", "first", "last"))
    before = (folder / FILE).stat().st_mtime_ns
    pooled(Tracks(lists.catalog))
    assert (folder / FILE).stat().st_mtime_ns == before


def test_a_list_is_like_its_seeds_and_unlike_others(lists: Playlists) -> None:
    found = lists.like(["Kind 2 number 3"], limits=Limits(8))
    assert kinds(found) == [2] * 8
    assert "/m/2/03.ogg" not in {entry.path for entry in found}
    both = lists.like(["/m/0/00.ogg", "/m/3/00.ogg"], limits=Limits(20))
    assert set(kinds(both)) == {0, 3}
    assert set(kinds(lists.like(["/m/0/00.ogg", "/m/3/00.ogg"], ["/m/3/01.ogg"], Limits(8)))) == {0}


def test_no_recording_is_in_a_list_twice(lists: Playlists) -> None:
    found = {entry.path for entry in lists.like(["/m/0/00.ogg"], limits=Limits(40), joined=False)}
    assert len(found & {"/m/0/01.ogg", "/m/copy1.ogg", "/m/copy2.ogg"}) == 1
    assert "/m/silent.ogg" not in found
    of_itself = {entry.path for entry in lists.like(["/m/0/01.ogg"], limits=Limits(40))}
    assert not of_itself & {"/m/copy1.ogg", "/m/copy2.ogg"}


def test_artists_and_albums_may_be_limited(lists: Playlists) -> None:
    found = lists.like(["/m/1/00.ogg"], limits=Limits(10, per_artist=1))
    artists = [entry.artist for entry in found if entry.artist]
    assert len(artists) == len(set(artists))
    albums = [entry.album for entry in lists.like(["/m/1/00.ogg"], limits=Limits(12, per_album=2)) if entry.album]
    assert max(map(albums.count, albums)) == 2


def test_best_first_is_what_all_comparisons_give(lists: Playlists) -> None:
    units = pooled(lists.tracks).unit.astype(np.float32)
    scores = units @ units[lists.tracks.numbers["/m/2/00.ogg"]]
    best = [lists.tracks.paths[i] for i in np.argsort(-scores) if lists.tracks.paths[i].startswith("/m/2/")][1:7]
    found = lists.like(["/m/2/00.ogg"], limits=Limits(6), joined=False)
    assert [entry.path for entry in found] == best
    assert [entry.similarity for entry in found] == sorted((entry.similarity for entry in found), reverse=True)
    joined = lists.like(["/m/2/00.ogg"], limits=Limits(6), joined=True)
    assert {entry.path for entry in joined} == set(best)
    assert joined[0] == found[0]


def test_a_joined_list_goes_to_the_nearest_beginning(lists: Playlists) -> None:
    vectors, numbers = pooled(lists.tracks), list(range(0, 48, 5))
    order = lists.joined(numbers)
    assert sorted(order) == numbers
    for place, number in enumerate(order[:-1]):
        likeness = vectors.first[order[place + 1 :]].astype(np.float32) @ vectors.last[number].astype(np.float32)
        assert likeness.argmax() == 0


def test_a_path_leads_from_one_to_the_other(lists: Playlists, folder: Path) -> None:
    found = lists.path("Kind 0 number 0", "Kind 3 number 7", Limits(10))
    assert (found[0].path, found[-1].path, len(found)) == ("/m/0/00.ogg", "/m/3/07.ogg", 10)
    assert len({entry.path for entry in found}) == 10
    units = pooled(lists.tracks).unit.astype(np.float32)
    along = [units[lists.tracks.numbers[entry.path]] for entry in found]
    towards = [vector @ along[-1] - vector @ along[0] for vector in along]
    assert np.corrcoef(towards, np.arange(10))[0, 1] > 0.8
    assert [entry.path for entry in lists.path("/m/0/00.ogg", "/m/3/07.ogg", Limits(2))] == [
        "/m/0/00.ogg",
        "/m/3/07.ogg",
    ]
    assert folder.exists()


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda lists: lists.like([]), "name one at least"),
        (lambda lists: lists.like(["no such thing"]), "has no track 'no such thing'"),
        (lambda lists: lists.like(["Silence"]), "is silent"),
        (lambda lists: lists.path("/m/0/00.ogg", "/m/0/00.ogg"), "the same twice"),
        (lambda _: Limits(0), "count of a playlist must be a whole number from 1, got 0"),
        (lambda _: Limits(5, per_artist=0), "per_artist"),
    ],
)
def test_what_cannot_be_asked_is_told(lists: Playlists, ask: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ask(lists)  # type: ignore[operator]


def test_the_command_writes_lists(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mine.m3u8"
    assert main(["playlist", str(folder), "--like", "Kind 2 number 3", "-n", "3", "-o", str(out)]) == 0
    lines = out.read_text("utf-8").splitlines()
    assert (lines[0], len(lines)) == ("#EXTM3U", 7)
    assert lines[1].startswith("#EXTINF:5") or lines[1].startswith("#EXTINF:4")
    assert "Artist 2." in lines[1]
    assert main(["playlist", str(folder), "--from", "/m/0/00.ogg", "--to", "/m/3/07.ogg", "-n", "4", "--json"]) == 0
    capfd_out = capfd.readouterr().out
    assert [row["path"] for row in json.loads(capfd_out[capfd_out.index("[") :])][::3] == ["/m/0/00.ogg", "/m/3/07.ogg"]
    assert main(["playlist", str(folder), "--like", "Kind 1 number 1", "-n", "2"]) == 0
    assert "Artist 1." in capfd.readouterr().out
    for wrong, message in (
        (["--from", "x"], "name tracks with --like, or the ends"),
        (["--like", "x", "--to", "y"], "name tracks with --like, or the ends"),
        (["--from", "x", "--to", "y", "--unlike", "z"], "goes with --like"),
        (["--like", "/m/0/00.ogg", "-o", "list.txt"], "ends in .m3u8 or .json"),
        (["--like", "/m/0/00.ogg", "-o", str(tmp_path / "none" / "a.m3u8")], "cannot write"),
    ):
        assert main(["playlist", str(folder), *wrong]) == 1
        assert message in capfd.readouterr().err


def test_a_catalog_that_may_only_be_read_gives_lists(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.replace

    def refuse(source: object, target: object) -> None:
        if str(target).startswith(str(folder)):
            raise PermissionError("read-only")
        whole(source, target)  # type: ignore[arg-type]

    (folder / FILE).unlink(missing_ok=True)  # another test may have written it
    monkeypatch.setattr("os.replace", refuse)
    assert len(Playlists(folder).like(["/m/0/00.ogg"], limits=Limits(5))) == 5
    assert not (folder / FILE).exists()


def test_another_kind_of_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="not a catalog"):
        Playlists(tmp_path)
