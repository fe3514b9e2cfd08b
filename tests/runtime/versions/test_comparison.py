from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

import musicfeat
from musicfeat.cli import main
from musicfeat.demo import synthesise
from musicfeat.errors import InputError
from musicfeat.versions.comparison import Comparison, compare
from musicfeat.versions.detail import FRAME
from musicfeat.versions.edits import Edit
from musicfeat.versions.guesses import Guess
from musicfeat.versions.path import NOWHERE, Run
from musicfeat.versions.repeats import settled
from musicfeat.versions.warped import Way
from support.coded import through

RATE = 44100
NEAR = 0.05
Change = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def music() -> np.ndarray:
    return synthesise(30)


def seconds(sound: np.ndarray, start: float, end: float) -> np.ndarray:
    return sound[round(start * RATE) : round(end * RATE)]


def at_speed(sound: np.ndarray, speed: float) -> np.ndarray:
    return soxr.resample(sound, RATE * speed, RATE)


def times(edit: Edit) -> list[float]:
    return [*edit.first, *edit.second]


def only(found: Comparison, kind: str) -> Edit:
    assert [edit.kind for edit in found.edits] == [kind]
    return found.edits[0]


CHANGES: dict[str, tuple[Change, float]] = {
    "as it is": (lambda sound: sound, 1.0),
    "mp3": (lambda sound: through(sound, RATE, "mp3"), 1.0),
    "3 % faster, mp3": (lambda sound: through(at_speed(sound, 1.03), RATE, "mp3"), 1.03),
    "5 % slower": (lambda sound: at_speed(sound, 0.95), 0.95),
    "compressed, quieter": (lambda sound: 0.1 * np.tanh(4 * sound), 1.0),
    "equalised": (lambda sound: np.convolve(sound, [1, -0.9], "same").astype(np.float32), 1.0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_copy_has_no_edits(music: np.ndarray, change: str) -> None:
    treat, speed = CHANGES[change]
    found = compare(music, treat(music), RATE)
    assert not found.edits
    assert [entry.kind for entry in found.entries] == ["kept"]
    assert found.speed == pytest.approx(speed, abs=5e-4)


@pytest.mark.slow
@pytest.mark.parametrize("change", ["3 % faster, mp3", "equalised"])
def test_each_edit_is_located(music: np.ndarray, change: str) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    parts = {
        "cut": [seconds(music, 0, 10), seconds(music, 10.7, 30)],
        "inserted": [seconds(music, 0, 10), noise, seconds(music, 10, 30)],
        "reversed": [seconds(music, 0, 10), seconds(music, 10, 10.8)[::-1], seconds(music, 10.8, 30)],
        "repeated": [seconds(music, 0, 11), seconds(music, 10, 30)],
        "moved": [seconds(music, 0, 10), seconds(music, 12, 20), seconds(music, 10, 12), seconds(music, 20, 30)],
    }
    truth = {
        "cut": [10, 10.7, 10, 10],
        "inserted": [10, 10, 10, 11],
        "reversed": [10, 10.8, 10, 10.8],
        "repeated": [10, 11, 11, 12],
        "moved": [10, 12, 18, 20],
    }
    treat, speed = CHANGES[change]
    for kind, some in parts.items():
        edit = only(compare(music, treat(np.concatenate(some)), RATE), kind)
        assert times(edit) == pytest.approx([*truth[kind][:2], *(t / speed for t in truth[kind][2:])], abs=NEAR)


def test_a_part_at_another_speed(music: np.ndarray) -> None:
    parts = [seconds(music, 0, 10), at_speed(seconds(music, 10, 20), 1.04), seconds(music, 20, 30)]
    edit = only(compare(music, np.concatenate(parts), RATE), "speed changed")
    assert edit.speed == pytest.approx(1.04, abs=0.002)
    assert times(edit) == pytest.approx([10, 20, 10, 10 + 10 / 1.04], abs=0.1)


def test_all_of_it_backwards(music: np.ndarray) -> None:
    edit = only(compare(music, through(music[::-1], RATE, "mp3"), RATE), "reversed")
    assert times(edit) == pytest.approx([0, 30, 0, 30], abs=0.1)


def test_silence_makes_no_edits_and_an_inserted_one_is_told(music: np.ndarray) -> None:
    rest = np.zeros(2 * RATE, np.float32)
    paused = np.concatenate([seconds(music, 0, 10), rest, seconds(music, 10, 20), rest])
    assert not compare(paused, through(paused, RATE, "mp3"), RATE).edits
    assert not compare(rest, rest, RATE).edits
    edit = only(compare(np.concatenate([seconds(music, 0, 20), rest]), paused, RATE), "inserted")
    assert edit.second == pytest.approx((10, 12), abs=NEAR)


def test_a_loop_stays_where_it_is(music: np.ndarray) -> None:
    bars = np.tile(seconds(music, 0, 8 * 0.46), 7)
    assert not compare(bars, through(bars, RATE, "mp3"), RATE).edits


def test_a_steady_tone_stays_where_it_is() -> None:
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(10 * RATE) / RATE)).astype(np.float32)
    assert not compare(tone, through(tone, RATE, "mp3"), RATE).edits
    muted = tone.copy()
    muted[4 * RATE : 6 * RATE] = 0
    assert compare(tone, muted, RATE).edits


def test_other_music_has_nothing_in_common(music: np.ndarray) -> None:
    other = np.random.default_rng(1).standard_normal(10 * RATE).astype(np.float32)
    assert sorted(edit.kind for edit in compare(music, other, RATE).edits) == ["cut", "inserted"]


@pytest.mark.parametrize("length", [1, 100, 4000, 20000])
def test_short_sounds(music: np.ndarray, length: int) -> None:
    assert not compare(music[RATE : RATE + length], music[RATE : RATE + length], RATE).edits


