"""Data sets that ``mirdata`` (music) and ``soundata`` (sounds) know: their layout, metadata and published splits.

Both keep a list of a data set's files, its index, apart from their package: they fetch it when asked to. Nothing is
fetched here. The index is read from the data set's own folder, or from where the library keeps it.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Literal

from musicfeat.errors import InputError
from musicfeat_trainer.data.sets.dataset import DataSet, Item, need
from musicfeat_trainer.data.sets.targets import class_targets

Library = Literal["mirdata", "soundata"]


def opened(library: Library, dataset: str, root: Path) -> Any:
    """The library's own object for a data set, whose index need not be there.

    Raises:
        InputError: the library is not installed.
    """
    try:
        return importlib.import_module(library).initialize(dataset, data_home=str(root))
    except ImportError as error:
        raise InputError(f"{library} is not installed: pip install 'musicfeat[datasets]' ({error})") from error


def entries(library: Library, dataset: str, root: Path) -> dict[str, Any]:
    """Every track or clip of a data set by its name.

    Raises:
        InputError: the library, its index or the data set's metadata is missing.
    """
    found = opened(library, dataset, root)
    beside = root / Path(found.index_path).name
    if beside.is_file():
        found.index_path = str(beside)
    indexes = importlib.import_module(f"{library}.datasets.{dataset}").INDEXES
    url = indexes[found.version].remote.url
    need(Path(found.index_path), f"the index of {dataset}, by {library}", f"download {url} to {beside}")
    return found.load_tracks() if library == "mirdata" else found.load_clips()


def relative(entry: Any, root: Path) -> str:
    """Path of a track's or clip's audio below the root."""
    return Path(entry.audio_path).relative_to(root).as_posix()


def sounds_in_folds(dataset: str, named: str, root: Path, group: str, category: str, where: str) -> DataSet:
    """A data set of ``soundata`` whose clips have a fold and a class, by the library's name of it and in words.

    Args:
        dataset: the library's name, and ours.
        named: in words.
        root: its folder.
        group: the attribute of a clip that says what must stay together.
        category: the one that says its class.
        where: what to download and where to put it.

    Raises:
        InputError: ``soundata``, its index, the metadata or the audio is missing.
    """
    clips = entries("soundata", dataset, root).values()
    items = [Item(relative(clip, root), str(getattr(clip, group)), f"fold{clip.fold}") for clip in clips]
    audio_there(named, root, [item.path for item in items], where)
    targets, classes = class_targets([getattr(clip, category) for clip in clips])
    return DataSet(dataset, root, items, "class", targets, classes)


def audio_there(dataset: str, root: Path, paths: list[str], where: str) -> None:
    """Look for the first file, so that a metadata-only copy is noticed before anything is decoded.

    Raises:
        InputError: no files are listed, or the first is not there.
    """
    if not paths:
        raise InputError(f"{dataset} at {root} lists no files: {where}")
    need(root / paths[0], f"the audio of {dataset}", where)
