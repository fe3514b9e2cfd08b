"""Tracks of a catalog with file, length and credits, one row each; kept in a hidden file beside the parts."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from musicfeat.catalog.credits import NAMES, name_of
from musicfeat.catalog.names import absolute, to_path, to_text
from musicfeat.catalog.reader import OK, Catalog
from musicfeat.catalog.schema import schema
from musicfeat.catalog.search.rows import identities
from musicfeat.errors import CatalogError, InputError
from musicfeat.files import replacing

FILE = ".tracks.arrow"
FORMAT = "1"
COLUMNS = ("path", "sha256", "duration", *NAMES)
SHOWN = 3
"""Number of tracks that an error names."""


class Tracks:
    """The T files of a catalog that have features, in its order.

    Args:
        catalog: the catalog to read.

    Raises:
        CatalogError: a part is damaged.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.identity = json.dumps([FORMAT, identities(catalog.parts)], sort_keys=True)
        """Text that changes with the catalog's content."""
        self.table: pa.Table = self._held() or self._read()
        """[T] rows of ``COLUMNS``."""

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def paths(self) -> list[str]:
        """[T] values of the column ``path``."""
        return self.table.column("path").to_pylist()

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Number of each track by its ``path``."""
        return {path: number for number, path in enumerate(self.paths)}

    @cached_property
    def digests(self) -> list[str]:
        """[T] values of the column ``sha256``."""
        return self.table.column("sha256").to_pylist()

    @cached_property
    def duration(self) -> npt.NDArray[np.float64]:
        """[T] length of each track in seconds."""
        return np.nan_to_num(self.table.column("duration").to_numpy().astype(np.float64))

    def row(self, number: int) -> dict[str, Any]:
        """Values of a track by column, with ``path`` as in the file system and ``name`` for people."""
        row = {name: self.table.column(name)[number].as_py() for name in COLUMNS}
        path = to_path(row["path"])
        return row | {"path": path, "name": name_of(path, row["title"], row["artist"])}

    def rows(self, paths: Iterable[str]) -> list[dict[str, Any]]:
        """``row`` of each file; for a file not in the catalog, all but its path and its file's name is None."""
        nothing = dict.fromkeys(COLUMNS)
        numbers = [(path, self.numbers.get(to_text(path))) for path in paths]
        return [
            {**nothing, "path": path, "name": name_of(path, None, None)} if number is None else self.row(number)
            for path, number in numbers
        ]

    def groups(self, column: str) -> npt.NDArray[np.int64]:
        """[T] numbers, equal for tracks with equal values of a column regardless of case; -1 for an empty value."""
        folded = pc.utf8_lower(self.table.column(column).combine_chunks()).dictionary_encode()
        return np.asarray(pc.fill_null(folded.indices, -1), np.int64)

    def find(self, asked: str | os.PathLike[str]) -> int:
        """Number of the track that a user means.

        Args:
            asked: its file; or its title, "Artist - Title", or words that no other track has in artist, title, album
                and name of the file.

        Raises:
            InputError: no track matches, or several do.
        """
        number = self.numbers.get(to_text(absolute(asked)))
        if number is not None:
            return number
        text = to_text(os.fspath(asked)).lower()
        near = self._holding([word for word in text.split() if any(map(str.isalnum, word))])
        found = [number for number in near if text in self._titles(number)] or near
        if len(found) == 1:
            return found[0]
        raise InputError(self._unclear(to_text(os.fspath(asked)), found))

    def _titles(self, number: int) -> tuple[str, ...]:
        row = self.row(number)
        return tuple(str(text or "").lower() for text in (row["title"], row["name"]))

    def _holding(self, words: Sequence[str]) -> list[int]:
        if not words:
            return []
        mask = pc.match_substring(self._words, words[0])
        for word in words[1:]:
            mask = pc.and_(mask, pc.match_substring(self._words, word))
        return list(np.flatnonzero(np.asarray(mask)).tolist())

    @cached_property
    def _words(self) -> pa.Array:
        """[T] lower-case texts that are searched for words."""
        columns = [pc.fill_null(self.table.column(name), "") for name in ("artist", "title", "album")]
        files = pa.chunked_array([[os.path.basename(path) for path in self.paths]], pa.string())
        return pc.utf8_lower(pc.binary_join_element_wise(*columns, files, " ")).combine_chunks()

    def _unclear(self, asked: str, found: Sequence[int]) -> str:
        if found:
            some = "; ".join(str(self.row(number)["path"]) for number in found[:SHOWN])
            return f"{len(found)} tracks are called {asked!r}, such as {some}: name the file"
        names = [str(name) for name in self.table.column("title").to_pylist() if name]
        near = difflib.get_close_matches(asked, names[:20000], SHOWN) if names else []
        meant = f"did you mean {' or '.join(map(repr, near))}?" if near else "name a file, a title or 'Artist - Title'"
        return f"{self.catalog.folder} has no track {asked!r}: {meant}"

    def _held(self) -> pa.Table | None:
        try:
            with pa.memory_map(os.fspath(self.catalog.folder / FILE)) as file:
                table = pa.ipc.open_file(file).read_all()
        except (OSError, pa.ArrowInvalid):
            return None
        held = (table.schema.metadata or {}).get(b"parts", b"").decode()
        return table if held == self.identity and table.schema.names == list(COLUMNS) else None

    def _read(self) -> pa.Table:
        wanted = pa.schema([schema(self.catalog.settings).field(name) for name in COLUMNS])
        batches = self.catalog.batches(COLUMNS, OK & (ds.field("window") == 0))
        table = pa.Table.from_batches([batch for batch in batches if batch.num_rows], wanted)
        table = table.replace_schema_metadata({"parts": self.identity}).combine_chunks()
        with (
            suppress(OSError, CatalogError),  # the catalog may be read-only
            replacing(self.catalog.folder / FILE) as temporary,
            pa.ipc.new_file(os.fspath(temporary), table.schema) as file,
        ):
            file.write_table(table)
        return table
