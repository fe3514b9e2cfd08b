"""McGill Billboard: songs of the American charts, 1958 to 1991; for pretraining.

Burgoyne, Wild and Fujinaga, "An expert ground truth set for audio chord recognition and music analysis", ISMIR 2011.
The audio is not distributed; the songs that a user has are used. Spijkervet and Burgoyne, "Contrastive Learning of
Musical Representations", pretrain on it, without its annotations of chords.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from musicfeat.errors import InputError
from musicfeat_trainer.data.sets.dataset import DataSet, Item, need
from musicfeat_trainer.data.sets.library import entries, relative
from musicfeat_trainer.data.sets.splits import with_validation
from musicfeat_trainer.data.tracks import AUDIO_SUFFIXES
from musicfeat_trainer.section import Section, expanded

WHERE = "download billboard-2.0-index.csv of https://ddmal.ca/research/The_McGill_Billboard_Project_(Chord_Analysis_Dataset)/"
AUDIO = "put what you have of the songs there, named after the entry with four digits, such as audio/0003.mp3"


class BillboardSet(Section):
    """McGill Billboard: chart songs without targets, for pretraining."""

    name: Literal["billboard"] = "billboard"
    root: Path
    validation: float = Field(0.2, gt=0, lt=1)
    """Share of the artists for validation; there are no published splits."""

    def open(self) -> DataSet:
        """List the songs whose audio is there; an artist is a group, as many songs have several entries.

        A song is ``audio/NNNN.*``, or lies where ``mirdata`` expects it: ``audio/DECADE/ARTIST/TITLE/audio.flac``.

        Raises:
            InputError: the list of songs, its index, all audio or ``mirdata`` is missing.
        """
        root = expanded(self.root)
        need(root / "billboard-2.0-index.csv", "the list of McGill Billboard", WHERE)
        named = {f.stem: f.relative_to(root).as_posix() for f in (root / "audio").glob("*") if _is_audio(f)}
        items = []
        for name, track in entries("mirdata", "billboard", root).items():
            path = named.get(f"{int(name):04}") or _where_mirdata_expects(track, root)
            items += [Item(path, str(track.artist))] if path else []
        if not items:
            raise InputError(f"no song of McGill Billboard is at {root / 'audio'}: {AUDIO}")
        return DataSet("billboard", root, with_validation(items, self.validation))


def _is_audio(file: Path) -> bool:
    return file.suffix.lower() in AUDIO_SUFFIXES


def _where_mirdata_expects(track: Any, root: Path) -> str | None:
    return relative(track, root) if Path(track.audio_path).is_file() else None
