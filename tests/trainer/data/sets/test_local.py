"""ESC-10, folders of notes and ASAP: miniatures, and the real ones where $MUSICFEAT_DATA holds them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import mido
import numpy as np
import pytest

from musicfeat import InputError
from musicfeat_trainer.data.sets.asap import ASAPSet
from musicfeat_trainer.data.sets.asap_annotations import onsets, read_annotations
from musicfeat_trainer.data.sets.dataset import DataSet
from musicfeat_trainer.data.sets.esc10 import ESC10Set
from musicfeat_trainer.data.sets.notes import NotesSet
from musicfeat_trainer.evaluate.splits import splits_of
from support.paths import DATA


def real(name: str) -> Path:
    if not (DATA / name).is_dir():
        pytest.skip(f"no {name} at {DATA}: set MUSICFEAT_DATA")
    return DATA / name


def assert_groups_stay_together(found: DataSet) -> None:
    assert len({(item.group, item.split) for item in found.items}) == len({item.group for item in found.items})


def test_esc10_is_named_by_fold_recording_and_take(tmp_path: Path) -> None:
    for path in ("rain/1-17367-A.ogg", "rain/2-29031-A.ogg", "rain/2-29031-B.ogg", "dog_bark/1-100032-A.ogg"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    found = ESC10Set(root=tmp_path).open()
    assert [(item.path, item.group, item.split) for item in found.items] == [
        ("dog_bark/1-100032-A.ogg", "100032", "fold1"),
        ("rain/1-17367-A.ogg", "17367", "fold1"),
        ("rain/2-29031-A.ogg", "29031", "fold2"),
        ("rain/2-29031-B.ogg", "29031", "fold2"),
    ]
    assert [found.classes[target] for target in found.targets] == ["dog_bark", "rain", "rain", "rain"]
    (tmp_path / "rain" / "take1.ogg").touch()
    with pytest.raises(InputError, match="FOLD-RECORDING-TAKE"):
        ESC10Set(root=tmp_path).open()


def test_the_real_esc10_is_balanced_and_no_recording_is_in_two_folds() -> None:
    found = ESC10Set(root=real("esc10")).open()
    splits_of(found)
    counts = Counter((item.split, target) for item, target in zip(found.items, found.targets.tolist(), strict=True))
    assert counts == {(f"fold{fold}", target): 8 for fold in range(1, 6) for target in range(10)}
    assert_groups_stay_together(found)


def write_notes(root: Path) -> None:
    rows = [
        f"{name}/{i}.opus,{name},{'heldout' if i > 9 else 'train'}" for name in ("oboe", "banjo") for i in range(12)
    ]
    (root / "notes.csv").write_text("\n".join(["path,instrument,split", *rows]))


def test_notes_validate_on_some_of_every_instrument(tmp_path: Path) -> None:
    write_notes(tmp_path)
    found = NotesSet(root=tmp_path).open()
    counts = Counter((item.path.split("/")[0], item.split) for item in found.items)
    assert counts == {
        (name, split): count
        for name in ("oboe", "banjo")
        for split, count in (("train", 8), ("validation", 2), ("test", 2))
    }
    assert all(int(Path(item.path).stem) > 9 for item in found.items if item.split == "test")
    assert [found.classes[target] for target in found.targets] == [item.path.split("/")[0] for item in found.items]
    assert NotesSet(root=tmp_path).open().items == found.items
    (tmp_path / "notes.csv").write_text("path,instrument,split\na.opus,oboe,test\n")
    with pytest.raises(InputError, match=r"line 2 .*train or heldout"):
        NotesSet(root=tmp_path).open()


def test_the_real_notes_keep_their_held_out_ones() -> None:
    found = NotesSet(root=real("notes")).open()
    splits_of(found)
    assert len(found.split("test")) == 180
    assert len(found.split("train")) + len(found.split("validation")) == 780


def write_midi(file: Path, seconds: list[float]) -> None:
    """Two notes at each second, then nothing; 1 tick is 1 ms at the default 120 beats a minute."""
    track, last = mido.MidiTrack(), 0
    for second in seconds:
        for pitch, wait in ((60, round(second * 1000) - last), (64, 0)):
            track.append(mido.Message("note_on", note=pitch, velocity=80, time=wait))
        track.append(mido.Message("note_on", note=60, velocity=0, time=50))
        track.append(mido.Message("note_off", note=64, time=0))
        last = round(second * 1000) + 50
    mido.MidiFile(ticks_per_beat=500, tracks=[track]).save(file)


@pytest.fixture
def asap(tmp_path: Path) -> Path:
    """Bach has four pieces, one played twice, Ravel one; 90 beats a minute, then 120; two flats, then three sharps."""
    header = "composer,title,midi_performance,performance_annotations"
    rows = [f"Bach,Fugue {i % 4},Bach/{i}.mid,Bach/{i}_annotations.txt" for i in range(5)]
    rows += ["Ravel,Pavane,Ravel/0.mid,Ravel/0_annotations.txt", "Ravel,Lost,Ravel/1.mid,Ravel/1_annotations.txt"]
    (tmp_path / "metadata.csv").write_text("\n".join([header, *rows]))
    beats = [(i / 1.5, "b") for i in range(10)] + [(6 + i / 2, "bR") for i in range(1, 13)]
    beats[0], beats[10] = (0.0, "db,3/4,-2"), (6.5, "db,,3")
    for path in [f"Bach/{i}" for i in range(5)] + ["Ravel/0"]:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        lines = [f"{time}\t{time}\t{mark}" for time, mark in beats]
        (tmp_path / f"{path}_annotations.txt").write_text("\n".join(lines))
        write_midi(tmp_path / f"{path}.mid", [0.1, 0.2, 2.9, 3.1, 7.0, 8.0])
    return tmp_path


def of_performance(found: DataSet, path: str) -> list[tuple[float, float]]:
    chosen = [i for i, item in enumerate(found.items) if item.path == path]
    return [(found.items[i].start, float(found.targets[i])) for i in chosen]


def test_asap_clips_have_tempo_key_and_note_density(asap: Path) -> None:
    tempo = ASAPSet(root=asap, task="tempo", font=Path("piano.sf2")).open()
    assert of_performance(tempo, "Bach/0.mid") == [
        (0.0, pytest.approx(90)),
        (3.0, pytest.approx(90)),
        (6.0, pytest.approx(120)),
        (9.0, pytest.approx(120)),
    ]
    assert {item.seconds for item in tempo.items} == {3.0}
    assert tempo.font == Path("piano.sf2")
    key = ASAPSet(root=asap, task="key").open()
    keys = [key.classes[int(k)] for _, k in of_performance(key, "Ravel/0.mid")]
    assert keys == ["Bb", "Bb", "A", "A"], "the key in the middle of a clip"
    few = ASAPSet(root=asap, task="tempo", clips_per_performance=2).open()
    assert [at for at, _ in of_performance(few, "Ravel/0.mid")] == [0.0, 9.0]
    density = ASAPSet(root=asap, task="note_density").open()
    assert [d for _, d in of_performance(density, "Bach/1.mid")] == pytest.approx([2.0, 2 / 3, 4 / 3, 0.0])


def test_asap_keeps_a_piece_in_one_split_and_scores_composers_of_enough_pieces(asap: Path) -> None:
    found = ASAPSet(root=asap, task="composer").open()
    assert found.classes == ("Bach",)
    splits = {item.group: item.split for item in found.items}
    assert Counter(splits.values()) == {"train": 2, "validation": 1, "test": 1}
    assert all(splits[item.group] == item.split for item in found.items)
    assert splits["Bach Fugue 0"] == next(item.split for item in found.items if item.path == "Bach/4.mid")
    other = ASAPSet(root=asap, task="tempo").open()
    assert {item.group: item.split for item in other.items} == splits | {"Ravel Pavane": "train"}


@pytest.mark.parametrize(("text", "message"), [("0.5 db", "not an annotation"), ("0.5\t0.5\tb,,0", "1 beats")])
def test_damaged_annotations_are_explained(asap: Path, text: str, message: str) -> None:
    (asap / "Bach" / "0_annotations.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        ASAPSet(root=asap).open()


@pytest.mark.parametrize("task", ["composer", "key", "tempo"])
def test_every_task_of_the_real_asap_can_be_learnt(task: str) -> None:
    found = ASAPSet(root=real("asap"), task=task).open()  # type: ignore[arg-type]
    splits_of(found)
    assert_groups_stay_together(found)
    if task == "key":
        in_c = [k for item, k in zip(found.items, found.targets, strict=True) if item.group == "Bach Fugue_bwv_846"]
        assert {found.classes[k] for k in in_c} == {"C"}


def test_the_notes_of_the_real_asap_begin_when_pretty_midi_says() -> None:
    pretty_midi = pytest.importorskip("pretty_midi", reason="the test extra is not installed")
    path = real("asap") / "Bach" / "Fugue" / "bwv_848" / "Denisova06M.mid"
    notes = pretty_midi.PrettyMIDI(str(path)).instruments[0].notes
    np.testing.assert_allclose(onsets(path), sorted(note.start for note in notes), atol=1e-6)
    assert len(read_annotations(path.with_name("Denisova06M_annotations.txt")).times) > 100
