from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musicfeat import Extractor
from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.search import ivf
from musicfeat.catalog.search.alignment import aligned
from musicfeat.catalog.search.index import FILE, Index, build
from musicfeat.catalog.search.query import model_of
from musicfeat.catalog.search.searcher import Hit, Searcher, search
from musicfeat.catalog.search.space import fit
from musicfeat.catalog.settings import Settings, write_or_check
from musicfeat.catalog.workers.file_embedder import FileEmbedder
from musicfeat.catalog.workers.options import ModelOptions
from musicfeat.catalog.workers.result import FileResult
from musicfeat.errors import CatalogError, InputError
from support.coded import encoded
from support.made import made_catalog, made_settings, made_track

D = 128
ODD = os.fsdecode(b"/music/caf\xe9.wav")


def drawn(count: int, windows: int = 5, seed: int = 0) -> list[FileResult]:
    draw = np.random.default_rng(seed)
    scale = np.exp(-np.arange(D) / 20)
    centres = 3 * scale + draw.standard_normal((count, 1, D)) * scale
    vectors = centres + 0.5 * draw.standard_normal((count, windows, D)) * scale
    return [made_track(f"/music/{seed}/{i:04d}.ogg", rows) for i, rows in enumerate(vectors)]


def write(folder: Path, tracks: list[FileResult], of: Settings | None = None, part: int = 0) -> Catalog:
    return made_catalog(folder, [tracks], of or made_settings(D), part)


def cosines(tracks: list[FileResult], query: np.ndarray) -> dict[tuple[str, float], float]:
    """All audible windows by brute force, in double precision, from the definition of the space."""
    kept = [(t, w) for t in tracks if t.features for w in np.flatnonzero(~t.features.silent)]
    x = np.stack([t.features.embeddings[w] for t, w in kept]).astype(np.float64)
    moment = x.T @ x / np.trace(x.T @ x) * D
    values, directions = np.linalg.eigh((len(x) * moment + 300 * np.eye(D)) / (len(x) + 300))
    white = directions @ np.diag(values**-0.25) @ directions.T
    x, q = x @ white, query @ white
    scores = x @ q / np.linalg.norm(x, axis=1) / np.linalg.norm(q)
    return {(t.path, 10.0 * w): score for (t, w), score in zip(kept, scores, strict=True)}


def nearest(scores: dict[tuple[str, float], float], k: int, windows: bool) -> list[tuple[str, float]]:
    ranked = sorted(scores, key=lambda row: (-scores[row], row))
    if not windows:
        ranked = list({path: (path, start) for path, start in reversed(ranked)}.values())
        ranked.sort(key=lambda row: -scores[row])
    return ranked[:k]


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("windows", [False, True])
def test_search_finds_what_brute_force_finds(tmp_path: Path, index: bool, windows: bool) -> None:
    tracks = drawn(150)
    searcher = Searcher(write(tmp_path / "c", tracks), index)
    for query in (drawn(3, 1, seed=9)[i].features.embeddings[0] for i in range(3)):
        scores = cosines(tracks, query)
        hits = searcher(query, 12, windows=windows)
        assert [(hit.path, hit.start) for hit in hits] == nearest(scores, 12, windows)
        np.testing.assert_allclose([hit.similarity for hit in hits], sorted(_values(hits, scores))[::-1], atol=5e-4)
        assert all(hit.end == hit.start + 10 for hit in hits)


def _values(hits: list[Hit], scores: dict[tuple[str, float], float]) -> list[float]:
    return [scores[hit.path, hit.start] for hit in hits]


def test_the_index_changes_nothing(tmp_path: Path) -> None:
    catalog = write(tmp_path / "c", drawn(300, 8))
    read, indexed = Searcher(catalog, index=False), Searcher(catalog, index=True)
    for number in range(4):
        for windows in (False, True):
            asked = f"/music/0/{number:04d}.ogg"
            assert_same(read(asked, 7, windows=windows), indexed(asked, 7, windows=windows))


