"""Data sets read through mirdata and soundata, on miniatures of their layout; the tests write the index, too."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mirdata", reason="the datasets extra is not installed")
pytest.importorskip("soundata", reason="the datasets extra is not installed")
from musicfeat import InputError
from musicfeat_trainer.data.sets.billboard import BillboardSet
from musicfeat_trainer.data.sets.dcase2019 import DCASE2019Set
from musicfeat_trainer.data.sets.esc50 import ESC50Set
from musicfeat_trainer.data.sets.fsd50k import FSD50KSet
from musicfeat_trainer.data.sets.gtzan import GTZANSet
from musicfeat_trainer.data.sets.openmic import OpenMICSet
from musicfeat_trainer.data.sets.urbansound8k import UrbanSound8KSet
from musicfeat_trainer.evaluate.splits import splits_of
from musicfeat_trainer.instruments import OPENMIC


def write_table(file: Path, rows: Sequence[Sequence[object]], delimiter: str = ",") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as opened:
        csv.writer(opened, delimiter=delimiter).writerows(rows)


def write_index(root: Path, name: str, audio: dict[str, str], kind: str = "clips", other: Sequence[str] = ()) -> None:
    """An index in the libraries' format, and an empty file for each path."""
    entries = {key: {"audio": [path, "0"], **{field: [None, None] for field in other}} for key, path in audio.items()}
    (root / name).write_text(json.dumps({"version": "1", kind: entries}))
    for path in audio.values():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


@pytest.fixture
def esc50(tmp_path: Path) -> Path:
    header = ["filename", "fold", "target", "category", "esc10", "src_file", "take"]
    names = ["1-100032-A-0", "2-100038-A-14", "2-100038-B-14", "1-100210-A-36"]
    rows = [[f"{n}.wav", n[0], n.split("-")[3], c, False, n.split("-")[1], n.split("-")[2]]
            for n, c in zip(names, ["dog", "birds", "birds", "vacuum"], strict=True)]  # fmt: skip
    write_table(tmp_path / "meta" / "esc50.csv", [header, *rows])
    write_index(tmp_path, "esc50_index_2.0.json", {name: f"audio/{name}.wav" for name in names})
    return tmp_path


def test_esc50_has_folds_and_keeps_recordings_together(esc50: Path) -> None:
    found = ESC50Set(root=esc50).open()
    assert [item.path for item in found.items][:2] == ["audio/1-100032-A-0.wav", "audio/2-100038-A-14.wav"]
    assert [item.group for item in found.items] == ["100032", "100038", "100038", "100210"]
    assert found.folds == ["fold1", "fold2"]
    assert [item.split for item in found.items] == ["fold1", "fold2", "fold2", "fold1"]
    assert [found.classes[target] for target in found.targets] == ["dog", "birds", "birds", "vacuum"]


def test_a_missing_index_says_where_it_is_and_where_to_put_it(esc50: Path) -> None:
    (esc50 / "esc50_index_2.0.json").unlink()
    with pytest.raises(InputError, match=r"download https://zenodo.org/\S+ to \S+esc50_index_2.0.json"):
        ESC50Set(root=esc50).open()


def test_missing_audio_is_noticed_before_decoding(esc50: Path) -> None:
    (esc50 / "audio" / "1-100032-A-0.wav").unlink()
    with pytest.raises(InputError, match=r"audio of ESC-50 .*karolpiczak"):
        ESC50Set(root=esc50).open()


