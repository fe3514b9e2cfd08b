"""FSD50K: 51 197 clips of 0.3 to 30 s, tagged with 200 classes of the AudioSet ontology.

Fonseca, Favory, Pons, Font and Serra, "FSD50K: an Open Dataset of Human-Labeled Sound Events", TASLP 2022.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from musicfeat_trainer.data.sets.dataset import DataSet, Item, need
from musicfeat_trainer.data.sets.library import audio_there, opened
from musicfeat_trainer.data.sets.targets import tag_targets
from musicfeat_trainer.section import Section, expanded

WHERE = "unpack FSD50K.ground_truth, .dev_audio and .eval_audio from https://zenodo.org/records/4060432 there"


class FSD50KSet(Section):
    """FSD50K: sound events, 200 tags, published train, validation and test splits."""

    name: Literal["fsd50k"] = "fsd50k"
    root: Path

    def open(self) -> DataSet:
        """List the clips, each its own group; tags as published, with those of their parents.

        ``soundata`` reads the ground truth. Its index and the metadata of the uploaders are not needed.

        Raises:
            InputError: the data set or ``soundata`` is missing.
        """
        root = expanded(self.root)
        truth = need(root / "FSD50K.ground_truth", "FSD50K", WHERE)
        library = opened("soundata", "fsd50k", root)
        vocabulary, _ = library.load_fsd50k_vocabulary(str(need(truth / "vocabulary.csv", "FSD50K", WHERE)))
        clips: dict[str, Any] = {}
        for part in ("dev", "eval"):
            labels, _ = library.load_ground_truth(str(need(truth / f"{part}.csv", "FSD50K", WHERE)))
            clips |= {f"FSD50K.{part}_audio/{name}.wav": label for name, label in labels.items()}
        # soundata names no split for the evaluation clips of a root whose path has "collection" in it
        items = [Item(path, Path(path).stem, label.get("split", "test")) for path, label in clips.items()]
        audio_there("FSD50K", root, list(clips), WHERE)
        targets = tag_targets([label["tags"] for label in clips.values()], tuple(vocabulary))
        return DataSet("fsd50k", root, items, "tags", targets, tuple(vocabulary))