def assert_same(found: list[Hit], expected: list[Hit]) -> None:
    """The same rows in the same order, similarities to single precision."""
    assert [(hit.path, hit.start) for hit in found] == [(hit.path, hit.start) for hit in expected]
    np.testing.assert_allclose([h.similarity for h in found], [h.similarity for h in expected], atol=3e-6)


def test_the_index_finds_tracks_where_few_tracks_have_all_the_best_windows(tmp_path: Path) -> None:
    query = drawn(1, 1)[0].features.embeddings[0]
    long = [made_track(f"/long/{i}.ogg", np.tile(query, (900, 1)) + np.eye(900, D) / 50) for i in range(2)]
    catalog = write(tmp_path / "c", [*long, *drawn(60, 2, seed=3)])
    assert_same(Searcher(catalog, True)(query, 9), Searcher(catalog, False)(query, 9))


def test_lists_find_nearly_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ivf, "LISTED_ROWS", 1000)
    catalog = write(tmp_path / "c", drawn(240, 8))
    read, indexed = Searcher(catalog, index=False), Searcher(catalog, index=True)
    found = expected = 0
    for number in range(0, 240, 8):
        asked = f"/music/0/{number:04d}.ogg"
        hits = {(hit.path, hit.start) for hit in read(asked, 10, windows=True)}
        found += len(hits & {(hit.path, hit.start) for hit in indexed(asked, 10, windows=True)})
        expected += len(hits)
    assert found > 0.5 * expected  # a sixteenth of the rows, at random, would hold a sixteenth of them


def test_newer_parts_are_searched_beside_the_index(tmp_path: Path) -> None:
    old, new = drawn(80), drawn(80, seed=1)
    catalog = write(tmp_path / "c", old)
    build(catalog)
    write(tmp_path / "c", new, part=1)
    searcher = Searcher(catalog)
    assert len(Index(catalog)) == 400
    hits = searcher(new[3].path, 20, windows=True, itself=True)
    assert {hit.path for hit in hits} & {found.path for found in old}
    assert hits[0].path == new[3].path
    assert len(Index(Searcher(catalog, index=True).catalog)) == 800


@pytest.mark.parametrize("change", ["rewritten", "removed"])
def test_an_index_of_parts_that_are_no_more_is_of_no_use(tmp_path: Path, change: str) -> None:
    tracks = drawn(80)
    catalog = write(tmp_path / "c", tracks[:40])
    write(tmp_path / "c", tracks[40:], part=1)
    build(catalog)
    if change == "rewritten":
        write(tmp_path / "c", tracks[:39])
    else:
        catalog.parts[0].unlink()
    found = Searcher(catalog)(tracks[50].path, 500)
    gone = {t.path for t in (tracks[39:40] if change == "rewritten" else tracks[:40])}
    assert not {hit.path for hit in found} & gone
    assert_same(Searcher(catalog, index=True)(tracks[50].path, 500), found)
    assert len(Index(catalog)) == 5 * len({*(t.path for t in tracks)} - gone)


def test_an_index_moves_with_its_catalog(tmp_path: Path) -> None:
    build(write(tmp_path / "c", drawn(30)))
    shutil.copytree(tmp_path / "c", tmp_path / "d")
    catalog = Catalog(tmp_path / "d")
    assert Index(catalog).state(catalog).changed == []


@pytest.mark.parametrize("damage", ["cut", "empty", "overwritten", "contents"])
def test_a_damaged_index_is_told_and_rebuilt(tmp_path: Path, damage: str) -> None:
    catalog = write(tmp_path / "c", drawn(60))
    expected = Searcher(catalog, index=True)("/music/0/0007.ogg")
    file = tmp_path / "c" / FILE
    whole = file.read_bytes()
    broken = {"cut": whole[:-1000], "empty": b"", "overwritten": os.urandom(5000)}
    file.write_bytes(broken.get(damage, whole[:-60] + b"x" + whole[-59:]))
    with pytest.raises(CatalogError, match=r"search\.index is damaged.*--index"):
        Searcher(catalog)
    for index in (False, True, None):
        assert_same(Searcher(catalog, index)("/music/0/0007.ogg"), expected)


