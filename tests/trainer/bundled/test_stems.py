"""Stems of MIDI pieces: laid out, rendered, and mixed with labels that are true."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
import torch

from musicfeat import InputError
from musicfeat.sound.log_mel import LogMelSpec
from musicfeat_trainer.augment.tempo import Tempo
from musicfeat_trainer.bundled.collections import stem_mixer
from musicfeat_trainer.bundled.labels import Label, NoteLabels
from musicfeat_trainer.bundled.stem_mixes import StemMixer, audible, of_mix
from musicfeat_trainer.bundled.tag_net import TagNet
from musicfeat_trainer.data.midi import notes_of
from musicfeat_trainer.data.stem_rendering import render_stems
from musicfeat_trainer.data.stems import FADE, Part
from musicfeat_trainer.data.store import Store
from musicfeat_trainer.data.tracks import Track
from musicfeat_trainer.encoders.temporal_net import TemporalNet
from musicfeat_trainer.instruments import OPENMIC
from musicfeat_trainer.recipe.bundled import Recipe, RenderedConfig
from musicfeat_trainer.recipe.files import open_recipe

CELLO, DRUMS, FLUTE = (OPENMIC.index(name) for name in ("cello", "drums", "flute"))
SECONDS = 12.0
RATE = 22050


def duet(seconds: float = 40.0) -> mido.MidiFile:
    """A cello on channel 0 and a drum on channel 9, both every second; a lone note on channel 3."""
    track, ticks = mido.MidiTrack(), 960  # a second at the default tempo
    track.append(mido.Message("program_change", channel=0, program=42, time=0))
    track.append(mido.Message("note_on", channel=3, note=60, velocity=100, time=0))
    track.append(mido.Message("note_off", channel=3, note=60, time=0))
    for second in range(int(seconds)):
        for channel, note in ((0, 50 + second % 7), (9, 36)):
            track.append(mido.Message("note_on", channel=channel, note=note, velocity=100, time=0))
        for number, (channel, note) in enumerate(((0, 50 + second % 7), (9, 36))):
            track.append(mido.Message("note_off", channel=channel, note=note, time=0 if number else ticks))
    return mido.MidiFile(tracks=[track])


def drawn(midi: mido.MidiFile, seconds: float = SECONDS) -> Part:
    part = Part.drawn(midi, seconds, np.random.default_rng(0))
    assert part
    return part


def test_stems_follow_each_other() -> None:
    part = drawn(duet())
    assert part.channels == (0, 9)  # the lone note is no stem
    notes = notes_of(part.stems({}))
    cello, drums = (notes[notes[:, 2] == index] for index in (CELLO, DRUMS))
    assert len(cello) in {11, 12}
    assert cello[:, :2].min() >= 0
    assert cello[:, :2].max() <= SECONDS + 1e-3
    assert drums[:, :2].min() >= SECONDS + FADE - 1e-3
    assert drums[:, :2].max() <= 2 * SECONDS + FADE + 1e-3
    # Both channels strike at the same moments of the part.
    np.testing.assert_allclose(drums[:, 0] - cello[:, 0], SECONDS + FADE, atol=2e-3)


def test_other_programs_replace_the_pieces_own() -> None:
    notes = notes_of(drawn(duet()).stems({0: 73}))
    assert set(notes[:, 2].astype(int)) == {FLUTE, DRUMS}


def test_what_was_set_before_a_part_holds_in_it_and_no_note_sounds_on() -> None:
    midi = duet()
    midi.tracks[0].insert(0, mido.Message("control_change", channel=0, control=64, value=127, time=0))
    midi.tracks[0].insert(0, mido.Message("control_change", channel=0, control=7, value=33, time=0))
    messages = list(drawn(midi).stems({}))
    changes = [m for m in messages if m.type == "control_change" and m.channel == 0]
    assert {m.control: m.value for m in changes if m.value} == {7: 33, 64: 127}
    assert [m.value for m in changes if m.control == 64] == [127, 0]
    sounding = set()
    for message in messages:
        if message.type in {"note_on", "note_off"}:
            struck = message.type == "note_on" and message.velocity > 0
            (sounding.add if struck else sounding.discard)((message.channel, message.note))
    assert not sounding


def test_pieces_that_are_too_short_or_silent_have_no_part() -> None:
    generator = np.random.default_rng(0)
    assert Part.drawn(duet(8), SECONDS, generator) is None
    silent = mido.MidiFile(tracks=[mido.MidiTrack([mido.Message("program_change", program=3, time=96000)])])
    assert Part.drawn(silent, SECONDS, generator) is None


def write_midi(folder: Path) -> None:
    (folder / "midi" / "a").mkdir(parents=True)
    duet().save(folder / "midi" / "a" / "duet.mid")
    duet(8).save(folder / "midi" / "a" / "short.mid")
    (folder / "midi" / "midi.csv").write_text("path,source\na/duet.mid,a\na/short.mid,a\n")


def test_rendered_stems_sound_where_their_notes_are(fluidsynth: Path, tmp_path: Path) -> None:
    write_midi(tmp_path)
    out = tmp_path / "out"
    for _ in range(2):  # the second time all is there
        render_stems(tmp_path / "midi", [fluidsynth], out, [], SECONDS, RATE)
        assert [path.name for path in out.rglob("*.flac")] == ["duet.flac"]
    wave, rate = soundfile.read(out / fluidsynth.stem / "a" / "duet.flac")
    assert len(wave) == round(2 * (SECONDS + FADE) * rate)
    first, second = np.split(np.abs(wave), 2)
    sounding = round(SECONDS * rate)
    assert first[:sounding].max() > 0.01
    assert second[:sounding].max() > 0.01
    assert first[-rate // 2 :].max() < 0.2 * first.max()
    with pytest.raises(InputError, match="no MIDI file"):
        render_stems(tmp_path / "midi", [fluidsynth], tmp_path / "none", ["a"], SECONDS, RATE)


def test_a_recipes_stems_are_mixed(fluidsynth: Path, small_run: Path, tmp_path: Path) -> None:
    write_midi(tmp_path)
    recipe = open_recipe(str(small_run / "recipe.toml"))
    assert isinstance(recipe, Recipe)
    other = tmp_path / "other.sf2"
    other.symlink_to(fluidsynth)
    config = RenderedConfig(
        midi=tmp_path / "midi",
        fonts=(fluidsynth,),
        stem_fonts=(other,),
        folder=tmp_path / "out",
        validation_sources=(),
        stem_seconds=SECONDS,
    )
    recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"store": tmp_path / "store"})})
    mixer = stem_mixer(recipe, config, LogMelSpec(), OPENMIC)
    assert {track.path for track in mixer.pieces[0]} == {f"{font.stem}/a/duet.flac" for font in (fluidsynth, other)}
    crops = mixer.draw(400, torch.full((16,), 400), np.random.default_rng(1))
    assert crops.power.shape == (16, 400, 64)
    assert crops.power.mean((1, 2)).min() > 1e-9
    assert bool((crops.there.sum(1) > 0).any())
    again = mixer.draw(400, torch.full((16,), 400), np.random.default_rng(1))
    assert all(torch.equal(one, other) for one, other in zip(crops[:3], again[:3], strict=True))
    with pytest.raises(InputError, match="renderings of 12"):
        stem_mixer(recipe, config.model_copy(update={"stem_seconds": 20.0}), LogMelSpec(), OPENMIC)


def made_mixer() -> tuple[StemMixer, float]:
    """Two fonts, in which a piece has a cello in the lowest bands and drums in the highest, each for its whole stem."""
    step, seconds = 0.05, 20.0
    every = round((seconds + FADE) / step)
    values = np.full((4 * every, 8), -20.0, np.float16)
    for file in range(2):
        values[2 * file * every : (2 * file + 1) * every, :2] = 0.0
        values[(2 * file + 1) * every : 2 * (file + 1) * every, 6:] = 0.0
    length = seconds + FADE
    notes = np.array([[0, seconds, CELLO, 1], [length, length + seconds, DRUMS, 1]], np.float32)
    tracks = [Track(f"{font}/a/one.flac", "a", 2 * i * every, 2 * every) for i, font in enumerate("xy")]
    labels = NoteLabels({track.path: notes for track in tracks}, ["cello", "drums"])
    return StemMixer(Store(values, tracks, step), labels, seconds, Tempo()), step


def test_labels_of_mixes_say_what_sounds() -> None:
    mixer, _ = made_mixer()
    crops = mixer.draw(200, torch.full((64,), 200), np.random.default_rng(3))
    heard = torch.stack([crops.power[:, :, :2].mean((1, 2)), crops.power[:, :, 6:].mean((1, 2))], 1) > 1e-3
    there, known = crops.there[:, [CELLO, DRUMS]] > 0, crops.known[:, [CELLO, DRUMS]] > 0
    assert torch.equal(there, heard)
    assert bool(known.all())
    assert 0 < float(heard.float().mean()) < 1
    assert not crops.known[:, FLUTE].any()  # it cannot be taught


def test_what_cannot_be_heard_is_unknown() -> None:
    loud, faint = np.ones((50, 8), np.float32), np.full((50, 8), 1e-4, np.float32)
    assert audible(loud, loud + faint)
    assert not audible(faint, loud + faint)
    rows = np.eye(len(OPENMIC), dtype=np.float32)
    every = np.ones(len(OPENMIC), np.float32)
    mix = of_mix([Label(rows[CELLO], every), Label(rows[DRUMS], every)], [True, False])
    assert mix.there[CELLO] == mix.known[CELLO] == 1
    assert mix.there[DRUMS] == mix.known[DRUMS] == 0
    assert (mix.there[FLUTE], mix.known[FLUTE]) == (0, 1)
    unknown = of_mix([Label(rows[CELLO], every), Label(rows[FLUTE] * 0, every - rows[FLUTE])], [True, True])
    assert unknown.known[FLUTE] == 0


def test_tags_do_not_depend_on_silence_behind_the_music() -> None:
    torch.manual_seed(0)
    net = TemporalNet().eval()
    tags = TagNet(48, 8, net.dimension, 3, (8, 16), 0.0).eval()
    music = torch.rand(1, 192, 64) + 1.0
    padded = torch.cat([music, torch.zeros(1, 192, 64)], 1)
    whole = tags(net(padded))
    assert whole.shape == (1, 3)
    louder = torch.cat([music, torch.zeros(1, 384, 64)], 1)
    torch.testing.assert_close(whole, tags(net(louder)), atol=1e-4, rtol=1e-4)
