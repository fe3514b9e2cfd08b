"""Data sets of ``mirdata`` (music) and ``soundata`` (sounds): their layout, metadata and published splits.

Both keep the list of a data set's files, its index, apart from their package and fetch it on demand. Nothing is
fetched here: the index is read from the data set's own folder, or from the library's folder for it.
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
    """Library's own object for a data set, whose index need not be there.

    Raises:
        InputError: the library is not installed.
    """
    try:
        return importlib.import_module(library).initialize(dataset, data_home=str(root))
    except ImportError as error:
        raise InputError(f"{library} is not installed: pip install 'musicfeat[datasets]' ({error})") from error


def entries(library: Library, dataset: str, root: Path) -> dict[str, Any]:
    """Tracks or clips of a data set by name.

    Raises:
        InputError: the library, its index or the data set's metadata is missing.
    """
    found = opened(library, dataset, root)
    index = root / Path(found.index_path).name
    if index.is_file():
        found.index_path = str(index)
    indexes = importlib.import_module(f"{library}.datasets.{dataset}").INDEXES
    url = indexes[found.version].remote.url
    need(Path(found.index_path), f"the index of {dataset}, by {library}", f"download {url} to {index}")
    return found.load_tracks() if library == "mirdata" else found.load_clips()


def relative(entry: Any, root: Path) -> str:
    """Path of a track's or clip's audio below the root."""
    return Path(entry.audio_path).relative_to(root).as_posix()


def sounds_in_folds(dataset: str, named: str, root: Path, group: str, category: str, where: str) -> DataSet:
    """Data set of ``soundata`` whose clips have a fold and a class.

    Args:
        dataset: name of the data set, here and in the library.
        named: its name in words.
        root: its folder.
        group: attribute of a clip with its group, which stays together.
        category: attribute of a clip with its class.
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
    """Check that the first file exists, so that a copy of metadata alone is noticed before anything is decoded.

    Raises:
        InputError: no file is listed, or the first one is not there.
    """
    if not paths:
        raise InputError(f"{dataset} at {root} lists no files: {where}")
    need(root / paths[0], f"the audio of {dataset}", where)