def test_an_index_of_another_model_is_refused(tmp_path: Path) -> None:
    build(write(tmp_path / "c", drawn(10)))
    other = Settings(**{**vars(made_settings(D)), "model_sha256": "def"})
    write(tmp_path / "d", drawn(10), other)
    shutil.move(tmp_path / "c" / FILE, tmp_path / "d" / FILE)
    with pytest.raises(CatalogError, match="another model"):
        Searcher(tmp_path / "d")


def test_a_failed_build_leaves_what_was_there(tmp_path: Path) -> None:
    catalog = write(tmp_path / "c", drawn(10))
    build(catalog)
    before = (tmp_path / "c" / FILE).read_bytes()
    catalog.parts[0].write_bytes(b"PAR1")
    with pytest.raises(CatalogError, match="cannot be read"):
        build(catalog)
    assert (tmp_path / "c" / FILE).read_bytes() == before
    assert not list((tmp_path / "c").glob("*.tmp"))


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("windows", [False, True])
def test_ties_are_broken_by_path(tmp_path: Path, index: bool, windows: bool) -> None:
    tracks = drawn(140, 3)
    same = tracks[0].features.embeddings
    names = [f"/same/{i * 37 % 100:03d}.ogg" for i in range(100)]
    mixed = [found for i, name in enumerate(names) for found in (made_track(name, same), tracks[i])]
    searcher = Searcher(write(tmp_path / "c", mixed), index)
    hits = searcher(same[1], 60, windows=windows)
    assert len({hit.similarity for hit in hits}) == 1
    assert [hit.path for hit in hits] == [tracks[0].path, *sorted(names)][:60]


@pytest.mark.parametrize("index", [False, True])
def test_the_query_itself_silence_and_failures_are_left_out(tmp_path: Path, index: bool) -> None:
    tracks = drawn(6)
    mute = made_track("/music/mute.ogg", np.zeros((3, D)))
    partly = made_track("/music/partly.ogg", tracks[1].features.embeddings * (np.arange(5) != 1)[:, None])
    twin = made_track("/music/twin.ogg", tracks[0].features.embeddings, sha256=tracks[0].sha256)
    failed = FileResult("/music/failed.ogg", error="no sound")
    searcher = Searcher(write(tmp_path / "c", [*tracks, mute, partly, twin, failed]), index)
    names = [hit.path for hit in searcher(tracks[0].path, 50)]
    assert sorted(names) == sorted([*(t.path for t in tracks[1:]), partly.path])
    assert len(searcher(tracks[0].path, 50, windows=True)) == 5 * 5 + 4
    first = searcher(tracks[0].path, 2, itself=True)
    assert [hit.path for hit in first] == [tracks[0].path, twin.path]
    with pytest.raises(InputError, match="silent"):
        searcher(mute.path)


@pytest.mark.parametrize("index", [False, True])
def test_a_catalog_of_nothing(tmp_path: Path, index: bool) -> None:
    write_or_check(tmp_path, made_settings(D))
    assert Searcher(tmp_path, index)(np.ones(D)) == []
    write(tmp_path, [FileResult("/a.ogg", error="no sound")])
    assert Searcher(tmp_path, index)(np.ones(D)) == []


def test_a_catalog_of_one_track_and_of_tracks(tmp_path: Path) -> None:
    one = drawn(1)
    assert len(search(write(tmp_path / "one", one), one[0].features.embeddings[0], 5)) == 1
    many = drawn(40)
    catalog = write(tmp_path / "many", many, made_settings(D, "track"))
    for index in (False, True):
        hits = Searcher(catalog, index)(many[4].path, 3, itself=True)
        assert (hits[0].path, hits[0].start, hits[0].end) == (many[4].path, 0, 50)
        assert hits[0].similarity == pytest.approx(1, abs=1e-4)


def test_names_that_are_not_unicode(tmp_path: Path) -> None:
    odd = made_track(ODD, drawn(1, seed=5)[0].features.embeddings)
    catalog = write(tmp_path / "c", [*drawn(20), odd])
    for index in (False, True):
        searcher = Searcher(catalog, index)
        assert searcher(ODD, 1, itself=True)[0].path == ODD
        assert ODD not in {hit.path for hit in searcher(ODD, 50)}


