"""Findings in whole tracks of a catalog, for other tools."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from musicfeat.catalog.names import to_path
from musicfeat.catalog.pooled import pooled
from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.taught import heads_of
from musicfeat.catalog.tracks import Tracks
from musicfeat.features import Floats, pool_probability

LEAST = 0.5
"""Least probability at which a tag is said to hold."""


@dataclass(frozen=True)
class Found:
    """Findings in one track."""

    path: str
    duration: float
    """Length in seconds."""
    reversed: float | None
    """P(plays backwards); None if the catalog does not hold it."""
    tags: dict[str, float]
    """Label of a tag -> probability."""
    heads: dict[str, dict[str, float]]
    """Name of a taught head -> label -> probability."""

    def texts(self) -> dict[str, str]:
        """Findings as short texts: ``tags`` that hold, ``reversed``, and the label of each head."""
        said = {"tags": "; ".join(label for label, value in self.ranked() if value >= LEAST)}
        said |= {
            name: max(values, key=values.__getitem__) for name, values in self.heads.items() if any(values.values())
        }
        if self.reversed is not None:
            said["reversed"] = f"{self.reversed:.2f}"
        return {name: text for name, text in said.items() if text}

    def ranked(self) -> list[tuple[str, float]]:
        """Tags, the most probable first."""
        return sorted(self.tags.items(), key=lambda pair: (-pair[1], pair[0]))


def fields_of(catalog: Catalog) -> list[str]:
    """Names of the texts that a catalog's tracks may have."""
    settings = catalog.settings
    known = ["tags"] * bool(settings.labels) + ["reversed"] * ("reversal" in settings.outputs)
    return [*known, *(name for name, _ in settings.heads)]


def findings(catalog: Catalog) -> Iterator[Found]:
    """Findings in each track of a catalog, in its order.

    Raises:
        CatalogError: a part is damaged.
    """
    tracks, settings = Tracks(catalog), catalog.settings
    known = heads_of(catalog.folder)
    names = [name for name, _ in settings.heads if name in known]
    taught = {name: known[name](pooled(tracks).embedding) for name in names}
    for path, rows in _by_track(catalog):
        number = tracks.numbers[path]
        weights = rows.column("weight").to_numpy(zero_copy_only=False)
        yield Found(
            to_path(path),
            float(tracks.duration[number]),
            pool_probability(rows.column("reversal"), weights) if "reversal" in rows.schema.names else None,
            dict(zip(settings.labels, _pooled(rows, weights), strict=False)),
            {
                name: dict(zip(known[name].labels, values[number].tolist(), strict=True))
                for name, values in taught.items()
            },
        )


def _labelled(labels: tuple[str, ...], values: Floats) -> dict[str, float]:
    return dict(zip(labels, values.tolist(), strict=True))


def _pooled(rows: pa.RecordBatch, weights: npt.NDArray[np.float32]) -> list[float]:
    if "tags" not in rows.schema.names:
        return []
    values: Floats = np.stack([np.asarray(column, np.float32) for column in rows.column("tags").flatten()])
    return list((values @ (weights / weights.sum())).tolist())


def _by_track(catalog: Catalog) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Rows of each file, joined if they are split between batches."""
    names = ["path", "weight", *(name for name in ("reversal", "tags") if name in catalog.settings.outputs)]
    held: list[pa.RecordBatch] = []
    for batch in filter(len, catalog.batches(names)):
        paths = batch.column("path").to_pylist()
        begins = [i for i in range(len(paths)) if i == 0 or paths[i] != paths[i - 1]]
        for begin, end in zip(begins, [*begins[1:], len(paths)], strict=True):
            if held and held[0].column("path")[0].as_py() != paths[begin]:
                yield _whole(held)
                held = []
            held.append(batch.slice(begin, end - begin))
    if held:
        yield _whole(held)


def _whole(batches: list[pa.RecordBatch]) -> tuple[str, pa.RecordBatch]:
    return batches[0].column("path")[0].as_py(), pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
