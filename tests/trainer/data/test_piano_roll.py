from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest
import torch

from musicfeat import InputError
from musicfeat_trainer.data.contents import Waveform
from musicfeat_trainer.data.piano_roll import LOWEST, Note, PianoRoll, notes
from musicfeat_trainer.data.sets.midi import MidiSet
from musicfeat_trainer.data.sets.stored import stored
from musicfeat_trainer.frontends.piano_roll import PianoRollSpec
from musicfeat_trainer.frontends.registry import PianoRollConfig

Event = tuple[float, str, dict[str, int]]
"""Seconds, type of a message, and its values."""


def midi_file(path: Path, events: list[Event], kind: int = 1) -> Path:
    """A MIDI file of 1000 ticks a second, at least 4 s long: there the tempo changes."""
    midi = mido.MidiFile(ticks_per_beat=500, type=kind)
    tempo, played = mido.MidiTrack(), mido.MidiTrack()
    midi.tracks += [tempo, played] if kind else [tempo]
    tempo.append(mido.MetaMessage("set_tempo", tempo=500_000, time=0))
    tempo.append(mido.MetaMessage("set_tempo", tempo=1_000_000, time=4000))  # from 4 s on a tick lasts 2 ms
    ticks = [round(1000 * at) if at <= 4 else 4000 + round(500 * (at - 4)) for at, _, _ in events]
    for tick, before, (_, name, values) in zip(ticks, [0, *ticks], events, strict=False):
        played.append(mido.Message(name, time=tick - before, **values))
    path.parent.mkdir(parents=True, exist_ok=True)
    midi.save(path)
    return path


def on(at: float, note: int, velocity: int = 64, channel: int = 0) -> Event:
    return at, "note_on", {"note": note, "velocity": velocity, "channel": channel}


def off(at: float, note: int, channel: int = 0) -> Event:
    return at, "note_off", {"note": note, "channel": channel}


def pedal(at: float, value: int, channel: int = 0) -> Event:
    return at, "control_change", {"control": 64, "value": value, "channel": channel}


def found(path: Path) -> list[Note]:
    return sorted(Note(round(n.start, 6), round(n.end, 6), n.pitch, n.velocity) for n in notes(mido.MidiFile(path)))


def test_notes_end_when_they_are_let_go_struck_again_or_the_file_ends(tmp_path: Path) -> None:
    events = [on(0.0, 60), on(0.5, 64, 90), off(1.0, 60), on(2.0, 64, 0), on(2.5, 67), on(3.0, 67, 30), on(5.0, 60, 1)]
    path = midi_file(tmp_path / "a.mid", [*events, off(6.0, 67)])
    assert found(path) == [
        (0.0, 1.0, 60, 64), (0.5, 2.0, 64, 90), (2.5, 3.0, 67, 64), (3.0, 6.0, 67, 30), (5.0, 6.0, 60, 1),
    ]  # fmt: skip


def test_the_pedal_holds_what_is_let_go_in_its_channel_alone(tmp_path: Path) -> None:
    events = [
        pedal(0.0, 64), on(0.1, 60), on(0.1, 72, channel=1), off(0.2, 60), off(0.3, 72, channel=1),
        on(0.5, 62), on(0.8, 60, 99), off(0.9, 60), pedal(1.0, 63), off(1.5, 62), pedal(1.6, 127), off(1.7, 62),
        on(1.8, 40), off(1.9, 40), on(2.5, 41), off(3.0, 41, channel=2),
    ]  # fmt: skip
    events += [  # struck again and not let go when the pedal comes up; and a channel with a pedal of its own
        on(0.1, 50), off(0.2, 50), on(0.6, 50), off(1.3, 50),
        pedal(0.0, 64, channel=3), on(0.1, 80, channel=3), off(0.2, 80, channel=3), pedal(1.2, 0, channel=3),
    ]  # fmt: skip
    assert found(midi_file(tmp_path / "a.mid", sorted(events, key=lambda event: event[0]))) == [
        (0.1, 0.3, 72, 64), (0.1, 0.6, 50, 64), (0.1, 0.8, 60, 64), (0.1, 1.2, 80, 64), (0.5, 1.5, 62, 64),
        (0.6, 1.3, 50, 64), (0.8, 1.0, 60, 99), (1.8, 4.0, 40, 64),
        (2.5, 4.0, 41, 64),
    ]  # fmt: skip


def test_a_roll_written_out(tmp_path: Path) -> None:
    """Each cell is the loudest note of its pitch that overlaps its frame; drums and pitches beyond are left out."""
    generator = np.random.default_rng(0)
    played = [(*np.sort(generator.choice(8000, 2, replace=False)) / 1000, 18 + i, 1 + i) for i in range(102)]
    events = [on(start, pitch, velocity) for start, _, pitch, velocity in played]
    events += [off(end, pitch) for _, end, pitch, _ in played]
    events += [on(1.0, 60, 127, channel=9), off(2.0, 60, channel=9)]
    path = midi_file(tmp_path / "a.mid", sorted(events, key=lambda event: event[0]))
    roll = PianoRoll(25.0).read(path)
    expected = np.zeros_like(roll)
    for start, end, pitch, velocity in found(path):
        for frame in range(len(roll)):
            if LOWEST <= pitch < LOWEST + 96 and start < (frame + 1) / 25 - 1e-9 and end > frame / 25 + 1e-9:
                expected[frame, pitch - LOWEST] = max(expected[frame, pitch - LOWEST], velocity)
    assert roll.dtype == np.uint8
    assert len(roll) == round(25 * max(end for _, end, _, _ in played))
    np.testing.assert_array_equal(roll, expected)
    assert np.count_nonzero(roll.any(axis=0)) == 96


