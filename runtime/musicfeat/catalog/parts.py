"""Files of a catalog's rows: a journal that grows file by file, and Parquet parts that appear whole.

Every finished file is appended to a journal (an Arrow stream, one record batch a file), so that a kill costs no
finished file. A full journal is rewritten as a Parquet part, which gets its name when it is complete; a journal that
a killed run left behind becomes a part when the next run begins, without a half-written batch at its end.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from musicfeat.catalog.schema import CREDIT_COLUMNS, conformed, schema
from musicfeat.catalog.settings import Settings
from musicfeat.errors import CatalogError
from musicfeat.files import sync

CHECKSUM = b"crc32"
"""Key of the metadata of each batch of a journal."""
PART_ROWS = 32768
GROUP_ROWS = 512
JOINED = 64
"""Number of batches that are joined at once."""
FRUGAL = pa.system_memory_pool()
"""Memory pool of the system; Arrow's default one keeps much of the freed memory."""
DICTIONARY_COLUMNS = ("path", "sha256", *CREDIT_COLUMNS, "model", "model_sha256", "status", "error")
"""Columns whose values repeat and are stored with a dictionary."""
STATUS = pa.array(["ok", "error"])


def parts_in(folder: Path) -> list[Path]:
    """The Parquet parts in a catalog's folder, in the order of their names."""
    return sorted(folder.glob("part-*.parquet"))


class Writer:
    """Writer that appends rows of whole files to a catalog.

    Args:
        folder: the catalog; no other writer may use the same ``name`` at the same time.
        settings: settings of the catalog.
        name: name of this writer, part of its files' names.
    """

    def __init__(self, folder: Path, settings: Settings, name: str) -> None:
        self._folder, self._settings, self._name = folder, settings, name
        self._number = 1 + max((_number(path) for path in folder.glob(f"*part-{name}-*")), default=0)
        self._rows = 0
        self._stream: pa.ipc.RecordBatchStreamWriter | None = None
        self._file: pa.NativeFile | None = None

    def append(self, batch: pa.RecordBatch) -> None:
        """Append a file's rows to the journal.

        Raises:
            CatalogError: the disk is full or gone; rows appended before are kept.
        """
        with writing(self._folder):
            if self._stream is None:
                self._file = pa.OSFile(os.fspath(self._journal), "wb")
                self._stream = pa.ipc.new_stream(self._file, batch.schema)
            self._stream.write_batch(batch, custom_metadata={CHECKSUM: _checksum(batch)})
        self._rows += batch.num_rows
        if self._rows >= PART_ROWS:
            self.seal()

    def seal(self) -> None:
        """Turn the journal into a part."""
        if self._stream is None or self._file is None:
            return
        self._stream, self._rows = None, 0  # not closed: an end mark behind half a batch could pass for its rest
        with writing(self._folder):
            self._file.close()
            seal(self._journal, self._settings)
        self._number += 1

    @property
    def _journal(self) -> Path:
        return self._folder / f".part-{self._name}-{self._number:06d}.arrows"


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Raise CatalogError with advice if the disk is full or gone."""
    try:
        yield
    except OSError as error:
        raise CatalogError(
            f"{folder} cannot be written ({error}); finished files are kept: mend it and run again"
        ) from error


def recover(folder: Path, settings: Settings, name: str) -> None:
    """Seal the journals of a killed writer as parts, and remove its half-written files."""
    for journal in sorted(folder.glob(f".part-{name}-*.arrows")):
        seal(journal, settings)
    for temporary in folder.glob(f".part-{name}-*.tmp"):
        temporary.unlink()


def seal(journal: Path, settings: Settings) -> None:
    """Write a journal as the Parquet part of its name, then remove it; doing so twice is harmless."""
    part = journal.parent / f"{journal.stem.removeprefix('.')}.parquet"
    if not part.exists():
        write_part(part, _journaled(journal), settings)
    journal.unlink()


def _number(path: Path) -> int:
    digits = path.stem.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0


def _journaled(journal: Path) -> Iterator[pa.RecordBatch]:
    """Batches of a journal, up to its end, a cut, or zeros left by a power failure."""
    with pa.OSFile(os.fspath(journal), "rb") as file:
        try:
            stream = pa.ipc.open_stream(file, memory_pool=FRUGAL)
            for batch, metadata in stream.iter_batches_with_custom_metadata():
                batch.validate(full=True)
                if not pc.all(pc.is_in(batch.column("status"), STATUS)).as_py():
                    return
                if metadata and metadata.get(CHECKSUM) != _checksum(batch):  # journals before 0.9.0 have none
                    return
                yield batch
        except (pa.ArrowException, OSError):
            return


def _checksum(batch: pa.RecordBatch) -> bytes:
    """CRC-32 of a batch as it is written."""
    return b"%08x" % zlib.crc32(batch.serialize())


def write_part(part: Path, batches: Iterable[pa.RecordBatch], settings: Settings) -> None:
    """Write a part under another name, then move it into place; write none if there are no rows."""
    temporary = part.parent / f".{part.name}.tmp"
    wanted, rows = schema(settings), 0
    try:
        with pq.ParquetWriter(
            temporary, wanted, compression="zstd", use_dictionary=list(DICTIONARY_COLUMNS), memory_pool=FRUGAL
        ) as writer:
            for table in _gathered(batches, wanted):
                writer.write_table(table, GROUP_ROWS)
                rows += table.num_rows
        if not rows:
            part.unlink(missing_ok=True)
            return
        sync(temporary)
        os.replace(temporary, part)
    finally:
        temporary.unlink(missing_ok=True)
    sync(part.parent)


def _gathered(batches: Iterable[pa.RecordBatch], wanted: pa.Schema) -> Iterator[pa.Table]:
    """Tables of about ``GROUP_ROWS`` rows, joined early because a batch of one row takes more memory than its row."""
    held, small, rows = list[pa.Table](), list[pa.RecordBatch](), 0
    for batch in batches:
        small.append(batch)
        rows += batch.num_rows
        if len(small) == JOINED or rows >= GROUP_ROWS:
            held.append(_joined(small, wanted))
            small = []
        if rows >= GROUP_ROWS:
            yield pa.concat_tables(held).combine_chunks(FRUGAL)
            held, rows = [], 0
    yield pa.concat_tables([*held, _joined(small, wanted)]).combine_chunks(FRUGAL)


def _joined(batches: list[pa.RecordBatch], wanted: pa.Schema) -> pa.Table:
    return pa.concat_tables([wanted.empty_table(), *(conformed(some, wanted) for some in batches)]).combine_chunks(
        FRUGAL
    )
