"""Instruments: from MIDI programs, notes, rendered music, collages of recorded notes, and OpenMIC-2018."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
import torch

from musicfeat import InputError
from musicfeat.sound.log_mel import LogMelSpec
from musicfeat_trainer.bundled.collections import rendered_store
from musicfeat_trainer.bundled.labels import NoteLabels
from musicfeat_trainer.bundled.notes import NoteCollages
from musicfeat_trainer.bundled.openmic import known_labels, open_openmic
from musicfeat_trainer.data.midi import notes_of, read, reorchestrated
from musicfeat_trainer.data.render import render_all, source_of
from musicfeat_trainer.frontends.log_mel import LogMel
from musicfeat_trainer.instruments import OPENMIC, of_drum, of_program, of_recording, programs_of
from musicfeat_trainer.recipe.bundled import NotesConfig, Recipe, RenderedConfig
from musicfeat_trainer.recipe.files import open_recipe

CELLO, DRUMS, FLUTE, VIOLIN = (OPENMIC.index(name) for name in ("cello", "drums", "flute", "violin"))


def piece(seconds: float = 60.0) -> mido.MidiFile:
    """A cello and a string ensemble in turn, and a drum at every second."""
    track, ticks = mido.MidiTrack(), 960  # a second at the default tempo
    track.append(mido.Message("program_change", channel=0, program=42, time=0))
    track.append(mido.Message("program_change", channel=1, program=48, time=0))
    for second in range(int(seconds)):
        channel = second // 10 % 2
        track.append(mido.Message("note_on", channel=channel, note=60 + second % 7, velocity=100, time=0))
        track.append(mido.Message("note_on", channel=9, note=36, velocity=100, time=0))
        track.append(mido.Message("note_off", channel=9, note=36, time=ticks // 2))
        track.append(mido.Message("note_off", channel=channel, note=60 + second % 7, time=ticks // 2))
    return mido.MidiFile(tracks=[track])


def test_every_name_is_one_of_the_twenty() -> None:
    assert len(OPENMIC) == 20
    assert tuple(sorted(OPENMIC)) == OPENMIC
    assert of_program(42) == ((CELLO, True),)
    assert dict(of_program(48)) == {CELLO: False, VIOLIN: False}
    assert of_program(60) == ()  # a French horn is none of them
    assert of_drum(36) == ((DRUMS, True),)
    assert of_recording("bass_clarinet") == ((OPENMIC.index("clarinet"), True),)
    assert not any(sure for _, sure in of_recording("percussion"))
    assert not programs_of("ukulele")
    assert not programs_of("voice")


def test_notes_are_read_in_seconds() -> None:
    notes = notes_of(piece(4))
    drums = notes[notes[:, 2] == DRUMS]
    np.testing.assert_allclose(drums[:, :2], [[0, 0.5], [1, 1.5], [2, 2.5], [3, 3.5]], atol=1e-6)
    assert (notes[notes[:, 2] == CELLO][:, 3] == 1).all()


def test_faint_notes_are_not_sure() -> None:
    track = mido.MidiTrack([
        mido.Message("control_change", channel=0, control=7, value=5, time=0),
        mido.Message("program_change", channel=0, program=73, time=0),
        mido.Message("note_on", channel=0, note=60, velocity=100, time=0),
        mido.Message("note_on", channel=0, note=60, velocity=0, time=960),
    ])  # fmt: skip
    assert notes_of(mido.MidiFile(tracks=[track])).tolist() == [[0.0, 1.0, FLUTE, 0.0]]


def test_files_that_are_no_midi_are_explained(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(b"nothing")
    with pytest.raises(InputError, match="not a readable MIDI"):
        read(tmp_path / "a.mid")


def test_labels_of_a_stretch(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", notes_of(piece()))
    labels = NoteLabels.read(tmp_path, ["a.flac"], ["cello", "drums", "violin", "flute"])
    there, known = labels.window("a.flac", 2.0, 9.0)
    assert [there[i] for i in (CELLO, DRUMS, VIOLIN, FLUTE)] == [1, 1, 0, 0]
    assert [known[i] for i in (CELLO, DRUMS, VIOLIN, FLUTE)] == [1, 1, 1, 1]
    assert known.sum() == 4
    there, known = labels.window("a.flac", 12.0, 19.0)  # an ensemble: perhaps a cello, perhaps a violin
    assert there.sum() == there[DRUMS] == 1
    assert [known[i] for i in (CELLO, DRUMS, VIOLIN, FLUTE)] == [0, 1, 0, 1]
    there, known = labels.window("a.flac", 9.95, 19.0)  # too short a bit of cello to say
    assert there[CELLO] == known[CELLO] == 0


def test_reorchestration_changes_instruments_and_nothing_else() -> None:
    original, kinds = piece(20), set()
    for seed in range(40):
        changed = reorchestrated(original, np.random.default_rng(seed))
        notes = [m.note for m in changed if m.type == "note_on" and m.channel != 9]
        assert notes == [m.note for m in original if m.type == "note_on" and m.channel != 9]
        assert changed.length == pytest.approx(original.length)
        kinds.add(tuple(sorted({int(row[2]) for row in notes_of(changed)})))
    assert len(kinds) > 10
    assert repr(reorchestrated(original, np.random.default_rng(1))) == repr(
        reorchestrated(original, np.random.default_rng(1))
    )


def test_sources_of_midi_files() -> None:
    assert source_of("mutopia/bachjs_bwv601.mid") == "mutopia/bachjs"
    assert source_of("freedoom/d_bunny.mid") == "freedoom"


def test_music_that_never_sounds_is_an_error(fluidsynth: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mid").write_bytes(b"nothing")
    (tmp_path / "midi.csv").write_text("path,source\nbroken.mid,a\n")
    with pytest.raises(InputError, match=f"sounds through {fluidsynth.name}"):
        render_all(tmp_path, [fluidsynth], tmp_path / "out", [], 50.0, 22050, 1)


def test_rendering_gives_audio_with_its_notes(fluidsynth: Path, tmp_path: Path) -> None:
    root, folder = tmp_path / "midi", tmp_path / "out"
    (root / "a").mkdir(parents=True)
    piece().save(root / "a" / "one.mid")
    (root / "a" / "broken.mid").write_bytes(b"nothing")
    piece().save(root / "kept.mid")
    (root / "midi.csv").write_text("path,source\na/one.mid,a\na/broken.mid,a\nkept/kept.mid,kept\n")
    for _ in range(2):  # the second time there is nothing left to do
        render_all(root, [fluidsynth], folder, ["kept"], 50.0, 22050, 2)
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.flac"))[::-1]
    assert found == [f"{fluidsynth.stem}/a/one.flac", f"{fluidsynth.stem}/a/one.2.flac"]
    assert (folder / "tracks.csv").read_text().splitlines() == ["path,source", *(f"{path},a" for path in found)]
    first, second = (np.load((folder / path).with_suffix(".npy")) for path in found)
    assert not np.array_equal(np.unique(first[:, 2]), np.unique(second[:, 2]))  # other instruments
    wave, rate = soundfile.read(folder / found[0])
    assert rate == 22050
    assert 40 < len(wave) / rate <= 50
    notes = np.load((folder / found[0]).with_suffix(".npy"))
    assert notes[:, 1].min() > 0
    drums = notes[(notes[:, 2] == DRUMS) & (notes[:, 0] > 0.1)]
    for start in drums[:5, 0]:  # a drum is where the notes say it is
        first = round(float(start) * rate)
        assert np.abs(wave[first : first + 2000]).max() > 2 * np.abs(wave[first - 400 : first - 100]).max() - 0.05


def test_a_recipe_that_wants_more_renditions_gets_what_is_missing(
    fluidsynth: Path, small_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "midi" / "a").mkdir(parents=True)
    piece().save(tmp_path / "midi" / "a" / "one.mid")
    (tmp_path / "midi" / "midi.csv").write_text("path,source\na/one.mid,a\n")
    recipe, spec = open_recipe(str(small_run / "recipe.toml")), LogMelSpec()
    assert isinstance(recipe, Recipe)
    config = RenderedConfig(
        midi=tmp_path / "midi", fonts=(fluidsynth,), folder=tmp_path / "out", validation_sources=(), seconds=50.0
    )
    for renditions in (1, 2):
        data = recipe.data.model_copy(update={"store": tmp_path / f"store-{renditions}"})
        recipe = recipe.model_copy(update={"data": data})
        config = config.model_copy(update={"renditions": renditions})
        before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.flac")}
        store, labels = rendered_store(recipe, config, spec, OPENMIC)
        assert len(store.tracks) == renditions
        assert sorted(labels.notes) == sorted(track.path for track in store.tracks)
        assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    with pytest.raises(InputError, match="renderings of 50"):
        rendered_store(recipe, config.model_copy(update={"seconds": 60.0}), spec, OPENMIC)


def test_missing_fonts_and_tables_are_explained(fluidsynth: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sound font"):
        render_all(tmp_path, [tmp_path / "no.sf2"], tmp_path, [], 10.0, 22050, 1)
    with pytest.raises(InputError, match=r"midi\.csv"):
        render_all(tmp_path, [fluidsynth], tmp_path, [], 10.0, 22050, 1)


def test_collages_are_pairs_of_the_same_instruments(small_run: Path) -> None:
    labels = ("banjo", "cello", "drums")
    collages = NoteCollages(NotesConfig(folder=small_run / "notes"), LogMel(LogMelSpec()), labels)
    assert {name: len(notes) for name, notes in collages.notes.items()} == {"banjo": 2, "cello": 2, "oboe": 2}
    drawn = collages.draw(30, 100, np.random.default_rng(0))
    assert drawn.power.shape == (60, 100, 64)
    assert torch.equal(drawn.there[:30], drawn.there[30:])
    assert drawn.there[:, CELLO].max() == 1
    assert drawn.known[:, DRUMS].min() == 1
    assert drawn.there[:, DRUMS].max() == drawn.known[:, FLUTE].max() == 0
    spectrogram = LogMel(LogMelSpec()).normalise(drawn.power)
    assert (spectrogram.amax(2) > 0).any(1).all()
    assert not (spectrogram.amax(2) > 0).all()


def test_missing_notes_are_explained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="table of notes"):
        NoteCollages(NotesConfig(folder=tmp_path), LogMel(LogMelSpec()), ())
    (tmp_path / "notes.csv").write_text("path,instrument,split\na.wav,cello,heldout\n")
    with pytest.raises(InputError, match="split is train"):
        NoteCollages(NotesConfig(folder=tmp_path), LogMel(LogMelSpec()), ())


def write_openmic(folder: Path, clip: np.ndarray, rate: int, keys: list[str]) -> None:
    """The published layout, with our own sound."""
    rows = [f"{key},cello,{relevance},3" for key, relevance in zip(keys, [0.9, 0.1, 0.8], strict=True)]
    rows += [f"{keys[1]},banjo,1.0,3"]
    table = folder / "openmic-2018-aggregated-labels.csv"
    table.write_text("\n".join(["sample_key,instrument,relevance,num_responses", *rows]))
    for i, key in enumerate(keys):
        (folder / "audio" / key[:3]).mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / "audio" / key[:3] / f"{key}.ogg", clip[i * rate : (i + 10) * rate], rate)
    (folder / "partitions").mkdir()
    (folder / "partitions" / "split01_train.csv").write_text("\n".join(keys[:2]) + "\n")


def test_openmic_in_its_published_layout(tmp_path: Path, clip: np.ndarray, rate: int) -> None:
    write_openmic(tmp_path, clip, rate, ["000046_3840", "000135_483840", "000139_119040"])
    collection = open_openmic(tmp_path, tmp_path / "store", LogMelSpec(), ("cello", "flute"))
    assert [Path(track.path).stem for track in collection.tracks] == ["000046_3840", "000135_483840"]
    labels = [collection.labels.window(track.path, 0, 10) for track in collection.tracks]
    assert [(label.there[CELLO], label.known[CELLO], label.known[FLUTE]) for label in labels] == [(1, 1, 0), (0, 1, 0)]
    assert labels[1].known.sum() == 1, "banjo is not taught here"


def test_folders_that_are_not_openmic_are_explained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="label file of OpenMIC"):
        known_labels(tmp_path, ())
    table = tmp_path / "openmic-2018-aggregated-labels.csv"
    for rows in ("key,instrument\na,cello\n", "sample_key,instrument,relevance\na,theremin,1.0\n"):
        table.write_text(rows)
        with pytest.raises(InputError, match="label file of OpenMIC"):
            known_labels(tmp_path, ())
