"""GTZAN: 1000 excerpts of 30 s in ten genres.

Tzanetakis and Cook, "Musical genre classification of audio signals", 2002. It has no published splits. By default it
is drawn 70/15/15, as in Lin, "Contrastive Feature Learning for Audio Classification", 2022. The set has repeated and
distorted excerpts (Sturm, 2013); the fault-filtered lists of Kereliuk, Sturm and Larsen, 2015, leave them out and
keep artists apart.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Literal

from musicfeat_trainer.data.sets.dataset import DataSet, Item, need
from musicfeat_trainer.data.sets.library import audio_there, entries, relative
from musicfeat_trainer.data.sets.splits import drawn_splits
from musicfeat_trainer.data.sets.targets import class_targets
from musicfeat_trainer.libraries import torchaudio
from musicfeat_trainer.section import Section, expanded

WHERE = "unpack genres.tar.gz of http://marsyas.info/downloads/datasets.html there, as gtzan_genre/genres/blues..rock"
LISTS = "download train_filtered.txt, valid_filtered.txt, test_filtered.txt of https://github.com/jongpillee/music_dataset_split"


class GTZANSet(Section):
    """GTZAN: ten genres, drawn 70/15/15 or split by the fault-filtered lists."""

    name: Literal["gtzan"] = "gtzan"
    root: Path
    filtered: Literal["torchaudio"] | Path | None = None
    """Fault-filtered lists: those of torchaudio, or a folder with ``train_filtered.txt``, ``valid_filtered.txt``
    and ``test_filtered.txt``; None: splits are drawn."""

    def open(self) -> DataSet:
        """List the excerpts, each its own group.

        Raises:
            InputError: the data set, its index, the lists or ``mirdata`` is missing.
        """
        root = expanded(self.root)
        need(root, "GTZAN", WHERE)
        tracks = entries("mirdata", "gtzan_genre", root)
        genres = [track.genre for track in tracks.values()]
        if self.filtered:
            known = self.filtered == "torchaudio"
            splits = torchaudio_splits() if known else filtered_splits(expanded(Path(self.filtered)))
        else:
            splits = dict(zip(tracks, drawn_splits(genres, list(tracks)), strict=True))
        chosen = [name for name in tracks if name in splits]
        items = [Item(relative(tracks[name], root), name, splits[name]) for name in chosen]
        audio_there("GTZAN", root, [item.path for item in items], WHERE)
        targets, classes = class_targets([tracks[name].genre for name in chosen])
        return DataSet("gtzan-filtered" if self.filtered else "gtzan", root, items, "class", targets, classes)


def filtered_splits(folder: Path) -> dict[str, str]:
    """Splits by excerpt (``blues.00029``); the lists have lines such as ``blues/blues.00029.wav``."""
    splits: dict[str, str] = {}
    for prefix, split in (("train", "train"), ("valid", "validation"), ("test", "test")):
        table = need(folder / f"{prefix}_filtered.txt", "a fault-filtered list of GTZAN", LISTS)
        splits |= {".".join(PurePosixPath(line).name.split(".")[:2]): split for line in table.read_text().split()}
    return splits


def torchaudio_splits() -> dict[str, str]:
    """Splits by excerpt from ``torchaudio.datasets.gtzan``: 443 excerpts train, 197 validate, 290 test.

    Raises:
        InputError: torchaudio cannot be imported.
    """
    lists = torchaudio("datasets.gtzan")
    named = {"train": lists.filtered_train, "validation": lists.filtered_valid, "test": lists.filtered_test}
    return {name: split for split, names in named.items() for name in names}