def test_rates_of_arrays(music: np.ndarray) -> None:
    found = musicfeat.compare(music, soxr.resample(music, RATE, 16000), (RATE, 16000))
    assert not found.edits
    with pytest.raises(InputError, match="sr"):
        compare(music, music)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, music: np.ndarray) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("versions")
    parts = [seconds(music, 0, 10), seconds(music, 13, 20), seconds(music, 20, 22)[::-1], seconds(music, 22, 30)]
    first, second = folder / "take.wav", folder / "take.mp3"
    soundfile.write(first, music, RATE)
    soundfile.write(second, at_speed(np.concatenate(parts), 1.03), RATE)
    return first, second


def test_the_command_prints_both_times(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *map(str, files)]) == 0
    out = capsys.readouterr().out
    assert "take.mp3, 3.0 % faster" in out
    assert [line.split()[0] for line in out.splitlines()[4:-2]] == ["kept", "cut", "kept", "reversed", "kept"]
    assert "2 edits; 100% of B is in A" in out


def test_json_and_the_exit_code(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *map(str, files), "--json", "--fail"]) == 3
    said = json.loads(capsys.readouterr().out)
    assert said["first"]["path"] == str(files[0])
    cut = next(entry for entry in said["entries"] if entry["kind"] == "cut")
    assert [*cut["first"], *cut["second"]] == pytest.approx([10, 13, 10 / 1.03, 10 / 1.03], abs=NEAR)
    assert main(["compare", str(files[0]), str(files[0]), "--fail"]) == 0


def test_labels_for_each_sound(files: tuple[Path, Path], tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    assert main(["compare", *map(str, files), "--labels", str(folder)]) == 0
    first = [line.split("\t") for line in (folder / "A take.txt").read_text().splitlines()]
    second = [line.split("\t") for line in (folder / "B take.txt").read_text().splitlines()]
    assert [line[2] for line in first] == [line[2] for line in second] == ["cut", "reversed"]
    assert float(first[0][1]) - float(first[0][0]) == pytest.approx(3, abs=2 * NEAR)
    assert second[0][0] == second[0][1]


@pytest.mark.parametrize("suffix", [".otio", ".edl"])
def test_timelines_are_read_back(files: tuple[Path, Path], tmp_path: Path, suffix: str) -> None:
    otio = pytest.importorskip("opentimelineio", reason="the edl extra is not installed")
    if suffix[1:] not in otio.adapters.suffixes_with_defined_adapters(write=True):
        pytest.skip("the edl extra is not installed")
    target = tmp_path / f"edits{suffix}"
    assert main(["compare", *map(str, files), "--edl", str(target)]) == 0
    timeline = otio.adapters.read_from_file(str(target))
    clips = [clip for track in timeline.tracks for clip in track]
    starts = [clip.source_range.start_time.to_seconds() for clip in clips]
    assert starts == pytest.approx([0, 13, 20, 22], abs=0.1)
    assert [clip.effects[0].time_scalar > 0 for clip in clips] == [True, True, False, True]
    total = sum(clip.source_range.duration.to_seconds() for clip in clips) if suffix == ".otio" else 27 / 1.03
    assert total == pytest.approx(27 / 1.03, abs=0.1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.wav", "take.mp3"], "nowhere.wav"),
        (["take.wav", "take.mp3", "--edl", "edits.xml"], ".edl or .otio"),
        (["take.wav", "take.mp3", "--labels", "take.wav"], "new or empty folder"),
    ],
)
def test_bad_input_is_one_line(
    files: tuple[Path, Path],
    arguments: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(files[0].parent)
    assert main(["compare", *arguments]) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("change", ["as it is", "3 % faster, mp3"])
@pytest.mark.parametrize("framed", [False, True])
def test_loops_that_repeat_to_the_note_keep_their_order(music: np.ndarray, change: str, framed: bool) -> None:
    """Three seconds out of a piece of loops of 1.84 s: nothing but the order of the rest tells where it goes on."""
    treat, speed = CHANGES[change]
    loops = np.tile(seconds(music, 0, 4 * 0.46), 15)
    piece = np.concatenate([seconds(music, 20, 26), loops, seconds(music, 10, 18)]) if framed else loops
    cut = np.concatenate([seconds(piece, 0, 12), seconds(piece, 15, 99)])
    edit = only(compare(piece, treat(cut), RATE), "cut")
    assert times(edit) == pytest.approx([12, 15, 12 / speed, 12 / speed], abs=NEAR)
    assert not compare(piece, treat(piece), RATE).edits


def test_of_places_that_sound_the_same_the_ones_in_order_are_taken() -> None:
    way, lags = Way(), range(-300, 301, 100)
    runs = [Run(0, 1000, 0), Run(1000, 2000, 1), Run(2000, 2500, NOWHERE), Run(2500, 4000, 0)]
    repeats = [Guess(way, 250 + lag) for lag in lags]
    found, guesses = settled(runs, [[Guess(way, 0)], repeats, [], [Guess(way, 250)]], 4250 * FRAME)
    assert [run[:2] for run in found] == [(0, 1000), (1000, 2000), (2000, 2500), (2500, 4000)]
    assert [guesses[run.guess].lag if run.guess != NOWHERE else None for run in found] == [0, 250, None, 250]
    joined, guesses = settled([Run(0, 1000, 0), Run(1000, 2000, 1)], [[Guess(way, 0)], [*repeats, Guess(way, 0)]], 23.2)
    assert (joined, guesses) == ([Run(0, 2000, 0)], [Guess(way, 0)])
    assert settled([Run(0, 100, NOWHERE)], [[]], 1.0) == ([Run(0, 100, NOWHERE)], [])
