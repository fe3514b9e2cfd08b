"""An index: a catalog's rows made ready for exact search, in one file that is mapped into memory.

Every row is a unit vector of ``space``, the directions of the largest variance first. A search multiplies the query
with the first 95 numbers of each row and adds the product of the lengths of what is left of both: a bound that no
similarity exceeds (Cauchy and Schwarz). Only rows whose bound reaches the k-th best similarity are compared in full.
The result is that of comparing everything, at a third of the reading.

Why no approximate index: see ``benchmarks/catalog``. A graph or an inverted file answers sooner, but takes longer to
build, misses neighbours, and brings a library larger than this package; the file of a query takes longer to embed
than the exact search of a million rows.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import portalocker

from musicfeat.catalog.arrays import ArrayWriter, open_arrays
from musicfeat.catalog.best import Best, Found, promising
from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.rows import audible, count_rows, identities
from musicfeat.catalog.space import HEAD, Floats, Space, fit, similarities
from musicfeat.errors import CatalogError

FILE = "search.index"
FORMAT = 1
MEND = "`musicfeat search --index` builds it anew, --no-index goes without"
PROBES = 512
"""Rows of the highest bounds that are compared first, to learn how similar the k-th best is."""
LOWEST = -2.0
"""Below every similarity."""
CHUNK_ROWS = 16384
Ints = npt.NDArray[np.integer]


@dataclass(frozen=True)
class State:
    """How an index and its catalog stand to each other."""

    newer: list[Path]
    """Parts that the index does not hold."""
    changed: list[str]
    """Names of parts that it holds and that were rewritten or removed since: it is of no use then."""


class Index:
    """An index, opened; memory is what the system caches of its file.

    Args:
        catalog: whose folder holds it.

    Raises:
        FileNotFoundError: there is none.
        CatalogError: it is damaged, or of another version or model.
    """

    def __init__(self, catalog: Catalog) -> None:
        try:
            facts, arrays = open_arrays(catalog.folder / FILE)
        except CatalogError as error:
            raise CatalogError(f"{error}: {MEND}") from error
        expected = FORMAT, catalog.settings.model_sha256
        if (facts.get("format"), facts.get("model_sha256")) != expected:
            raise CatalogError(f"{catalog.folder / FILE} belongs to another model or version: {MEND}")
        self.parts: dict[str, str] = facts["parts"]
        self.space = Space(np.array(arrays["matrix"]))
        self._arrays = arrays
        self._tracks = arrays["track"]

    def __len__(self) -> int:
        return len(self._tracks)

    def state(self, catalog: Catalog) -> State:
        """Hold the index against the catalog's parts."""
        now = identities(catalog.parts)
        changed = [name for name, identity in self.parts.items() if now.get(name) != identity]
        return State([part for part in catalog.parts if part.name not in self.parts], changed)

    def search(self, query: Floats, best: Best, path: str | None = None, sha256: str | None = None) -> None:
        """Add the nearest rows to ``best``; those of a file with this path or digest do not count.

        Args:
            query: [D] unit vector of ``space``.
            best: takes the rows.
            path, sha256: as in the columns.
        """
        if not len(self):
            return
        width = self._arrays["head"].shape[1] - 1
        rest = _rest(query, width)
        bounds = np.asarray(self._arrays["head"] @ np.append(query[:width], rest))
        for track in self._left_out(path, sha256):
            bounds[np.searchsorted(self._tracks, track) : np.searchsorted(self._tracks, track, "right")] = -np.inf
        above, wanted = np.inf, PROBES
        while np.isinf(best.floor) and above > LOWEST:  # once, unless few tracks have all the highest bounds
            height = self._height(bounds, wanted)
            self._compare(np.flatnonzero((bounds >= height) & (bounds < above)), bounds, query, best)
            above, wanted = height, 16 * wanted
        self._compare(np.flatnonzero((bounds >= max(best.floor, LOWEST)) & (bounds < above)), bounds, query, best)

    def _height(self, bounds: Floats, wanted: int) -> float:
        """About what so many bounds exceed."""
        some = bounds[:: max(1, len(bounds) // (1 << 15))]
        count = max(1, wanted * len(some) // len(bounds))
        return max(LOWEST, float(np.partition(some, -count)[-count])) if count < len(some) else LOWEST

    def _compare(self, rows: Ints, bounds: Floats, query: Floats, best: Best) -> None:
        """Compare some rows in full: where the bound has the product of lengths, put what the rest really gives."""
        heads, width = self._arrays["head"], self._arrays["head"].shape[1] - 1
        rest = _rest(query, width)
        for first in range(0, len(rows), CHUNK_ROWS):
            some = rows[first : first + CHUNK_ROWS]
            tails = self._arrays["tail"][some].astype(np.float32)
            scores = bounds[some] - rest * heads[some, width] + tails @ query[width:]
            kept = promising(scores, None if best.windows else self._tracks[some], best.k, best.floor)
            exact = similarities(np.concatenate([heads[some[kept], :width], tails[kept]], axis=1), query)
            best.add(map(self._found, some[kept], exact))

    def _found(self, row: int, similarity: float) -> Found:
        start, end = self._arrays["time"][row].tolist()
        return Found(float(similarity), self._path(int(self._tracks[row])), start, end)

    def _path(self, track: int) -> str:
        first, last = self._arrays["path_ends"][track : track + 2]
        return self._arrays["paths"][first:last].tobytes().decode()

    def _left_out(self, path: str | None, sha256: str | None) -> Ints:
        keys = [key_of(text) for text in (path, sha256)]
        return np.flatnonzero((self._arrays["keys"] == np.array(keys, np.uint64)).any(axis=1))


def _rest(query: Floats, width: int) -> np.float32:
    """The length of a query behind its head; a hair more, so that no rounding makes a bound too low."""
    return np.float32(np.linalg.norm(query[width:]) * (1 + 1e-5))


def build(catalog: Catalog) -> Index:
    """Write the index of a catalog, whole or not at all, in the place of an older one.

    Takes as much disk as the embeddings in half precision and a third more; memory for the names of the files.

    Raises:
        CatalogError: the folder cannot be written, a part is damaged, or another process builds the index.
    """
    try:
        with (
            portalocker.Lock(catalog.folder / ".lock-index", "a", timeout=0, fail_when_locked=True),
            ArrayWriter(catalog.folder / FILE) as writer,
        ):
            _write(catalog, writer)
    except portalocker.LockException as error:
        raise CatalogError(f"the index of {catalog.folder} is being built by another process: wait for it") from error
    except OSError as error:
        raise CatalogError(f"the index of {catalog.folder} cannot be written: {error}") from error
    return Index(catalog)


def _write(catalog: Catalog, writer: ArrayWriter) -> None:
    parts = catalog.parts
    held = identities(parts)
    space = fit(catalog)
    dimension = len(space.matrix)
    head_width = min(HEAD, dimension)
    most, rows = count_rows(parts), 0
    heads = writer.reserve("head", (most, head_width + 1), np.float32)
    tails = writer.reserve("tail", (most, dimension - head_width), np.float16)
    times = writer.reserve("time", (most, 2), np.float64)
    tracks = writer.reserve("track", (most,), np.int32)
    names = Names()
    for batch, embeddings in audible(catalog, parts, ["path", "sha256", "start", "end"]):
        unit = space.unit(embeddings)
        place = slice(rows, rows + len(unit))
        heads[place, :-1], tails[place] = unit[:, :head_width], unit[:, head_width:]
        heads[place, -1] = np.linalg.norm(unit[:, head_width:], axis=1)
        times[place] = np.stack([batch.column("start"), batch.column("end")], axis=1)
        tracks[place] = names.add(batch.column("path").to_pylist(), batch.column("sha256").to_pylist())
        rows += len(unit)
    if identities([part for part in parts if part.exists()]) != held:
        raise CatalogError(f"{catalog.folder} was rewritten while it was indexed: try again")
    names.write(writer)
    writer.add("matrix", space.matrix)
    facts = {"format": FORMAT, "model_sha256": catalog.settings.model_sha256, "parts": held}
    shapes = {"head": heads.shape, "tail": tails.shape, "time": times.shape, "track": tracks.shape}
    writer.finish(facts, {name: (rows, *shape[1:]) for name, shape in shapes.items()})


class Names:
    """Paths and digests of tracks, numbered as they come."""

    def __init__(self) -> None:
        self._last: tuple[str, str] | None = None
        self._paths = bytearray()
        self._ends, self._keys = [0], list[tuple[int, int]]()

    def add(self, paths: list[str], digests: list[str]) -> list[int]:
        """The number of each row's track."""
        numbers = []
        for pair in zip(paths, digests, strict=True):
            if pair != self._last:
                self._last = pair
                self._paths += pair[0].encode()
                self._ends.append(len(self._paths))
                self._keys.append((key_of(pair[0]), key_of(pair[1])))
            numbers.append(len(self._keys) - 1)
        return numbers

    def write(self, writer: ArrayWriter) -> None:
        """Write them down as arrays."""
        writer.add("paths", np.frombuffer(bytes(self._paths), np.uint8))
        writer.add("path_ends", np.array(self._ends, np.int64))
        writer.add("keys", np.array(self._keys, np.uint64).reshape(-1, 2))


def key_of(text: str | None) -> int:
    """64 bits that stand for a text; 0 for none."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) if text else 0


def usable(catalog: Catalog) -> tuple[Index | None, State | None, str]:
    """The index of a catalog if it has one that is of use, and otherwise why not.

    Raises:
        CatalogError: it is damaged.
    """
    try:
        index = Index(catalog)
    except FileNotFoundError:
        return None, None, f"{os.fspath(catalog.folder)} has no index"
    state = index.state(catalog)
    if state.changed:
        return None, None, f"the index is out of date: {len(state.changed)} of its parts were rewritten or removed"
    return index, state, ""
