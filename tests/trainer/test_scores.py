"""Scores performed on single notes: where notes sound, and what their labels say."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest
import torch

from musicfeat.log_mel import LogMelSpec
from musicfeat_trainer.checkpoint import Checkpoint, save_checkpoint
from musicfeat_trainer.config import Recipe, RenderedConfig
from musicfeat_trainer.data import note_bank
from musicfeat_trainer.data.midi import excerpt, first_and_last, notes_of, played
from musicfeat_trainer.data.note_bank import Instrument, font_instruments
from musicfeat_trainer.data.notes import RecordedNote, pitch_of, recorded_instruments
from musicfeat_trainer.data.scores import BLOCK, Score, ScorePlayer, blocks, perform, read_scores
from musicfeat_trainer.instruments import DRUM_CHANNEL, OPENMIC, of_program
from musicfeat_trainer.parts.tags import TagsPart
from musicfeat_trainer.parts.trunk import TrunkPart
from musicfeat_trainer.recipe_files import open_recipe

CELLO, DRUMS, CYMBALS, FLUTE = (OPENMIC.index(name) for name in ("cello", "drums", "cymbals", "flute"))
BANDS, HELD = 8, 10


def instrument(program: int, *lit: int) -> Instrument:
    """Two pitches; held for 10 frames in some bands, then a release of 4 frames at a quarter of the power."""
    note = np.zeros((HELD + 4, BANDS), np.float32)
    note[:HELD, lit], note[HELD:, lit] = 4.0, 1.0
    return Instrument(of_program(program), np.array([60, 72]), [note, 2 * note], HELD)


def notes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, np.float32)


def test_notes_sound_where_the_score_says_and_fall_when_they_are_let_go() -> None:
    power = perform(notes((5, 8, 61, 0.5)), instrument(42, 0, 1), 20)
    expected = np.zeros((20, BANDS))
    expected[5:8, :2], expected[8:12, :2] = 4 * 0.25, 1 * 0.25
    np.testing.assert_allclose(power, expected)


def test_the_nearest_pitch_is_taken_and_notes_add_up() -> None:
    power = perform(notes((0, 5, 70, 1), (3, 6, 60, 1)), instrument(42, 0), 6)
    np.testing.assert_allclose(power[:, 0], [8, 8, 8, 12, 12, 2 + 4])


def test_notes_that_began_before_or_end_after_a_window_are_cut() -> None:
    power = perform(notes((-6, 3, 60, 1), (18, 40, 60, 1), (-50, -30, 60, 1)), instrument(42, 0), 20)
    np.testing.assert_allclose(power[:, 0], [4] * 3 + [1] * 4 + [0] * 11 + [4] * 2)


def test_notes_longer_than_the_instruments_end_before() -> None:
    np.testing.assert_allclose(
        perform(notes((0, 19, 60, 1)), instrument(42, 0), 20)[:, 0], [4] * 10 + [1] * 4 + [0] * 6
    )


def test_blocks_are_centred_on_the_rows_of_the_trunk() -> None:
    power = np.arange(40, dtype=np.float32)[:, None]
    np.testing.assert_allclose(
        blocks(power)[:, 0], [np.arange(8).mean(), np.arange(8, 24).mean(), np.arange(24, 40).mean()]
    )


@pytest.fixture
def player() -> ScorePlayer:
    """A cello, a flute and a French horn, each in bands of its own, and a kit: a drum low, a cymbal high."""
    kit_note = np.zeros((HELD, BANDS), np.float32)
    low, high = kit_note.copy(), kit_note.copy()
    low[:2, :2], high[:2, 6:] = 4.0, 4.0
    kit = Instrument((), np.array([36, 49]), [low, high], HELD)
    part = notes(*((i, i + 1, 48, 1) for i in range(0, 20, 2)))
    score = Score({0: part, DRUM_CHANNEL: notes((3, 3.1, 36, 1), (12, 12.1, 49, 1))}, 20.0)
    instruments = [instrument(42, 2, 3), instrument(73, 4, 5), instrument(60, 4, 5)]
    return ScorePlayer([score], instruments, [kit], ["cello", "drums", "cymbals", "flute"], 0.02)


def test_labels_say_what_is_heard_when(player: ScorePlayer) -> None:
    drawn = player.draw(40, 320, np.random.default_rng(1))
    assert drawn.power.shape == (40, 320, BANDS)
    assert drawn.there.shape == drawn.known.shape == (40, 320 // BLOCK, len(OPENMIC))
    assert drawn.power.dtype == drawn.there.dtype == drawn.known.dtype == torch.float32
    there, known = drawn.there.numpy(), drawn.known.numpy()
    power = np.stack([blocks(window) for window in drawn.power.numpy()])
    lit = power > 1e-9
    for index, bands in ((CELLO, (2, 3)), (DRUMS, (0, 1)), (CYMBALS, (6, 7))):
        heard = lit[..., bands].all(-1)
        assert heard.any(), OPENMIC[index]
        np.testing.assert_array_equal(there[..., index][known[..., index] > 0] > 0, heard[known[..., index] > 0])
        assert (known[..., index] > 0).mean() > 0.9
    flutes = there[..., FLUTE] > 0
    assert (lit[..., (4, 5)].all(-1) & ~flutes).any()  # the horn, which is none of the labels
    assert not lit[..., (4, 5)].all(-1)[~lit[..., (4, 5)].any(-1)].any()
    assert not known[..., [i for i in range(20) if i not in (CELLO, DRUMS, CYMBALS, FLUTE)]].any()


def test_what_is_drawn_follows_from_the_generator(player: ScorePlayer) -> None:
    first, again, other = (player.draw(3, 320, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.power, other.power)


def melody() -> mido.MidiFile:
    """A note every second for 20 s at the default tempo; a flute from the fifth second on."""
    track = mido.MidiTrack([mido.Message("program_change", program=42)])
    for second in range(20):
        if second == 5:
            track.append(mido.Message("program_change", program=73))
        track.append(mido.Message("note_on", note=60 + second, velocity=100))
        track.append(mido.Message("note_off", note=60 + second, time=960))
    return mido.MidiFile(tracks=[track])


def test_an_excerpt_keeps_what_was_set_before_it() -> None:
    part = excerpt(melody(), 7.5, 4.0)
    found = list(played(part))
    assert [note.pitch for note in found] == [68, 69, 70, 71]
    np.testing.assert_allclose([note.start for note in found], [0.5, 1.5, 2.5, 3.5], atol=2e-3)
    np.testing.assert_allclose([note.end for note in found], [1.5, 2.5, 3.5, 4.0], atol=2e-3)
    assert set(notes_of(part)[:, 2]) == {FLUTE}
    assert first_and_last(melody()) == (0.0, 19.0)


def test_scores_are_read_and_what_is_none_is_left_out(tmp_path: Path) -> None:
    melody().save(tmp_path / "a.mid")
    mido.MidiFile(tracks=[mido.MidiTrack()]).save(tmp_path / "empty.mid")
    (tmp_path / "b.mid").write_bytes(b"nothing")
    (score,) = read_scores(sorted(tmp_path.glob("*.mid")))
    assert score.seconds == pytest.approx(20)
    np.testing.assert_allclose(
        score.parts[0][:3], [[0, 1, 60, 100 * 100 / 127**2], [1, 2, 61, 0.62], [2, 3, 62, 0.62]], rtol=1e-3
    )


def test_a_font_is_rendered_once_note_by_note(
    fluidsynth: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(note_bank, "PROGRAMS", range(42, 44))
    monkeypatch.setattr(note_bank, "PITCHES", range(45, 70, 12))
    monkeypatch.setattr(note_bank, "KEYS", range(36, 39))
    spec = LogMelSpec()
    for _ in range(2):
        programs, kit = font_instruments(fluidsynth, tmp_path, spec)
    assert len(list(tmp_path.iterdir())) == 1
    assert [program.sounds for program in programs] == [of_program(42), of_program(43)]
    assert [len(kind.notes) for kind in (*programs, kit)] == [3, 3, 3]
    for program in programs:
        loudest = [float(np.argmax(note[20:100].mean(0))) for note in program.notes]
        assert loudest[0] < loudest[2]  # two octaves higher
        for note in program.notes:
            levels = note.sum(1)
            assert levels[: program.held].mean() > 30 * levels[-5:].mean()  # let go before the end


def test_tags_learn_from_scores_and_a_step_is_always_the_same(
    fluidsynth: Path, small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, few in (("PROGRAMS", range(105, 107)), ("PITCHES", range(60, 76, 12)), ("KEYS", range(36, 38))):
        monkeypatch.setattr(note_bank, name, few)
    (tmp_path / "midi").mkdir()
    melody().save(tmp_path / "midi" / "a.mid")
    (tmp_path / "midi" / "midi.csv").write_text("path,source\na.mid,a\n")
    rendered = RenderedConfig(
        midi=tmp_path / "midi", fonts=(fluidsynth,), folder=tmp_path / "rendered", validation_sources=()
    )
    recipe = open_recipe(str(small_run / "recipe.toml"))
    assert isinstance(recipe, Recipe)
    assert recipe.tags
    tags = recipe.tags.model_copy(update={"rendered": False, "performed": 5})
    recipe = recipe.model_copy(update={"rendered": rendered, "tags": tags})
    trunk = {f"average.{name}": value for name, value in TrunkPart.build(recipe).state_dict().items()}
    save_checkpoint(tmp_path / "trunk" / "best.safetensors", Checkpoint(recipe, trunk, {}))
    part = TagsPart(recipe, tmp_path)
    part.module = part.build(recipe).eval()
    part.open_training()
    assert not (tmp_path / "rendered").exists()  # only single notes were played
    losses = [part.losses(number) for number in (0, 1, 0, 0)]
    assert set(losses[0]) == {"tags", "moments"}
    assert losses[0] == losses[2] == losses[3] != losses[1]
    torch.stack(list(losses[0].values())).sum().backward()
    learns = {name for name, weight in part.module.named_parameters() if weight.grad is not None}
    assert learns == {name for name, _ in part.module.named_parameters()}


def test_recorded_notes_play_scores_where_they_have_pitches() -> None:
    assert [pitch_of(name) for name in ("C4", "As3", "A0", "", "gong")] == [60, 58, 21, None, None]
    note, noise = np.ones((5, BANDS), np.float32), np.ones((3, BANDS), np.float32)
    found = recorded_instruments({"cello": [RecordedNote(note, 48)], "percussion": [RecordedNote(noise, None)]})
    assert [(kind.sounds, kind.pitches.tolist()) for kind in found] == [(((CELLO, True),), [48])]
    np.testing.assert_allclose(perform(notes((0, 2, 50, 1)), found[0], 4).sum(1), [BANDS, BANDS, 0, 0])
