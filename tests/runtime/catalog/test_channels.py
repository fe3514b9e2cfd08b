from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musicfeat import Extractor
from musicfeat.catalog import embed_catalog
from musicfeat.catalog.channels import channel_reversals
from musicfeat.catalog.mending import write_mended
from musicfeat.cli import main
from musicfeat.errors import AudioError, InputError

BOTH = np.random.default_rng(0).integers(-(2**15), 2**15, (100_001, 2), np.int16)


@pytest.fixture(scope="module")
def tapes(tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int) -> Path:
    """A two-sided tape, a stereo track, and a mono one that plays backwards, with their catalog."""
    folder = tmp_path_factory.mktemp("tapes")
    other = np.roll(clip, 7 * rate)
    soundfile.write(folder / "tape.wav", np.stack([clip, other[::-1]], axis=1), rate)
    soundfile.write(folder / "stereo.flac", np.stack([clip, 0.5 * clip], axis=1), rate)
    soundfile.write(folder / "back.flac", clip[::-1], rate)
    embed_catalog([folder], folder / "catalog", workers=1)
    return folder


def test_each_channel_is_judged_by_itself(tapes: Path, extractor: Extractor) -> None:
    found = channel_reversals(str(tapes / "tape.wav"), extractor, 0.5)
    assert found is not None
    assert [(one.channel, one.kind, one.start) for one in found] == [(2, "reversed", 0.0)]
    assert channel_reversals(str(tapes / "stereo.flac"), extractor, 0.5) == []
    assert channel_reversals(str(tapes / "back.flac"), extractor, 0.5) is None


def test_the_command_turns_back_only_what_plays_backwards(
    tapes: Path, tmp_path: Path, clip: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: hashlib.sha256(path.read_bytes()).digest() for path in tapes.glob("*.*") if path.is_file()}
    folder = tmp_path / "fixed"
    assert main(["check", str(tapes / "catalog"), "--fix", str(folder), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {Path(path).name: Path(copy).name for path, copy in said["fixed"].items()} == {
        "tape.wav": "tape.wav",
        "back.flac": "back.flac",
    }
    assert {finding["channel"] for finding in said["findings"]} == {2, None}
    assert sorted(path.name for path in folder.iterdir()) == ["back.flac", "tape.wav"]
    old, new = (soundfile.read(place / "tape.wav", dtype="int16")[0] for place in (tapes, folder))
    np.testing.assert_array_equal(new[:, 0], old[:, 0])
    np.testing.assert_array_equal(new[::-1, 1], old[:, 1])
    np.testing.assert_allclose(soundfile.read(folder / "back.flac")[0], clip, atol=1e-4)
    assert {path: hashlib.sha256(path.read_bytes()).digest() for path in before} == before


def test_the_command_names_the_channel(tapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tapes / "catalog"), "--channels", "--labels", str(tmp_path / "labels")]) == 0
    assert "tape.wav  (channel 2)" in capsys.readouterr().out
    assert (tmp_path / "labels" / "tape.txt").read_text().rstrip().endswith("in channel 2")


def test_a_file_that_is_gone_is_told(tapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tape, away = tapes / "tape.wav", tmp_path / "away.wav"
    tape.rename(away)
    try:
        assert main(["check", str(tapes / "catalog"), "--channels"]) == 1
    finally:
        away.rename(tape)
    assert "tape.wav" in capsys.readouterr().err


def test_findings_as_jams(tapes: Path, tmp_path: Path) -> None:
    jams = pytest.importorskip("jams", reason="the jams extra is not installed")
    assert main(["check", str(tapes / "catalog"), "--channels", "--jams", str(tmp_path / "jams")]) == 0
    found = {path.name[7:]: jams.load(str(path)) for path in (tmp_path / "jams").iterdir()}
    assert set(found) == {"tape.jams", "back.jams"}
    (annotation,) = found["tape.jams"].annotations
    assert annotation.annotation_metadata.annotation_rules == "check, channel 2"
    (observation,) = annotation.data
    assert (observation.value, observation.time, observation.duration) == ("reversed", 0, pytest.approx(24, abs=0.01))
    assert observation.confidence > 0.5


@pytest.mark.parametrize(
    ("name", "subtype"),
    [
        ("a.wav", "PCM_16"),
        ("a.wav", "PCM_24"),
        ("a.wav", "FLOAT"),
        ("a.wav", "PCM_U8"),
        ("a.flac", "PCM_16"),
        ("a.aiff", "PCM_16"),
    ],
)
def test_copies_are_exact(tmp_path: Path, name: str, subtype: str) -> None:
    soundfile.write(tmp_path / name, BOTH, 8000, subtype)
    (tmp_path / "to").mkdir()
    write_mended(str(tmp_path / name), {1}, tmp_path / "to" / name)
    old, new = (soundfile.SoundFile(folder / name) for folder in (tmp_path, tmp_path / "to"))
    assert (new.format, new.subtype, new.samplerate, new.frames) == (old.format, old.subtype, 8000, len(BOTH))
    before, after = old.read(dtype="float64"), new.read(dtype="float64")
    np.testing.assert_array_equal(after[:, 0], before[::-1, 0])
    np.testing.assert_array_equal(after[:, 1], before[:, 1])


def test_coded_sound_becomes_flac(tmp_path: Path, clip: np.ndarray, rate: int) -> None:
    soundfile.write(tmp_path / "a.mp3", clip[: 3 * rate], rate)
    write_mended(str(tmp_path / "a.mp3"), {0}, tmp_path / "b.flac")
    decoded, turned = soundfile.read(tmp_path / "a.mp3")[0], soundfile.read(tmp_path / "b.flac")[0]
    np.testing.assert_allclose(turned[::-1], decoded, atol=1e-6)


def test_nothing_is_left_of_a_copy_that_fails(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", BOTH, 8000)
    with pytest.raises(InputError, match="cannot write"):
        write_mended(str(tmp_path / "a.wav"), {1}, tmp_path / "nowhere" / "a.wav")
    with pytest.raises(InputError, match="exists"):
        write_mended(str(tmp_path / "a.wav"), {1}, tmp_path / "a.wav")
    (tmp_path / "b.wav").write_bytes(b"no sound")
    with pytest.raises(AudioError, match="one by one"):
        write_mended(str(tmp_path / "b.wav"), {1}, tmp_path / "c.wav")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "b.wav"]


def test_folders_are_checked_before_the_work(tapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tapes / "catalog"), "--fix", str(tapes)]) == 1
    assert "new or empty folder" in capsys.readouterr().err
