"""Folders that name classes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from musicfeat import InputError
from musicfeat_trainer.data.sets.class_folders import ClassFoldersSet
from musicfeat_trainer.evaluate.splits import splits_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, count in (("jazz", 20), ("rock", 10), ("rare", 2)):
        (tmp_path / name).mkdir()
        for number in range(count):
            (tmp_path / name / f"{number:02}.mp3").touch()
    return tmp_path


def test_folders_are_classes_and_each_is_in_every_split(folder: Path) -> None:
    found = ClassFoldersSet(root=folder).open()
    assert found.classes == ("jazz", "rock")
    named = [(item.path.split("/")[0], item.split) for item in found.items]
    assert [found.classes[target] for target in found.targets] == [name for name, _ in named]
    assert Counter(named) == {
        ("jazz", "train"): 14, ("jazz", "validation"): 3, ("jazz", "test"): 3,
        ("rock", "train"): 6, ("rock", "validation"): 2, ("rock", "test"): 2,
    }  # fmt: skip
    assert found.items == ClassFoldersSet(root=folder).open().items


def test_folds_take_every_file_once_and_every_class_alike(folder: Path) -> None:
    found = ClassFoldersSet(root=folder, folds=5).open()
    assert found.folds == ["fold1", "fold2", "fold3", "fold4", "fold5"]
    named = Counter((item.path.split("/")[0], item.split) for item in found.items)
    assert named == {(name, fold): count for name, count in (("jazz", 4), ("rock", 2)) for fold in found.folds}
    assert [len(split.test) for split in splits_of(found)] == [6] * 5


def test_only_the_beginning_is_heard_where_wanted(folder: Path) -> None:
    found = ClassFoldersSet(root=folder, seconds=30.0).open()
    assert {(item.start, item.seconds) for item in found.items} == {(0.0, 30.0)}


def test_rare_classes_are_left_out_unless_wanted(folder: Path) -> None:
    (folder / "rare" / "02.mp3").touch()
    assert ClassFoldersSet(root=folder, fewest=3).open().classes == ("jazz", "rare", "rock")
    with pytest.raises(InputError, match="1 folders of 20 files or more"):
        ClassFoldersSet(root=folder, fewest=20).open()
