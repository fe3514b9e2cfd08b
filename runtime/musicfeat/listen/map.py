"""The map: a few numbers for every audible window, as little-endian columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from musicfeat.listen.facts import rounded
from musicfeat.listen.library import Library
from musicfeat.listen.projection import Floats

ALIGNMENT = 4
NO_TAG = 255
MOST_SOURCES = 65535
"""Largest source number in 16 bits; further sources count as the last."""


class Map:
    """The columns of the map.

    Args:
        library: the catalog.
        kind: name of the layout.
        layout: [n, 2] places of the audible windows.
    """

    def __init__(self, library: Library, kind: str, layout: Floats) -> None:
        heard = np.flatnonzero(library.heard)
        columns, values = library.columns, library.columns.values
        track = columns.track[heard]
        unknown = np.full(len(columns), np.nan, np.float32)
        sources = np.minimum(np.asarray(library.files.source_of, np.int64), MOST_SOURCES)
        arrays: dict[str, npt.NDArray[Any]] = {
            "x": layout[:, 0],
            "y": layout[:, 1],
            "track": track,
            "start": values["start"][heard].astype(np.float32),
            "reversal": values.get("reversal", unknown)[heard],
            "jigsaw": values.get("jigsaw", unknown)[heard],
            "change": library.vectors.change[heard],
            "tag": _strongest(columns.tags, heard),
            "source": sources[track].astype(np.uint16) if len(track) else np.empty(0, np.uint16),
        }
        self.layout = kind
        self.count, self.described, parts, offset = len(heard), list[dict[str, Any]](), list[bytes](), 0
        for name, array in arrays.items():
            data = array.astype(array.dtype.newbyteorder("<")).tobytes()
            whole = array[np.isfinite(array)] if array.dtype.kind == "f" else array
            low, high = (rounded(whole.min()), rounded(whole.max())) if len(whole) else (None, None)
            self.described.append(
                {"name": name, "type": str(array.dtype), "offset": offset, "length": len(array)}
                | {"minimum": low, "maximum": high}
            )
            parts += [data, bytes(-len(data) % ALIGNMENT)]
            offset += len(data) + -len(data) % ALIGNMENT
        self.data = b"".join(parts)


def _strongest(tags: npt.NDArray[np.float16] | None, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    if tags is None:
        return np.full(len(rows), NO_TAG, np.uint8)
    return np.minimum(tags[rows].argmax(axis=1), NO_TAG).astype(np.uint8)
