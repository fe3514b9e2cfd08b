"""Data sets that are read without a library, each on a miniature of its published layout; splits and checks."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from musicfeat import InputError
from musicfeat_trainer.data.sets.dataset import DataSet, Item
from musicfeat_trainer.data.sets.registry import SetConfig
from musicfeat_trainer.data.sets.splits import drawn_splits
from musicfeat_trainer.data.sets.targets import class_targets, most_frequent, tag_targets
from musicfeat_trainer.evaluate.splits import splits_of

ANY_SET: TypeAdapter[SetConfig] = TypeAdapter(SetConfig)


def opened(name: str, root: Path, **settings: object) -> DataSet:
    return ANY_SET.validate_python({"name": name, "root": root, **settings}).open()


def touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def by_path(found: DataSet) -> dict[str, tuple[str, str]]:
    return {item.path: (item.group, item.split) for item in found.items}


@pytest.fixture
def fma(tmp_path: Path) -> Path:
    """Seven tracks, written by pandas as FMA itself writes its tables."""
    pandas = pytest.importorskip("pandas", reason="the test extra is not installed")
    columns = [("album", "title"), ("artist", "id"), ("set", "split"), ("set", "subset"), ("track", "genre_top")]
    rows = {
        2: ("an album, with a comma", 1, "training", "small", "Hip-Hop"),
        5: ("two\nlines", 1, "training", "small", "Rock"),
        10: ("", 6, "validation", "small", "Rock"),
        140: ("", 54, "test", "small", "Hip-Hop"),
        1040: ("", 7, "training", "medium", "Jazz"),
        3000: ("", 8, "test", "large", None),
        99999: ("", 9, "training", "large", "Rock"),
    }
    names = pandas.MultiIndex.from_tuples(columns)
    table = pandas.DataFrame(list(rows.values()), index=pandas.Index(rows, name="track_id"), columns=names)
    (tmp_path / "fma_metadata").mkdir()
    table.to_csv(tmp_path / "fma_metadata" / "tracks.csv")
    touch(*(tmp_path / f"fma_{subset}" / "000" / "000002.mp3" for subset in ("small", "medium", "large")))
    return tmp_path


def test_fma_small_has_genres_and_the_published_splits(fma: Path) -> None:
    found = opened("fma", fma)
    assert by_path(found) == {
        "fma_small/000/000002.mp3": ("1", "train"),
        "fma_small/000/000005.mp3": ("1", "train"),
        "fma_small/000/000010.mp3": ("6", "validation"),
        "fma_small/000/000140.mp3": ("54", "test"),
    }
    assert [found.classes[target] for target in found.targets] == ["Hip-Hop", "Rock", "Rock", "Hip-Hop"]
    splits_of(found)


def test_larger_fma_holds_the_smaller(fma: Path) -> None:
    medium, large = opened("fma", fma, subset="medium"), opened("fma", fma, subset="large")
    assert [item.path for item in medium.items][-1] == "fma_medium/001/001040.mp3"
    assert len(medium.items) == 5
    assert [item.path for item in large.items][-1] == "fma_large/099/099999.mp3"
    assert large.problem == "tags"
    np.testing.assert_array_equal(large.targets[[0, 5, 6]], [[1, 0, 0], [np.nan] * 3, [0, 0, 1]])
    assert large.classes == ("Hip-Hop", "Jazz", "Rock")


def test_fma_leaves_out_the_tracks_of_openmic(fma: Path) -> None:
    partitions = fma / "openmic" / "partitions"
    partitions.mkdir(parents=True)
    (partitions / "split01_train.csv").write_text("000005_3840\n")
    with pytest.raises(InputError, match=r"zenodo.org/records/1432913"):
        opened("fma", fma, exclude=fma / "openmic")
    (partitions / "split01_test.csv").write_text("000140_0\n123456_10\n")
    found = opened("fma", fma, exclude=fma / "openmic")
    assert [Path(item.path).stem for item in found.items] == ["000002", "000010"]
    assert found.name != opened("fma", fma).name, "the store of one must not be taken for the other's"


def test_another_or_a_damaged_table_of_fma_is_explained(fma: Path) -> None:
    table = fma / "fma_metadata" / "tracks.csv"
    good = table.read_text()
    for text, message in [
        ("", "genre_top"),
        ("a,b\nc,d\n\n", "genre_top"),
        (good.replace("140,", "x140,"), r"line 8 .*damaged"),
        (good.replace("validation", "valid"), "splits .'valid'"),
    ]:
        table.write_text(text)
        with pytest.raises(InputError, match=message):
            opened("fma", fma)


def write_magnatagatune(root: Path, tags: list[str], clips: dict[str, set[str]]) -> None:
    with (root / "annotations_final.csv").open("w", newline="") as file:
        table = csv.writer(file, delimiter="\t", quoting=csv.QUOTE_ALL)
        table.writerow(["clip_id", *tags, "mp3_path"])
        for number, (path, there) in enumerate(clips.items()):
            table.writerow([number, *(int(tag in there) for tag in tags), path])
    touch(*(root / path for path in clips))


def test_magnatagatune_keeps_fifty_tags_and_the_clips_that_have_one(tmp_path: Path) -> None:
    tags = [f"tag {i:02}" for i in range(52)]
    clips = {f"{folder}/artist-album-01-song-{i}-{i + 29}.mp3": set(tags[:50]) for i, folder in enumerate("0bcdf")}
    clips |= {"a/rare-cd-01-song-0-29.mp3": {"tag 50"}, "a/no-cd-01-song-0-29.mp3": set()}
    clips["1/some-cd-02-song-a-59-88.mp3"] = {"tag 07", "tag 51"}
    write_magnatagatune(tmp_path, tags, clips)
    found = opened("magnatagatune", tmp_path)
    assert sorted(found.classes) == tags[:50]
    assert found.classes[0] == "tag 07", "the commonest first"
    assert [item.split for item in found.items] == ["train", "train", "validation", "test", "test", "train"]
    assert found.items[0].group == "0/artist-album-01-song"
    assert found.targets[-1].tolist() == [1.0] + [0.0] * 49
    assert found.targets[:5].all()


def test_million_song_is_read_from_a_table(tmp_path: Path) -> None:
    table = tmp_path / "tracks.csv"
    table.write_text("path,split,tags,artist\n1/a.mp3,train,rock;60s,A\n2/b.mp3,validation,rock,B\n3/c.mp3,test,,\n")
    touch(tmp_path / "1" / "a.mp3")
    found = opened("million_song", tmp_path)
    assert by_path(found) == {
        "1/a.mp3": ("A", "train"),
        "2/b.mp3": ("B", "validation"),
        "3/c.mp3": ("3/c.mp3", "test"),
    }
    assert found.classes == ("rock", "60s")
    np.testing.assert_array_equal(found.targets, [[1, 1], [1, 0], [0, 0]])
    table.write_text("path,split,tags\n1/a.mp3,valid,rock\n")
    with pytest.raises(InputError, match=r"line 2 .* none of the splits"):
        opened("million_song", tmp_path)
    table.write_text("path,split\n1/a.mp3,train\n")
    with pytest.raises(InputError, match="tags"):
        opened("million_song", tmp_path)


def test_dcase_2013_has_a_fold_for_each_half(tmp_path: Path) -> None:
    touch(*(tmp_path / "scenes_stereo" / f"{name}.wav" for name in ("bus01", "busystreet10", "tubestation03")))
    with pytest.raises(InputError, match="dcase2013_scene_classification"):
        opened("dcase2013", tmp_path)
    touch(*(tmp_path / "scenes_stereo_testset" / f"{name}.wav" for name in ("bus01", "busystreet02", "tubestation09")))
    found = opened("dcase2013", tmp_path)
    assert found.folds == ["fold1", "fold2"]
    assert found.classes == ("bus", "busystreet", "tubestation")
    assert found.targets.tolist() == [0, 1, 2, 0, 1, 2]
    assert found.items[0].group != found.items[3].group, "both halves have a bus01.wav"


OWN = {"folder", "class_folders", "midi"}
"""Folders of the user's own files: nothing to download."""


