from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musicfeat.cli import main


@pytest.fixture
def song(tmp_path: Path, clip: np.ndarray, rate: int) -> Path:
    soundfile.write(tmp_path / "song.flac", clip, rate)
    return tmp_path / "song.flac"


def test_embed_writes_all_that_worked_and_reports_the_rest(
    song: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.npz"
    assert main(["embed", str(song), str(tmp_path / "missing.wav"), str(song), "-o", str(output)]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert "missing.wav" in errors[0]
    with np.load(output) as data:
        assert list(data["paths"]) == [str(song)] * 2
        assert data["embedding"].shape == (2, data["embeddings"].shape[1])
        np.testing.assert_array_equal(data["track"], [0, 0, 0, 1, 1, 1])
        assert data["times"].shape == data["reversal"].shape == data["jigsaw"].shape == (6,)


def test_embed_replaces_nothing_when_all_fails(tmp_path: Path) -> None:
    output = tmp_path / "out.npz"
    output.write_bytes(b"precious")
    assert main(["embed", str(tmp_path / "missing.wav"), "-o", str(output)]) == 1
    assert output.read_bytes() == b"precious"


def test_embed_into_a_missing_folder_is_one_line(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["embed", str(song), "-o", "/no/such/folder/out.npz"]) == 1
    assert "cannot write" in capsys.readouterr().err


def test_embed_refuses_an_output_that_cannot_be_before_it_works(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["embed", str(song), "-o", "."]) == 1
    assert "is not empty and not a catalog" in capsys.readouterr().err


def test_order_prints_the_playing_order(
    tmp_path: Path, clip: np.ndarray, rate: int, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / f"{name}.wav" for name in "abc"]
    for path, piece in zip(paths, np.array_split(clip[: 10 * rate], 3), strict=True):
        soundfile.write(path, piece, rate)
    assert main(["order", str(paths[2]), str(paths[0]), str(paths[1])]) == 0
    out, err = capsys.readouterr()
    assert out.split() == [str(path) for path in paths]
    assert "P(this order)" in err
    assert main(["order", *map(str, paths), "--gap", "unknown"]) == 0
    assert "gap" in capsys.readouterr().err


@pytest.fixture
def pieces(tmp_path: Path, clip: np.ndarray, rate: int) -> Path:
    """A folder of three pieces, whose names sort otherwise than they play."""
    folder = tmp_path / "pieces"
    folder.mkdir()
    for name, piece in zip(("b.wav", "c.wav", "a.wav"), np.array_split(clip[: 10 * rate], 3), strict=True):
        soundfile.write(folder / name, piece, rate)
    (folder / "notes.txt").write_text("not audio")
    return folder


def test_order_of_a_folder(
    pieces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["order", str(pieces)]) == 0
    playing = [pieces / name for name in ("b.wav", "c.wav", "a.wav")]
    assert capsys.readouterr().out.split() == [str(path) for path in playing]
    monkeypatch.chdir(tmp_path)
    assert main(["order", "pieces/*.wav", "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["order"] == [os.path.join("pieces", path.name) for path in playing]
    assert found["permutation"] == [1, 2, 0]
    assert 0.5 < found["probability"] <= 1
    assert not err


def test_order_writes_a_playlist_and_numbered_copies(pieces: Path, tmp_path: Path) -> None:
    playlist, copies = tmp_path / "play.m3u", pieces / "ordered"
    assert main(["order", str(pieces), "--m3u", str(playlist), "--copy-to", str(copies)]) == 0
    names = ("b.wav", "c.wav", "a.wav")
    assert playlist.read_text().splitlines() == ["#EXTM3U", *(os.path.join("pieces", name) for name in names)]
    assert sorted(path.name for path in copies.iterdir()) == ["01-b.wav", "02-c.wav", "03-a.wav"]
    assert (copies / "03-a.wav").read_bytes() == (pieces / "a.wav").read_bytes()
    assert sorted(path.name for path in pieces.iterdir()) == ["a.wav", "b.wav", "c.wav", "notes.txt", "ordered"]
    assert main(["order", str(playlist)]) == 0


def test_order_replaces_nothing(pieces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    playlist = tmp_path / "play.m3u"
    playlist.write_text("mine")
    assert main(["order", str(pieces), "--m3u", str(playlist)]) == 1
    assert playlist.read_text() == "mine"
    assert "name a new file" in capsys.readouterr().err
    assert main(["order", str(pieces), "--copy-to", str(pieces)]) == 1
    assert "new or empty folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["order", str(pieces), "--copy-to", str(tmp_path / "empty")]) == 0
    assert len(list((tmp_path / "empty").iterdir())) == 3


def test_order_leaves_no_part_of_copies_behind(
    pieces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("shutil.copy2", full)
    before = sorted(tmp_path.iterdir())
    assert main(["order", str(pieces), "--copy-to", str(tmp_path / "copies")]) == 1
    assert "no space left" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_order_needs_two_pieces(pieces: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.wav", "b.wav"):
        (pieces / name).unlink()
    assert main(["order", str(pieces)]) == 1
    assert "at least 2 pieces" in capsys.readouterr().err


def test_tag_prints_the_most_probable_first(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tag", str(song)]) == 0
    name, tags = capsys.readouterr().out.strip().split(": ")
    assert name == str(song)
    values = [float(tag.split()[1]) for tag in tags.split(", ")]
    assert values == sorted(values, reverse=True)
    assert len(values) > 10


def test_info_names_versions_devices_and_the_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    for words in ("onnxruntime", "CPUExecutionProvider", "licence", "sha256"):
        assert words in out


def test_info_fails_if_the_model_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--model", "nope"]) == 1
    out, err = capsys.readouterr()
    assert "onnxruntime" in out
    assert len(err.splitlines()) == 1


def test_demo_hears_the_direction_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "demo.svg"
    assert main(["demo", "-o", str(picture)]) == 0
    out = capsys.readouterr().out
    forwards, backwards = (float(line.split("=")[1]) for line in out.splitlines()[1:3])
    assert forwards < 0.5 < backwards
    assert "[1, 2, 3]" in out
    root = ET.fromstring(picture.read_text())
    assert root.findall(".//{*}image")
    assert len(root.findall(".//{*}polyline")) == 2


def test_demo_of_a_file(song: Path, tmp_path: Path) -> None:
    assert main(["demo", str(song), "-o", str(tmp_path / "a.svg")]) == 0
    assert str(song) in (tmp_path / "a.svg").read_text()


def test_demo_of_odd_files(tmp_path: Path, clip: np.ndarray, rate: int) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9.wav")
    for samples in (2, 30000):
        soundfile.write(tmp_path / "a.wav", clip[1000 : 1000 + samples], rate)
        (tmp_path / "a.wav").rename(odd)
        assert main(["demo", str(odd), "-o", str(tmp_path / "a.svg")]) == 0
        ET.fromstring((tmp_path / "a.svg").read_bytes())


def test_the_command_is_a_program() -> None:
    program = [sys.executable, "-m", "musicfeat.cli"]
    done = subprocess.run([*program, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("musicfeat ")
    assert subprocess.run([*program, "nonsense"], capture_output=True, check=False).returncode == 2
