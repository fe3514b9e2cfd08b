"""Targets from names: the class of each item, or its tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt


def class_targets(names: Sequence[str], classes: Sequence[str] = ()) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Index of each name's class, [n], and the classes: the given ones, or all names in alphabetical order."""
    classes = tuple(classes) or tuple(sorted(set(names)))
    places = {name: place for place, name in enumerate(classes)}
    return np.array([places[name] for name in names], dtype=np.int64), classes


def tag_targets(tags: Sequence[Collection[str]], classes: Sequence[str]) -> npt.NDArray[np.float32]:
    """Targets [n, classes], 1 where an item has a tag, else 0; tags that are not among the classes are dropped."""
    places = {name: place for place, name in enumerate(classes)}
    targets = np.zeros((len(tags), len(classes)), dtype=np.float32)
    for row, names in zip(targets, tags, strict=True):
        row[[places[name] for name in names if name in places]] = 1
    return targets


def most_frequent(tags: Sequence[Collection[str]], count: int) -> tuple[str, ...]:
    """The ``count`` tags that most items have, the commonest first; equally common ones in alphabetical order."""
    counts = Counter(tag for names in tags for tag in sorted(names))
    return tuple(sorted(counts, key=lambda tag: (-counts[tag], tag))[:count])