@pytest.mark.parametrize("k", [0, -1, 2.5, True])
def test_k_must_be_a_count(tmp_path: Path, k: int) -> None:
    with pytest.raises(InputError, match="whole number"):
        search(write(tmp_path / "c", drawn(2)), np.ones(D), k)


@pytest.mark.parametrize("query", [np.zeros(D), np.ones(D - 1), np.full(D, np.nan), np.ones((1, D)), [["a"]], None])
def test_a_vector_must_be_one(tmp_path: Path, query: object) -> None:
    with pytest.raises(InputError, match="query"):
        search(write(tmp_path / "c", drawn(2)), query)


def test_a_folder_that_is_no_catalog(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="not a catalog"):
        Searcher(tmp_path)


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    catalog = write(tmp_path / "c", drawn(2))
    catalog.parts[0].write_bytes(catalog.parts[0].read_bytes()[:-100])
    with pytest.raises(CatalogError, match="cannot be read"):
        search(catalog, np.ones(D))


def test_the_space_is_kept_and_renewed(tmp_path: Path) -> None:
    catalog = write(tmp_path / "c", drawn(30))
    first = Searcher(catalog).space.matrix
    np.testing.assert_array_equal(first, fit(catalog).matrix)
    np.testing.assert_array_equal(first, Searcher(catalog).space.matrix)
    write(tmp_path / "c", drawn(30, seed=4), part=1)
    assert np.abs(Searcher(catalog).space.matrix - first).max() > 1e-3
    (tmp_path / "c" / ".space.npz").write_bytes(b"nonsense")
    np.testing.assert_array_equal(Searcher(catalog).space.matrix, fit(catalog).matrix)


def test_alignment_finds_the_shift() -> None:
    draw = np.random.default_rng(0)
    sound = draw.standard_normal((400, 64)).astype(np.float32)

    def windows(offset: int) -> np.ndarray:
        rows = np.stack([sound[i : i + 40].mean(axis=0) for i in range(offset, 361, 40)])
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    for late in (0, 10, 20, 30, 50):
        found = aligned(windows(0), windows(late), 10.0)
        assert found.shift == late / 4
        assert found.similarity > 0.7
        assert aligned(windows(late), windows(0), 10.0).shift == -late / 4
    assert aligned(windows(0), windows(0), 10.0).similarity == pytest.approx(1)
    other = draw.standard_normal((9, 64)).astype(np.float32)
    assert aligned(windows(0), other / np.linalg.norm(other, axis=1, keepdims=True), 10.0).similarity < 0.5
    assert aligned(windows(0), np.zeros((9, 64), np.float32), 10.0).similarity == -1


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int) -> tuple[Catalog, list[Path]]:
    """A catalog of real features: a song, a coded copy of it, one with hiss that begins later, and other sounds."""
    folder = tmp_path_factory.mktemp("heard")
    song = np.concatenate([clip, 0.5 * clip[::2], clip[::-1]])
    hiss = np.random.default_rng(0).standard_normal(len(song))
    sounds = {
        "song.flac": song,
        "quiet.ogg": 0.2 * song,
        "late.flac": (song + 5e-4 * hiss)[3 * rate :],
        "noise.flac": hiss * np.linspace(0, 0.3, len(song)),
        "silence.flac": 0 * song,
        "slow.flac": np.repeat(song, 3)[: len(song)],
    }
    for name, sound in sounds.items():
        (folder / name).write_bytes(encoded(sound, rate, None, name.split(".")[1]))
    paths = [folder / name for name in sounds]
    embedder = FileEmbedder(ModelOptions())
    card, dimension, hop, _ = embedder.describe()
    of = Settings(
        card.name, card.version, card.weights_sha256, dimension, "float16", "window", 10.0, hop, ("embedding",), ()
    )
    return write(folder / "catalog", embedder([str(path) for path in paths]), of), paths