@pytest.mark.parametrize("name", [n for n in ANY_SET.json_schema()["discriminator"]["mapping"] if n not in OWN])
def test_a_missing_data_set_says_what_to_download_and_where_to_put_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        opened(name, tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in str(caught.value)
    assert "://" in str(caught.value) or name == "notes"


def test_a_misspelt_data_set_or_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="esc50"):
        opened("esc-50", tmp_path)
    with pytest.raises(ValidationError, match="subsett"):
        opened("fma", tmp_path, subsett="small")


def items_of(splits: str) -> list[Item]:
    names = {"t": "train", "v": "validation", "e": "test"}
    return [Item(f"{i}.wav", str(i), names.get(s, f"fold{s}")) for i, s in enumerate(splits)]


def made(splits: str, **settings: object) -> DataSet:
    return DataSet("made", Path("here"), items_of(splits), **settings)  # type: ignore[arg-type]


def classes(*targets: int) -> dict[str, object]:
    return {"problem": "class", "targets": np.array(targets), "classes": ("drum", "flute")}


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda: made("ttvv", **classes(0, 1, 0, 1)), "no item in its split 'test'"),
        (lambda: made("vvee", **classes(0, 1, 0, 1)), "no item in its split 'train'"),
        (lambda: made("ttve", **classes(0, 0, 1, 1)), "no positive training item of flute"),
        (lambda: made("1" * 6 + "2" * 6, **classes(*[0] * 11, 1)), "no positive training item of flute"),
        (lambda: made("1111", **classes(0, 1, 0, 1)), "one fold only, fold1"),
        (
            lambda: made("tve", problem="tags", targets=np.array([[1, np.nan], [1, 1], [1, 1.0]]), classes=("a", "b")),
            "no positive training item of b",
        ),
    ],
)
def test_what_cannot_be_learnt_is_refused(broken: Callable[[], DataSet], message: str) -> None:
    with pytest.raises(InputError, match=message):
        splits_of(broken())


