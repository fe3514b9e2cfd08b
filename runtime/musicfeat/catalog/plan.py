"""Plan of a run: the files that are new, changed, failed before or done."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow.compute as pc
import pyarrow.dataset as ds

from musicfeat.catalog.names import to_text
from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.workers.file_state import state


@dataclass
class Plan:
    """Files of a list by the work that they need."""

    todo: list[str] = field(default_factory=list)
    stale: set[str] = field(default_factory=set)
    """Files of ``todo`` that have rows, by their names in the column ``path``."""
    unchanged: int = 0
    failed: int = 0
    """Number of unchanged files without features."""


def plan(catalog: Catalog, paths: Iterable[str], retry_failed: bool) -> Plan:
    """Plan for files, compared with a catalog's rows; a missing file counts as unchanged if it has rows."""
    known, found = _known(catalog), Plan()
    for path in paths:
        text = to_text(path)
        held = known.get(_key(text))
        now = state(path)
        same = held is not None and (now == (None, None) or held[0] == hash(now))
        if held is None or not same or (held[1] and retry_failed):
            found.todo.append(path)
            found.stale |= set() if held is None else {text}
        else:
            found.unchanged += 1
            found.failed += held[1]
    return found


def _known(catalog: Catalog) -> dict[bytes, tuple[int, bool]]:
    """Digest of a path -> digest of its state, and True if it failed; small, as there may be millions."""
    known = {}
    for batch in catalog.batches(["path", "size", "mtime", "status"], ds.field("window") == 0):
        times = pc.cast(batch.column("mtime"), "int64").to_pylist()
        columns = (batch.column(name).to_pylist() for name in ("path", "size", "status"))
        for path, size, status, time in zip(*columns, times, strict=True):
            known[_key(path)] = hash((size, time)), status == "error"
    return known


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
