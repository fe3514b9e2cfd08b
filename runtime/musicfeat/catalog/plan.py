"""What a run has to do: which files are new, changed, failed before or done."""

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
    """Files of a list, sorted by what they need."""

    todo: list[str] = field(default_factory=list)
    stale: set[str] = field(default_factory=set)
    """Those of ``todo`` that have rows, as the column ``path`` names them."""
    unchanged: int = 0
    failed: int = 0
    """Of the unchanged, those without features."""


def plan(catalog: Catalog, paths: Iterable[str], retry_failed: bool) -> Plan:
    """Compare files with what a catalog holds; a file that is gone is left as it is."""
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
    """Digest of a path -> digest of its state, and whether it failed: small, for there may be millions."""
    known = {}
    for batch in catalog.batches(["path", "size", "mtime", "status"], ds.field("window") == 0):
        times = pc.cast(batch.column("mtime"), "int64").to_pylist()
        columns = (batch.column(name).to_pylist() for name in ("path", "size", "status"))
        for path, size, status, time in zip(*columns, times, strict=True):
            known[_key(path)] = hash((size, time)), status == "error"
    return known


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