def test_what_can_be_learnt_passes() -> None:
    splits_of(made("ttve", **classes(0, 1, 0, 0)))
    splits_of(made("1" * 10 + "2" * 10, **classes(*[0, 1] * 10)))
    splits_of(made("tve", problem="number", targets=np.array([3.0, 4.0, 5.0])))


def test_drawn_splits_keep_groups_together_and_strata_apart() -> None:
    strata = ["a"] * 40 + ["b"] * 6 + ["c"] * 4
    groups = [f"a{i // 2}" for i in range(40)] + [f"b{i // 2}" for i in range(6)] + ["c1", "c1", "c2", "c2"]
    splits = drawn_splits(strata, groups)
    assert len({(group, split) for group, split in zip(groups, splits, strict=True)}) == len(set(groups))
    assert [splits[:40].count(name) for name in ("train", "validation", "test")] == [28, 6, 6]
    assert [splits[40:46].count(name) for name in ("train", "validation", "test")] == [2, 2, 2]
    assert set(splits[46:]) == {"train"}, "two groups cannot fill three splits"
    order = np.random.default_rng(0).permutation(50)
    moved = drawn_splits([strata[i] for i in order], [groups[i] for i in order])
    assert moved == [splits[i] for i in order]
    assert drawn_splits(strata, groups, seed=8) != splits


def test_targets_from_names() -> None:
    targets, found = class_targets(["b", "a", "b"])
    assert [found[target] for target in targets] == ["b", "a", "b"]
    tags = [{"x", "y"}, {"y"}, set(), {"z", "w"}]
    assert most_frequent(tags, 3) == ("y", "w", "x")
    assert tag_targets(tags, ("y", "z")).tolist() == [[1, 0], [1, 0], [0, 0], [0, 1]]
