"""Runs of ``musicfeat embed``, killed at random moments and resumed once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from catalog.runs import Row, start, write_files

from musicfeat.catalog import Catalog
from musicfeat.catalog.reader import vectors

TOLERANCE = 1e-5
LONGEST_SECONDS = 60
"""Length of the longest file in the runs that are killed."""
ALONE_EVERY, EARLY_EVERY = 3, 5
"""Every third kill hits only the parent, the others its process group; every fifth comes before the first row."""
ORPHAN_SECONDS = 10

Values = dict[tuple[str, int], npt.NDArray[np.float32]]


def contents(out: Path) -> tuple[Values, int]:
    """All numbers of each row by file and window, and the number of duplicate rows."""
    table = Catalog(out).table(where=None)
    keys = list(zip(table.column("path").to_pylist(), table.column("window").to_pylist(), strict=True))
    numbers = [vectors(table), *(_column(table, name) for name in ("start", "end", "weight", "reversal", "jigsaw"))]
    tags = table.column("tags").combine_chunks().flatten()
    values = np.column_stack([*numbers, *(np.asarray(tag, dtype=np.float32) for tag in tags)])
    return dict(zip(keys, values, strict=True)), len(keys) - len(set(keys))


def _column(table: pa.Table, name: str) -> npt.NDArray[np.float32]:
    return table.column(name).to_numpy().astype(np.float32)


def kills(folder: Path, files: int, count: int, seed: int) -> list[Row]:
    """Kill a run at a random moment and resume it, ``count`` times; compare each with an undisturbed run."""
    write_files(folder / "files", files, files, LONGEST_SECONDS)
    first, seconds = _times(folder / "files", folder / "whole")
    expected, doubled = contents(folder / "whole")
    generator, bad, kept = np.random.default_rng(seed), Counter(lost=0, doubled=doubled, torn=0), list[int]()
    while len(kept) < count:
        out = folder / f"{len(kept)}"
        shutil.rmtree(out, ignore_errors=True)
        run, alone = start(folder / "files", out), len(kept) % ALONE_EVERY == 0
        if len(kept) % EARLY_EVERY:
            _wait_for_rows(run, out)
        if _killed(run, generator.uniform(0, seconds - first if len(kept) % EARLY_EVERY else first), alone):
            kept.append(_finished(out))
            assert start(folder / "files", out).wait() == 0
            bad.update(_compared(expected, *contents(out)))
    where = f"{count} kills of a run over {files} files ({len(expected)} rows), each resumed once"
    return [
        [f"{where}: rows lost / doubled / torn", f"{bad['lost']} / {bad['doubled']} / {bad['torn']}", "0 / 0 / 0"],
        ["files that were finished at the kill: least / median / most", _spread(kept), ""],
    ]


def _spread(counts: list[int]) -> str:
    return f"{min(counts)} / {int(np.median(counts))} / {max(counts)}"


def _times(sources: Path, out: Path) -> tuple[float, float]:
    """Seconds of a run until its first row, and until its end."""
    began = time.monotonic()
    run = start(sources, out)
    _wait_for_rows(run, out)
    first = time.monotonic() - began
    assert run.wait() == 0
    return first, time.monotonic() - began


def _wait_for_rows(run: subprocess.Popen[bytes], out: Path) -> None:
    while run.poll() is None and not list(out.glob("*part-*")):
        time.sleep(0.005)


def _killed(run: subprocess.Popen[bytes], seconds: float, alone: bool) -> bool:
    """Kill a run that is still working; orphaned workers must end by themselves."""
    try:
        run.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        children = psutil.Process(run.pid).children(recursive=True)
        if alone:
            run.kill()
        else:
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        assert not psutil.wait_procs(children, ORPHAN_SECONDS)[1], "workers outlive their parent"
        return True


def _finished(out: Path) -> int:
    """Number of files that are complete in the journal or the part of a killed run."""
    found = {path for part in out.glob("part-*") for path in pq.read_table(part, columns=["path"])["path"].to_pylist()}
    for journal in out.glob(".part-*.arrows"):
        with suppress(pa.ArrowException, OSError), pa.OSFile(str(journal)) as file:
            for batch in pa.ipc.open_stream(file):
                found |= set(batch.column("path").to_pylist())
    return len(found)


def _compared(expected: Values, found: Values, doubled: int) -> dict[str, int]:
    torn = sum(not np.allclose(found[key], expected[key], atol=TOLERANCE) for key in expected.keys() & found.keys())
    return {"lost": len(expected.keys() - found.keys()), "doubled": doubled, "torn": torn}