def test_a_missing_library_names_the_extra(esc50: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundata", None)  # what Python itself does for a module that must not be found
    with pytest.raises(InputError, match=r"pip install 'musicfeat\[datasets\]'"):
        ESC50Set(root=esc50).open()


def test_urbansound8k_has_ten_published_folds(tmp_path: Path) -> None:
    header = ["slice_file_name", "fsID", "start", "end", "salience", "fold", "classID", "class"]
    names = ["100032-3-0-0", "100263-2-0-117", "100263-2-0-121"]
    folds, labels = [5, 10, 10], ["dog_bark", "children_playing", "children_playing"]
    rows = [[f"{n}.wav", n.split("-")[0], 0.0, 0.3, 1, f, n.split("-")[1], label]
            for n, f, label in zip(names, folds, labels, strict=True)]  # fmt: skip
    write_table(tmp_path / "metadata" / "UrbanSound8K.csv", [header, *rows])
    audio = {n: f"audio/fold{f}/{n}.wav" for n, f in zip(names, folds, strict=True)}
    write_index(tmp_path, "urbansound8k_index_1.0.json", audio)
    found = UrbanSound8KSet(root=tmp_path).open()
    assert found.folds == ["fold5", "fold10"]
    assert [item.path for item in found.items] == list(audio.values())
    assert [item.group for item in found.items] == ["100032", "100263", "100263"]
    assert [found.classes[target] for target in found.targets] == labels


@pytest.mark.parametrize("folder", ["fsd50k", "collection/fsd50k"])
def test_fsd50k_has_tags_and_three_splits(tmp_path: Path, folder: str) -> None:
    root = tmp_path / folder
    vocabulary = [[0, "Accordion", "/m/0mkg"], [1, "Bark", "/m/05tny_"], [2, "Music", "/m/04rlf"]]
    write_table(root / "FSD50K.ground_truth" / "vocabulary.csv", vocabulary)
    dev = [["64760", "Accordion,Music", "/m/0mkg,/m/04rlf", "train"], ["16399", "Bark", "/m/05tny_", "val"]]
    write_table(root / "FSD50K.ground_truth" / "dev.csv", [["fname", "labels", "mids", "split"], *dev])
    last = [["37199", "Music", "/m/04rlf"]]
    write_table(root / "FSD50K.ground_truth" / "eval.csv", [["fname", "labels", "mids"], *last])
    (root / "FSD50K.dev_audio").mkdir()
    (root / "FSD50K.dev_audio" / "64760.wav").touch()
    found = FSD50KSet(root=root).open()
    assert found.classes == ("Accordion", "Bark", "Music")
    assert [(item.path, item.split) for item in found.items] == [
        ("FSD50K.dev_audio/64760.wav", "train"),
        ("FSD50K.dev_audio/16399.wav", "validation"),
        ("FSD50K.eval_audio/37199.wav", "test"),
    ]
    np.testing.assert_array_equal(found.targets, [[1, 0, 1], [0, 1, 0], [0, 0, 1]])


def test_dcase_2019_takes_labelled_clips_and_keeps_locations_together(tmp_path: Path) -> None:
    development = tmp_path / "TAU-urban-acoustic-scenes-2019-development"
    names = [f"{scene}-{place}-0" for place in ("oslo-0", "oslo-1", "rome-2", "rome-3") for scene in ("bus", "park")]
    files = [f"audio/{name}.wav" for name in names]
    meta = [[f, n.split("-")[0], "-".join(n.split("-")[1:3]), "a"] for f, n in zip(files, names, strict=True)]
    write_table(development / "meta.csv", [["filename", "scene_label", "identifier", "source_label"], *meta], "\t")
    setup = development / "evaluation_setup"
    labelled = [[f, n.split("-")[0]] for f, n in zip(files, names, strict=True)]
    write_table(setup / "fold1_train.csv", [["filename", "scene_label"], *labelled[:5]], "\t")
    write_table(setup / "fold1_evaluate.csv", [["filename", "scene_label"], *labelled[6:]], "\t")
    write_table(setup / "fold1_test.csv", [["filename"], *[[f] for f in files[6:]]], "\t")
    with pytest.raises(InputError, match=r"evaluation list .*records/3063822"):
        DCASE2019Set(root=tmp_path).open()
    audio = {f"development/{n}": f"{development.name}/{f}" for n, f in zip(names, files, strict=True)}
    for part in ("evaluation", "leaderboard"):
        folder = f"TAU-urban-acoustic-scenes-2019-{part}"
        write_table(tmp_path / folder / "evaluation_setup" / "test.csv", [["filename"], ["audio/0.wav"]], "\t")
        audio[f"{part}/0"] = f"{folder}/audio/0.wav"
    write_index(tmp_path, "tau2019uas_index_1.0.json", audio)
    found = DCASE2019Set(root=tmp_path, validation=0.4).open()
    assert [item.path.split("/")[-1] for item in found.items] == [f"{n}.wav" for n in [*names[:5], *names[6:]]]
    groups = {item.group: item.split for item in found.items}
    assert groups["rome-3"] == "test"
    assert sorted(groups[place] for place in ("oslo-0", "oslo-1", "rome-2")) == ["train", "train", "validation"]
    assert all(groups[item.group] == item.split for item in found.items)
    assert [found.classes[target] for target in found.targets] == ["bus", "park", "bus", "park", "bus", "bus", "park"]


def test_gtzan_is_drawn_by_genre_or_filtered(tmp_path: Path) -> None:
    names = [f"{genre}.{number:05}" for genre in ("blues", "hiphop") for number in range(20)]
    audio = {name: f"gtzan_genre/genres/{name.split('.')[0]}/{name}.wav" for name in names}
    write_index(tmp_path, "gtzan_genre_index_1.0.json", audio, "tracks", ("beats", "tempo"))
    found = GTZANSet(root=tmp_path).open()
    splits = [item.split for item in found.items]
    for genre in (splits[:20], splits[20:]):
        assert [genre.count(name) for name in ("train", "validation", "test")] == [14, 3, 3]
    assert found.classes == ("blues", "hip-hop")
    splits_of(found)
    for prefix, number in (("train", 2), ("valid", 5), ("test", 1)):
        lines = [f"{genre}/{genre}.{number:05}.wav" for genre in ("hiphop", "blues")]
        (tmp_path / f"{prefix}_filtered.txt").write_text("\n".join(lines))
    filtered = GTZANSet(root=tmp_path, filtered=tmp_path).open()
    assert [(item.group, item.split) for item in filtered.items][:3] == [
        ("blues.00001", "test"),
        ("blues.00002", "train"),
        ("blues.00005", "validation"),
    ]
    assert filtered.targets.tolist() == [0, 0, 0, 1, 1, 1]


def test_openmic_knows_what_was_not_asked(tmp_path: Path) -> None:
    keys = ["000046_3840", "000135_483840", "000139_119040", "000141_153600"]
    header = ["track_id", "artist_name", "track_genres", "sample_key", "start_time"]
    genres = "[{'genre_id': '76', 'genre_title': 'Experimental Pop'}]"
    rows = [[int(k[:6]), a, genres, k, 0.0] for k, a in zip(keys, ["Cook", "Abominog", "Airway", "Cook"], strict=True)]
    write_table(tmp_path / "openmic-2018-metadata.csv", [header, *rows])
    labels = [["000046_3840", "clarinet", 0.17105, 3], ["000046_3840", "voice", 0.5, 3],
              ["000135_483840", "accordion", 1.0, 3], ["000139_119040", "flute", 0.0, 3],
              ["000141_153600", "flute", 0.9, 3]]  # fmt: skip
    table = [["sample_key", "instrument", "relevance", "num_responses"], *labels]
    write_table(tmp_path / "openmic-2018-aggregated-labels.csv", table)
    write_table(tmp_path / "partitions" / "split01_train.csv", [[keys[0]], [keys[1]], [keys[3]]])
    write_table(tmp_path / "partitions" / "split01_test.csv", [[keys[2]]])
    write_index(
        tmp_path, "openmic2018_index_1.0.json", {k: f"audio/{k[:3]}/{k}.ogg" for k in keys}, "tracks", ["vggish"]
    )
    found = OpenMICSet(root=tmp_path).open()
    assert found.items[2].split == "test"
    assert found.items[0].split == found.items[3].split != found.items[1].split, "an artist is kept together"
    assert {found.items[0].split, found.items[1].split} == {"train", "validation"}
    expected = np.full((4, 20), np.nan)
    for row, name, there in [
        (0, "clarinet", 0),
        (0, "voice", 1),
        (1, "accordion", 1),
        (2, "flute", 0),
        (3, "flute", 1),
    ]:
        expected[row, OPENMIC.index(name)] = there
    np.testing.assert_array_equal(found.targets, expected)
    write_table(tmp_path / "partitions" / "split01_test.csv", [])
    (tmp_path / "partitions" / "split01_test.csv").write_text("000001_0\n")
    with pytest.raises(InputError, match="1 clips in no split"):
        OpenMICSet(root=tmp_path).open()


def test_billboard_uses_the_audio_that_is_there(tmp_path: Path) -> None:
    header = ["id", "chart_date", "target_rank", "actual_rank", "title", "artist", "peak_rank", "weeks_on_chart"]
    rows = [[3, "1961-07-03", 56, 57, "I Don't Mind", "James Brown", 47, 8], [5, "1976-07-10", 51, *[""] * 5],
            [35, "1971-05-01", 67, 65, "Freedom", "Jimi Hendrix", 59, 8],
            [79, "1967-07-29", 56, 58, "Cold Sweat", "James Brown", 7, 12]]  # fmt: skip
    write_table(tmp_path / "billboard-2.0-index.csv", [header, *rows])
    audio = {"3": "audio/1960s/James Brown/I Don't Mind/audio.flac",
             "35": "audio/1970s/Jimi Hendrix/Freedom/audio.flac",
             "79": "audio/1960s/James Brown/Cold Sweat/audio.flac"}  # fmt: skip
    labels = ["salami", "bothchroma", "tuning"]
    labels += ["lab_full", "lab_majmin7", "lab_majmin7inv", "lab_majmin", "lab_majmininv"]
    write_index(tmp_path, "billboard_index_2.0.json", audio, "tracks", labels)
    for path in ("3", "35"):
        (tmp_path / audio[path]).unlink()
    (tmp_path / "audio" / "0035.mp3").touch()
    found = BillboardSet(root=tmp_path).open()
    assert [(item.path, item.group) for item in found.items] == [
        ("audio/0035.mp3", "Jimi Hendrix"),
        (audio["79"], "James Brown"),
    ]
    assert {item.split for item in found.items} == {"train", "validation"}
    assert found.problem == "none"
    (tmp_path / "audio" / "0035.mp3").unlink()
    (tmp_path / audio["79"]).unlink()
    with pytest.raises(InputError, match=r"audio/0003.mp3"):
        BillboardSet(root=tmp_path).open()