def test_notes_shorter_than_a_frame_are_seen(tmp_path: Path) -> None:
    events = [on(0.24, 69, 7), off(0.25, 69), on(0.27, 69, 5), off(0.28, 69), on(0.5, 70, 9), off(0.5, 70)]
    roll = PianoRoll(10.0).read(midi_file(tmp_path / "a.mid", events))
    assert len(roll) == 40
    assert {(*cell, roll[*cell]) for cell in np.argwhere(roll).tolist()} == {(2, 69 - LOWEST, 7), (5, 70 - LOWEST, 9)}


def test_velocities_become_shares_or_ones() -> None:
    clips = torch.tensor([[[0.0, 127.0], [1.0, 0.0]]])
    for values, expected in (("velocity", [[0, 1], [1 / 127, 0]]), ("binary", [[0, 1], [1, 0]])):
        frontend = PianoRollConfig(spec=PianoRollSpec(values=values)).build()
        torch.testing.assert_close(frontend(clips), torch.tensor([[expected]], dtype=torch.float32))
    frontend = PianoRollConfig().build()
    assert frontend.silence(3.0).shape == (1, 1, 96, 96)
    assert not frontend.silence(3.0).any()


def test_files_without_music_are_explained(tmp_path: Path) -> None:
    (tmp_path / "text.mid").write_text("no notes")
    cases = {
        "not a readable": tmp_path / "text.mid",
        "no notes but of drums": midi_file(tmp_path / "drums.mid", [on(0, 60, 9, channel=9), off(1, 60, channel=9)]),
        "type 2": midi_file(tmp_path / "two.mid", [on(0, 60), off(1, 60)], kind=2),
    }
    for reason, path in cases.items():
        with pytest.raises(InputError, match=reason):
            PianoRoll(10.0).read(path)
    with pytest.raises(InputError, match="sound font"):
        Waveform(22050).read(cases["type 2"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three composers with a piece of a few notes each."""
    for number, composer in enumerate(("Alain", "Berg", "Cage")):
        events = [on(0.5, 57 + number, 100), off(2.0, 57 + number), on(3.0, 69, 100), off(4.5, 69)]
        midi_file(tmp_path / "midi" / composer / "piece.mid", events)
    return tmp_path / "midi"


def test_a_midi_set_splits_by_composer(folder: Path, tmp_path: Path) -> None:
    dataset = MidiSet(root=folder, validation_sources=("Berg",), test_sources=("Cage",)).open()
    assert [(item.path, item.group, item.split) for item in dataset.items] == [
        ("Alain/piece.mid", "Alain", "train"), ("Berg/piece.mid", "Berg", "validation"),
        ("Cage/piece.mid", "Cage", "test"),
    ]  # fmt: skip
    (folder / "some.csv").write_text("path,source\nCage/piece.mid,x\nBerg/piece.mid,y\n")
    tabled = MidiSet(root=folder, table=Path("some.csv"), validation_sources=("x",)).open()
    assert [(item.path, item.group) for item in tabled.items] == [("Cage/piece.mid", "x"), ("Berg/piece.mid", "y")]
    with pytest.raises(InputError, match="sound font is not at"):
        MidiSet(root=folder, font=tmp_path / "none.sf2").open()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"\.mid, \.midi"):
        MidiSet(root=tmp_path / "empty").open()


def test_what_fluidsynth_cannot_play_is_explained(folder: Path, fluidsynth: Path) -> None:
    """Without a look at the font it would play its own in place of a broken one."""
    piece = folder / "Alain" / "piece.mid"
    with pytest.raises(InputError, match="at 4000 Hz, of 8000 to 96000"):
        Waveform(4000, fluidsynth).read(piece)
    with pytest.raises(InputError, match="no sound font"):
        Waveform(16000, piece).read(piece)


def test_one_set_is_read_as_notes_and_as_sound(folder: Path, tmp_path: Path, fluidsynth: Path) -> None:
    """Both stores are as long, and what sounds in a frame of one is the pitch in the other."""
    dataset = MidiSet(root=folder, font=fluidsynth).open()
    rolls = stored(dataset, tmp_path / "stores", PianoRoll(20.0))
    waves = stored(dataset, tmp_path / "stores", Waveform(16000))
    for roll, wave in zip(rolls.tracks, waves.tracks, strict=True):
        assert (roll.path, roll.frames * 800) == (wave.path, wave.frames)
        notes_, samples = (s.values[t.start : t.start + t.frames] for s, t in ((rolls, roll), (waves, wave)))
        for frame in (20, 80):  # one second, four seconds: in the middle of a note
            spectrum = np.abs(np.fft.rfft(samples[frame * 800 :][:8000].astype(float) * np.hanning(8000), 65536))
            (pitch,) = np.flatnonzero(notes_[frame]) + LOWEST
            harmonic = np.argmax(spectrum) * 16000 / 65536 / (440 * 2 ** ((pitch - 69) / 12))
            assert harmonic == pytest.approx(max(1, round(harmonic)), abs=0.02)
        onset = np.flatnonzero(np.abs(samples) > 100)[0] / 16000
        assert onset == pytest.approx(np.flatnonzero(notes_.any(axis=1))[0] / 20, abs=0.05)
    with pytest.raises(InputError, match="none of 3 files"):
        stored(MidiSet(root=folder).open(), tmp_path / "other", Waveform(16000))
