"""Changes to the rows of a catalog: each of its parts is written anew, whole or not at all.

A kill leaves some parts changed and the others unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from musicfeat.catalog.locks import share, starting
from musicfeat.catalog.parts import GROUP_ROWS, parts_in, recover, write_part, writing
from musicfeat.catalog.schema import conformed, schema
from musicfeat.catalog.settings import Settings
from musicfeat.model.cores import cores


@contextmanager
def changing(folder: Path, settings: Settings) -> Iterator[None]:
    """Lock out all other writers while parts are rewritten, after the files of a killed one are recovered.

    Raises:
        CatalogError: another run is at work on the catalog, or it cannot be written.
    """
    with ExitStack() as held:
        with starting(folder), writing(folder):
            for writer in held.enter_context(share(folder, (0, 1))):
                recover(folder, settings, writer)
        with writing(folder):
            yield


def drop(folder: Path, settings: Settings, paths: set[str]) -> None:
    """Remove all rows of some files (names as in the column ``path``), part by part."""
    gone = pa.array(sorted(paths), pa.string())
    for part in parts_in(folder) if paths else []:
        held = pq.read_table(part, columns=["path"], partitioning=None).column("path")
        if pc.any(pc.is_in(held, gone)).as_py():
            write_part(part, _without(part, gone), settings)


def rewrite(
    folder: Path,
    settings: Settings,
    change: Callable[[pa.Table], pa.Table | None],
    columns: Sequence[str],
) -> int:
    """Change rows part by part.

    Args:
        folder: the catalog; no other writer may change its parts meanwhile.
        settings: settings of the catalog.
        change: some columns of a part -> columns that replace them or are added, with as many rows; None leaves the
            part unchanged.
        columns: names of the columns passed to ``change``.

    Returns:
        Number of parts that were changed.
    """
    changed, wanted = 0, _chosen(settings, columns)
    for part in parts_in(folder):
        with pq.ParquetFile(part) as file:
            held = [name for name in columns if name in file.schema_arrow.names]
            rows = conformed(file.read(held), wanted)
        new = change(rows)
        if new is not None:
            write_part(part, _replaced(part, _slices(new)), settings)
            changed += 1
    return changed


def derive(folder: Path, settings: Settings, columns: Callable[[pa.Table], pa.Table], source: Sequence[str]) -> None:
    """Compute columns of all rows from other columns, in one pass over the rows and on all cores.

    Args:
        folder: the catalog; no other writer may change its parts meanwhile.
        settings: settings of the catalog.
        columns: some rows -> columns that replace or extend theirs, with as many rows; several threads call it.
        source: names of the columns passed to ``columns``.
    """
    wanted = _chosen(settings, source)

    def written(part: Path) -> None:
        write_part(part, _replaced(part, lambda batch, _: columns(conformed(batch, wanted))), settings)

    with ThreadPoolExecutor(cores()) as pool:
        for _ in pool.map(written, parts_in(folder)):
            pass


def _chosen(settings: Settings, names: Sequence[str]) -> pa.Schema:
    whole = schema(settings)
    return pa.schema([whole.field(name) for name in names])


def _slices(rows: pa.Table) -> Callable[[pa.RecordBatch, int], pa.Table]:
    return lambda batch, done: rows.slice(done, batch.num_rows)


def _replaced(part: Path, columns: Callable[[pa.RecordBatch, int], pa.Table]) -> Iterator[pa.RecordBatch]:
    """Batches of a part with columns that are computed from each batch and the number of rows before it."""
    with pq.ParquetFile(part) as file:
        done = 0
        for batch in file.iter_batches(GROUP_ROWS):
            new = columns(batch, done).combine_chunks()
            unchanged = [name for name in batch.schema.names if name not in new.schema.names]
            arrays = [batch.column(name) for name in unchanged]
            arrays += [column.chunk(0) for column in new.columns]
            yield pa.RecordBatch.from_arrays(arrays, [*unchanged, *new.schema.names])
            done += batch.num_rows


def _without(part: Path, gone: pa.Array) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(part) as file:
        for batch in file.iter_batches(GROUP_ROWS):
            yield batch.filter(pc.invert(pc.is_in(batch.column("path"), gone)))
