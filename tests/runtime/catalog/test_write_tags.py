"""Findings as tags of files: the sound stays, nothing is half-written, and the catalog knows the files again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("av", reason="the extra musicfeat[tags] is not installed")

import mutagen

from musicfeat.catalog import Catalog, embed_catalog
from musicfeat.catalog.findings import Found, fields_of, findings
from musicfeat.catalog.rewriting import changing
from musicfeat.catalog.write_tags import NOTES, sound_digest, write_tags
from musicfeat.cli import main
from musicfeat.errors import CatalogError
from support.coded import write_coded

ID3 = "TXXX:MUSICFEAT_REVERSED"
KEYS = {"mp3": ID3, "wav": ID3, "m4a": "----:com.apple.iTunes:MUSICFEAT_REVERSED"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int) -> Path:
    root = tmp_path_factory.mktemp("written")
    (root / "music").mkdir()
    for suffix in ("flac", "mp3", "ogg", "wav"):
        soundfile.write(root / "music" / f"a.{suffix}", clip[: 4 * rate], rate)
    write_coded(root / "music" / "a.m4a", clip[: 4 * rate], rate=rate)
    embed_catalog([root / "music"], root / "catalog", workers=1)
    return root


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """The catalog, of files that may be changed: their paths are those of this test."""
    shutil.copytree(made / "music", tmp_path / "music")
    embed_catalog([tmp_path / "music"], tmp_path / "catalog", workers=1)
    return tmp_path


def tag(path: Path) -> Any:
    held = mutagen.File(path)
    value = (held.tags or {}).get(KEYS.get(path.suffix[1:], "MUSICFEAT_REVERSED"))
    first = value if value is None or isinstance(value, str) else (value.text if hasattr(value, "text") else value)[0]
    return bytes(first).decode() if isinstance(first, bytes) else first


def test_findings_are_those_of_the_rows(made: Path) -> None:
    catalog = Catalog(made / "catalog")
    rows = {row["path"]: row for row in catalog.table().to_pylist()}
    for found in findings(catalog):
        row = rows[found.path]
        assert found.tags == pytest.approx(row["tags"], abs=1e-6)
        assert found.reversed == pytest.approx(min(max(row["reversal"], 1e-4), 1 - 1e-4), abs=1e-6)
    assert fields_of(catalog) == ["tags", "reversed"]
    said = Found("a", 1.0, 0.25, {"x": 0.6, "y": 0.9, "z": 0.1}, {"mood": {"calm": 0.2, "wild": 0.8}}).texts()
    assert said == {"tags": "y; x", "mood": "wild", "reversed": "0.25"}


def test_a_dry_run_changes_nothing(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in (place / "music").iterdir()}
    assert main(["write-tags", str(place / "catalog"), "--dry-run", "--fields", "reversed"]) == 0
    assert "5 files would be written, 0 unchanged, 0 failed" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in (place / "music").iterdir()} == before


def test_tags_are_written_and_the_sound_stays(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted((place / "music").iterdir())
    sounds = [sound_digest(path) for path in files]
    values = {found.path: f"{found.reversed:.2f}" for found in findings(Catalog(place / "catalog"))}
    assert main(["write-tags", str(place / "catalog"), "--originals", "--fields", "reversed"]) == 0
    assert sorted((place / "music").iterdir()) == files
    assert [sound_digest(path) for path in files] == sounds
    assert [tag(path) for path in files] == [values[str(path)] for path in files]
    summary = embed_catalog([place / "music"], place / "catalog", workers=1)
    assert (summary.embedded, summary.unchanged) == (0, 5)  # the catalog knows the files again
    capsys.readouterr()
    assert main(["write-tags", str(place / "catalog"), "--originals", "--fields", "reversed"]) == 0
    assert "0 files written, 5 unchanged" in capsys.readouterr().out


def test_copies_leave_the_originals(place: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in (place / "music").iterdir()}
    assert main(["write-tags", str(place / "catalog"), "--copy-to", str(tmp_path / "copies")]) == 0
    assert {path: path.read_bytes() for path in (place / "music").iterdir()} == before
    assert all(tag(path) for path in (tmp_path / "copies").iterdir())


def test_copies_of_files_of_one_name_lie_in_folders_of_their_own(place: Path, tmp_path: Path) -> None:
    for number in "12":
        (tmp_path / "albums" / number).mkdir(parents=True)
        shutil.copy(place / "music" / "a.ogg", tmp_path / "albums" / number / "a.ogg")
    embed_catalog([tmp_path / "albums"], tmp_path / "both", workers=1)
    assert main(["write-tags", str(tmp_path / "both"), "--copy-to", str(tmp_path / "copies")]) == 0
    assert all(tag(tmp_path / "copies" / number / "a.ogg") for number in "12")


def test_what_a_killed_run_wrote_is_known_to_the_next(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog(place / "catalog")
    run = write_tags(catalog, list(findings(catalog)), ["reversed"])
    monkeypatch.setattr("musicfeat.catalog.write_tags.rewrite", lambda *_: pytest.fail("killed before"))
    next(run)
    next(run)
    notes = (place / "catalog" / NOTES).read_bytes()
    assert notes.count(b"\n") == 2
    with pytest.raises(pytest.fail.Exception):
        run.close()
    monkeypatch.undo()
    (place / "catalog" / NOTES).write_bytes(notes + b'{"path": "half')
    summary = embed_catalog([place / "music"], place / "catalog", workers=1)
    assert (summary.embedded, summary.unchanged) == (0, 5)
    assert not (place / "catalog" / NOTES).exists()


def test_a_file_whose_sound_would_change_is_left(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in (place / "music").iterdir()}
    spoiled = place / "music" / "a.flac"

    monkeypatch.setattr("musicfeat.catalog.write_tags._save", _spoil)
    assert main(["write-tags", str(place / "catalog"), "--originals", "--fields", "reversed"]) == 1
    assert "left as it is" in capsys.readouterr().err
    assert spoiled.read_bytes() == before[spoiled]
    assert len(list((place / "music").iterdir())) == 5


def _spoil(path: Path, *_: object) -> None:
    if path.suffix != ".flac":
        return
    data = bytearray(path.read_bytes())
    data[-400:-200] = bytes(200)
    path.write_bytes(data)


def test_what_cannot_be_written_is_one_line_each(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "music" / "a.mp3").write_bytes(b"nothing" * 50)
    (place / "music" / "a.ogg").unlink()
    assert main(["write-tags", str(place / "catalog"), "--originals", "--fields", "reversed"]) == 1
    shown = capsys.readouterr()
    assert len(shown.err.splitlines()) == 2
    assert "3 files written, 0 unchanged, 2 failed" in shown.out
    assert main(["write-tags", str(place / "catalog"), "--dry-run", "--fields", "mood"]) == 1
    assert "has the fields tags, reversed, not mood" in capsys.readouterr().err
    catalog = Catalog(place / "catalog")
    with changing(catalog.folder, catalog.settings), pytest.raises(CatalogError, match="another run is at work"):
        next(write_tags(catalog, findings(catalog), ["tags"]))


def test_jams_files_hold_the_findings(made: Path, tmp_path: Path) -> None:
    jams = pytest.importorskip("jams", reason="the extra musicfeat[jams] is not installed")
    assert main(["jams", str(made / "catalog"), "-o", str(tmp_path / "out"), "--embeddings"]) == 0
    found = {one.path: one for one in findings(Catalog(made / "catalog"))}
    files = sorted((tmp_path / "out").iterdir())
    assert len(files) == 5
    held = jams.load(str(files[0]))
    one = found[held.file_metadata.identifiers.file]
    (tags,), (segments,), (vectors,) = (held.search(namespace=kind) for kind in ("tag_open", "segment_open", "vector"))
    assert {row.value: row.confidence for row in tags} == pytest.approx(one.tags, abs=1e-4)
    assert segments.data[0].value == max(one.tags, key=one.tags.__getitem__)
    assert len(vectors.data[0].value) == Catalog(made / "catalog").settings.dimension
    assert held.file_metadata.duration == pytest.approx(4, abs=0.2)
