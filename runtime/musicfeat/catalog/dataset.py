"""Data set of a catalog's tracks, for torch's ``DataLoader`` and for scikit-learn; torch is not imported."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from musicfeat.catalog.pooled import pooled
from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.tracks import COLUMNS, Tracks
from musicfeat.errors import InputError
from musicfeat.features import Floats

Target = str | Callable[[Mapping[str, Any]], Any]


class CatalogDataset:
    """Pooled embeddings of the tracks of a catalog, with a target to learn for each.

        DataLoader(CatalogDataset("catalog/", "genre"), batch_size=64, shuffle=True)
        X, y = CatalogDataset("catalog/", lambda row: row["year"] >= 2000).arrays()

    Args:
        catalog: a catalog or its folder.
        target: a column of ``Tracks`` such as "artist" or "genre", or a function of a track's row. Tracks whose target
            is None are left out, as are silent ones. Without a target, items are only embeddings.

    Raises:
        CatalogError: the folder is no catalog, or a part is damaged.
        InputError: the column does not exist.
    """

    def __init__(self, catalog: Catalog | str | os.PathLike[str], target: Target | None = None) -> None:
        held = catalog if isinstance(catalog, Catalog) else Catalog(catalog)
        if isinstance(target, str) and target not in COLUMNS:
            raise InputError(f"a target is a function or one of the columns {', '.join(COLUMNS)}, got {target!r}")
        self.tracks = Tracks(held)
        vectors = pooled(self.tracks)
        self._embedding: Floats = vectors.embedding
        numbers = np.flatnonzero(vectors.unit.any(axis=1)).tolist()
        found = [None if target is None else self._target(target, number) for number in numbers]
        labelled = [i for i, value in enumerate(found) if target is None or value is not None]
        self.numbers: list[int] = [numbers[i] for i in labelled]
        """Numbers of the tracks among ``tracks``."""
        self.targets: list[Any] | None = None if target is None else [found[i] for i in labelled]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> Floats | tuple[Floats, Any]:
        """[D] embedding of a track, with the number of its class if its target is text, else with its target."""
        embedding = np.array(self._embedding[self.numbers[index]], np.float32)
        if self.targets is None:
            return embedding
        value = self.targets[index]
        return embedding, self._classes.get(value, value) if isinstance(value, str) else value

    @property
    def classes(self) -> list[str]:
        """Names of the classes: the sorted texts among the targets."""
        return list(self._classes)

    @cached_property
    def _classes(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(sorted({one for one in self.targets or () if isinstance(one, str)}))}

    def arrays(self) -> tuple[Floats, npt.NDArray[Any]]:
        """[n, D] embeddings and [n] targets, for scikit-learn.

        Raises:
            InputError: the data set has no target.
        """
        if self.targets is None:
            raise InputError("arrays need a target: name a column or a function")
        return np.array(self._embedding[self.numbers], np.float32), np.array(self.targets)

    def _target(self, target: Target, number: int) -> Any:
        row = self.tracks.row(number)
        return row[target] if isinstance(target, str) else target(row)