def test_a_file_is_searched_for(heard: tuple[Catalog, list[Path]], tmp_path: Path, extractor: Extractor) -> None:
    catalog, paths = heard
    assert [Path(hit.path).name for hit in search(catalog, paths[0], 2)] == ["quiet.ogg", "late.flac"]
    shutil.copy(paths[0], tmp_path / "new.flac")
    new = Searcher(catalog, extractor=extractor)(tmp_path / "new.flac", 2)
    assert [Path(hit.path).name for hit in new] == ["quiet.ogg", "late.flac"]  # not the song, which is the same file
    itself = search(catalog, extractor(paths[0]).embeddings[1], 1)[0]
    assert (itself.path, itself.start) == (str(paths[0]), 10.0)
    at = Searcher(catalog)(paths[0], 1, windows=True, itself=True, at=16.0)[0]
    assert (at.path, at.start) == (str(paths[0]), 10.0)
    with pytest.raises(InputError, match="nothing at 1000"):
        Searcher(catalog)(paths[0], at=1000)
    with pytest.raises(InputError, match="silent"):
        search(catalog, paths[4])


def test_another_model_is_refused(tmp_path: Path, heard: tuple[Catalog, list[Path]]) -> None:
    catalog = write(tmp_path / "c", drawn(3))
    soundfile.write(tmp_path / "a.wav", np.ones(9000), 8000)
    with pytest.raises(CatalogError, match="embeddings of two models do not compare"):
        search(catalog, tmp_path / "a.wav")
    assert search(catalog, drawn(3)[1].path)  # held: no model needed
    assert model_of(heard[0]).card.weights_sha256 == heard[0].settings.model_sha256


def test_the_command_search(
    main: Callable[..., int], heard: tuple[Catalog, list[Path]], capfd: pytest.CaptureFixture[str]
) -> None:
    catalog, paths = heard
    assert main("search", catalog.folder, paths[0], "-k", 2) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[1].split()[1:4] == ["0:00", "-", "0:10"] or lines[1].endswith("quiet.ogg")
    assert len(lines) == 3
    assert main("search", catalog.folder, paths[0], "--windows", "--json", "--index", "--itself", "-k", 4) == 0
    hits = json.loads(capfd.readouterr().out)
    assert len(hits) == 4
    assert set(hits[0]) == {"path", "start", "end", "similarity"}
    assert main("search", catalog.folder, paths[0], "--m3u", "--at", 3) == 0
    assert capfd.readouterr().out.splitlines()[:2] == ["#EXTM3U", str(paths[1])]
    assert main("search", catalog.folder, "nothing.wav") == 1
    assert capfd.readouterr().err.startswith("musicfeat: ")


def test_the_commands_keep_odd_names(
    main: Callable[..., int], tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    same = drawn(1, seed=5)[0].features.embeddings
    odd, newline = made_track(ODD, same), made_track("/music/a\nb.ogg", same)
    others = [made_track(f"/music/{i}.ogg", np.eye(D)[i : i + 5]) for i in range(0, 60, 20)]
    write(tmp_path / "c", [*others, odd, newline])
    assert main("search", tmp_path / "c", newline.path, "--m3u", "--itself", "-k", 2) == 0
    assert capfdbinary.readouterr().out == b"#EXTM3U\nfile:///music/a%0Ab.ogg\n/music/caf\xe9.wav\n"
    assert main("search", tmp_path / "c", ODD, "--json", "--itself", "-k", 9) == 0
    assert "file:///music/caf%E9.wav" in {hit["path"] for hit in json.loads(capfdbinary.readouterr().out)}


def test_a_large_catalog_without_an_index_says_so(
    main: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("musicfeat.catalog.search.searcher.INDEX_ROWS", 10)
    write(tmp_path / "c", drawn(5))
    for arguments, told in ((["--no-index"], ""), ([], "--index"), (["--index"], ""), ([], "")):
        assert main("search", tmp_path / "c", "/music/0/0001.ogg", *arguments) == 0
        assert told in capsys.readouterr().err
    (tmp_path / "c" / FILE).write_bytes(b"")
    assert main("search", tmp_path / "c", "/music/0/0001.ogg") == 1
    assert "damaged" in capsys.readouterr().err
