"""Who a track is: read while embedding, or later by `musicfeat names`, and shown instead of paths."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from mediafile import MediaFile

from musicfeat.catalog import Catalog, embed_catalog
from musicfeat.catalog.credits import NAMES, NOBODY, read_credits
from musicfeat.catalog.naming import Naming
from musicfeat.catalog.rewriting import changing
from musicfeat.catalog.search.searcher import search
from musicfeat.catalog.tracks import FILE, Tracks
from musicfeat.cli import main
from musicfeat.errors import CatalogError, InputError

TAGS = {"title": "Été", "artist": "Nina", "album": "Blue", "albumartist": "Various", "track": 7, "year": 1999}


def write(path: Path, clip: np.ndarray, rate: int, **tags: object) -> Path:
    soundfile.write(path, clip, rate)
    if tags:
        file = MediaFile(path)
        file.update(tags)
        file.save()
    return path


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int) -> Path:
    folder = tmp_path_factory.mktemp("names") / "music"
    folder.mkdir()
    write(folder / "a.flac", clip[: 4 * rate], rate, **TAGS, genres=["Jazz", "Soul"], mb_trackid="b1a9c0e9-d987")
    write(folder / "b.mp3", 0.3 * clip[: 5 * rate], rate, title="Winter", artist="Nina")
    write(folder / "c.ogg", clip[4 * rate : 9 * rate], rate, title="Winter", artist="Olaf")
    write(folder / "d.wav", clip[9 * rate : 13 * rate], rate)
    (folder / "e.mp3").write_bytes(b"ID3\4\0\0\x7f\x7f\x7f\x7f" + b"no music" * 99)
    return folder


@pytest.fixture(scope="module")
def made(music: Path) -> Path:
    embed_catalog([music], music.parent / "catalog", workers=1)
    return music.parent / "catalog"


@pytest.fixture
def catalog(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "catalog"))


def aged(folder: Path) -> Path:
    """The catalog as an older version would have written it: without names."""
    for part in folder.glob("part-*.parquet"):
        table = pq.read_table(part, partitioning=None)
        pq.write_table(table.drop_columns(list(NAMES)), part, 2)
    return folder


def credits(folder: Path) -> dict[str, list[object]]:
    return {
        Path(row.pop("path")).name: list(row.values()) for row in Catalog(folder).table(["path", *NAMES]).to_pylist()
    }


def test_names_are_read_while_embedding(made: Path, music: Path) -> None:
    found = credits(made)
    assert found["a.flac"] == ["Été", "Nina", "Blue", "Various", 7, 1999, "Jazz; Soul", "b1a9c0e9-d987", None, None]
    assert found["b.mp3"][:2] == ["Winter", "Nina"]
    assert found["c.ogg"][:2] == ["Winter", "Olaf"]
    assert found["d.wav"] == [None] * len(NAMES)
    assert read_credits(str(music / "e.mp3")) == read_credits(str(music / "none.mp3")) == NOBODY


def test_an_older_catalog_is_read_searched_and_added_to(catalog: Path, music: Path, tmp_path: Path) -> None:
    before = Catalog(aged(catalog)).table(["path", "embedding"])
    assert set(map(tuple, credits(catalog).values())) == {(None,) * len(NAMES)}
    assert len(search(catalog, music / "a.flac", 3)) == 3
    new = tmp_path / "new.flac"
    shutil.copy(music / "a.flac", new)
    embed_catalog([new], catalog, workers=1)
    assert credits(catalog)["new.flac"][0] == "Été"
    assert Catalog(catalog).table(["path", "embedding"]).slice(0, before.num_rows) == before


def test_names_come_without_decoding(catalog: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected, whole = credits(catalog), Catalog(catalog).table()
    aged(catalog)
    assert main(["names", str(catalog)]) == 0
    assert "3 tracks with a title, 2 without" in capsys.readouterr().out  # the failed file is a row, too
    assert credits(catalog) == expected
    assert Catalog(catalog).table() == whole
    assert Naming(Catalog(catalog)).parts == 0  # nothing is left to be done, and nothing is written


def test_a_file_that_is_gone_keeps_its_names(catalog: Path, music: Path) -> None:
    kept = music.with_name("kept")
    music.rename(kept)
    try:
        done = Naming(Catalog(catalog))
        assert (done.named, done.missing) == (0, 5)
        assert credits(catalog)["a.flac"][0] == "Été"
    finally:
        kept.rename(music)


def test_names_wait_for_no_other_run(catalog: Path) -> None:
    held = Catalog(catalog)
    with changing(catalog, held.settings), pytest.raises(CatalogError, match="another run is at work"):
        Naming(held)


def test_tracks_are_found_by_file_and_by_name(made: Path, music: Path) -> None:
    tracks = Tracks(Catalog(made))
    assert len(tracks) == 4
    path = {name: tracks.find(name) for name in ("Été", "nina - winter", "Olaf", "WINTER olaf", "d.wav")}
    assert [Path(tracks.paths[number]).name for number in path.values()] == [
        "a.flac",
        "b.mp3",
        "c.ogg",
        "c.ogg",
        "d.wav",
    ]
    assert tracks.find(music / "b.mp3") == path["nina - winter"]
    with pytest.raises(InputError, match=r"2 tracks are called 'winter', such as .*b.mp3; .*c.ogg: name the file"):
        tracks.find("winter")
    with pytest.raises(InputError, match="has no track 'Wintr': did you mean 'Winter'"):
        tracks.find("Wintr")
    artist = tracks.groups("artist")
    assert artist[tracks.find("Été")] == artist[tracks.find("nina - winter")] != artist[tracks.find("Olaf")]
    assert artist[tracks.find("d.wav")] == -1


def test_the_list_of_tracks_is_kept_until_the_catalog_changes(catalog: Path) -> None:
    first = Tracks(Catalog(catalog)).table.to_pylist()
    state = (catalog / FILE).stat().st_mtime_ns
    assert Tracks(Catalog(catalog)).table.to_pylist() == first
    assert (catalog / FILE).stat().st_mtime_ns == state
    (catalog / FILE).unlink()
    (catalog / FILE).write_bytes(b"damaged")
    assert Tracks(Catalog(catalog)).table.to_pylist() == first
    aged(catalog)
    assert Tracks(Catalog(catalog)).row(0)["title"] is None


def test_commands_print_names(made: Path, music: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["search", str(made), "nina - winter"]) == 0
    table = capfd.readouterr().out
    assert "Nina - Été" in table
    assert str(music / "d.wav") in table
    assert main(["search", str(made), str(music / "b.mp3"), "--json"]) == 0
    rows = {Path(row["path"]).name: row for row in json.loads(capfd.readouterr().out)}
    assert (rows["a.flac"]["artist"], rows["a.flac"]["album"]) == ("Nina", "Blue")
    assert "title" not in rows["d.wav"]
    assert main(["search", str(made), str(music / "b.mp3"), "--m3u"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[lines.index(str(music / "a.flac")) - 1] == "#EXTINF:4,Nina - Été"
    assert main(["search", str(made), "nobody knows this"]) == 1
    assert "has no track 'nobody knows this': name a file" in capfd.readouterr().err


def test_duplicates_are_named(music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(music / "a.flac", tmp_path / "one.flac")
    shutil.copy(music / "a.flac", tmp_path / "two.flac")
    embed_catalog([tmp_path / "one.flac", tmp_path / "two.flac"], tmp_path / "catalog", workers=1)
    assert main(["duplicates", str(tmp_path / "catalog")]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["Nina - Été", str(tmp_path / "one.flac")]
    assert main(["duplicates", str(tmp_path / "catalog"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0][1]["artist"] == "Nina"
