"""Index of a catalog's embeddings, which finds the most similar ones without reading the rest.

FAISS stores and searches the vectors (see ``ivf``); a file mapped into memory holds their times and tracks.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from musicfeat.catalog.locking import portalocker
from musicfeat.catalog.reader import Catalog, count_rows
from musicfeat.catalog.search.arrays import ArrayWriter, open_arrays
from musicfeat.catalog.search.best import Best, Found
from musicfeat.catalog.search.ivf import MEND, new_vectors, open_vectors, write_vectors
from musicfeat.catalog.search.rows import audible, identities
from musicfeat.catalog.search.space import DIGITS, Floats, Space, fit
from musicfeat.errors import CatalogError

FILE = "search.index"
FORMAT = 1
FIRST_ROWS = 512
"""Number of rows that are fetched first; many of them may be windows of one track."""
Ints = npt.NDArray[np.integer]


@dataclass(frozen=True)
class State:
    """Differences between an index and its catalog."""

    newer: list[Path]
    """Parts of the catalog that the index does not hold."""
    changed: list[str]
    """Names of indexed parts that were rewritten or removed since; if there are any, the index is unusable."""


class Index:
    """An opened index; its memory is mostly the system's cache of its files.

    Args:
        catalog: the catalog whose folder holds it.

    Raises:
        FileNotFoundError: the catalog has no index.
        CatalogError: the index is damaged, of another version or model, or FAISS is missing.
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
        self._vectors = open_vectors(catalog.folder / facts["vectors"], facts["size"])

    def __len__(self) -> int:
        return len(self._tracks)

    def state(self, catalog: Catalog) -> State:
        """Differences between the index and the catalog's parts."""
        now = identities(catalog.parts)
        changed = [name for name, identity in self.parts.items() if now.get(name) != identity]
        return State([part for part in catalog.parts if part.name not in self.parts], changed)

    def search(self, query: Floats, best: Best, path: str | None = None, sha256: str | None = None) -> None:
        """Add the nearest rows to ``best``, except those of a file with this path or digest.

        Args:
            query: [D] unit vector of ``space``.
            best: receives the rows.
            path, sha256: values of these columns.
        """
        left_out, wanted, found = self._left_out(path, sha256), FIRST_ROWS, 0
        while found < min(wanted, len(self)):
            wanted = min(wanted, len(self))
            scores, rows = (values[0] for values in self._vectors.search(query[None], wanted))
            found = int(np.count_nonzero(rows >= 0))
            counts = (rows >= 0) & ~np.isin(self._tracks[rows], left_out)
            rows, scores = rows[counts], np.clip(scores[counts], -1, 1).round(DIGITS)
            near = scores >= self._floor(rows, scores, best)
            best.add(map(self._found, rows[near], scores[near]))
            if len(best.rows) == best.k or found < wanted:
                break
            wanted *= 16

    def _floor(self, rows: Ints, scores: Floats, best: Best) -> float:
        """Similarity of the k-th row, or of the k-th track's best row; rows are sorted by falling similarity."""
        peaks = scores
        if not best.windows:
            peaks = scores[np.sort(np.unique(self._tracks[rows], return_index=True)[1])]
        return float(peaks[best.k - 1]) if len(peaks) >= best.k else -np.inf

    def _found(self, row: int, similarity: float) -> Found:
        start, end = self._arrays["time"][row].tolist()
        return Found(float(similarity), self._path(int(self._tracks[row])), start, end)

    def _path(self, track: int) -> str:
        first, last = self._arrays["path_ends"][track : track + 2]
        return self._arrays["paths"][first:last].tobytes().decode()

    def _left_out(self, path: str | None, sha256: str | None) -> Ints:
        keys = [key_of(text) for text in (path, sha256)]
        return np.flatnonzero(self._arrays["keys"] == np.array(keys, np.uint64)) // len(keys)


def build(catalog: Catalog) -> Index:
    """Write the index of a catalog, whole or not at all, and replace an older one.

    The index takes as much disk, and while it is built as much memory, as the embeddings in half precision.

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
    held, space, most = identities(parts), fit(catalog), count_rows(parts)
    times = writer.reserve("time", (most, 2), np.float64)
    tracks = writer.reserve("track", (most,), np.int32)
    names, rows, vectors = Names(), 0, new_vectors(catalog, space, most)
    for batch, embeddings in audible(catalog, parts, ["path", "sha256", "start", "end"]):
        place = slice(rows, rows + len(embeddings))
        vectors.add(space.unit(embeddings))
        times[place] = np.stack([batch.column("start"), batch.column("end")], axis=1)
        tracks[place] = names.add(batch.column("path").to_pylist(), batch.column("sha256").to_pylist())
        rows += len(embeddings)
    if identities([part for part in parts if part.exists()]) != held:
        raise CatalogError(f"{catalog.folder} was rewritten while it was indexed: try again")
    names.write(writer)
    writer.add("matrix", space.matrix)
    file = write_vectors(vectors, catalog.folder)
    facts = {"format": FORMAT, "model_sha256": catalog.settings.model_sha256, "parts": held}
    facts |= {"vectors": file.name, "size": file.stat().st_size}
    writer.finish(facts, {"time": (rows, 2), "track": (rows,)})
    for old in catalog.folder.glob("search-*.faiss"):
        if old != file:
            old.unlink()


class Names:
    """Paths and digests of tracks, numbered in order of arrival."""

    def __init__(self) -> None:
        self._last: tuple[str, str] | None = None
        self._paths = bytearray()
        self._ends, self._keys = [0], list[tuple[int, int]]()

    def add(self, paths: list[str], digests: list[str]) -> list[int]:
        """Track numbers of rows with these paths and digests."""
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
        """Write the paths and digests as arrays."""
        writer.add("paths", np.frombuffer(bytes(self._paths), np.uint8))
        writer.add("path_ends", np.array(self._ends, np.int64))
        writer.add("keys", np.array(self._keys, np.uint64).reshape(-1, 2))


def key_of(text: str | None) -> int:
    """64-bit key of a text; 0 for None."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) if text else 0


def usable(catalog: Catalog) -> tuple[Index | None, State | None, str]:
    """The index of a catalog, if it is usable, its state, and the reason if it is not.

    Raises:
        CatalogError: the index is damaged.
    """
    try:
        index = Index(catalog)
    except FileNotFoundError:
        return None, None, f"{os.fspath(catalog.folder)} has no index"
    state = index.state(catalog)
    if state.changed:
        return None, None, f"the index is out of date: {len(state.changed)} of its parts were rewritten or removed"
    return index, state, ""
