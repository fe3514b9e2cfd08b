"""What `musicfeat embed` survives: kills at random moments, damaged files of every format, many files and long ones.

python benchmarks/catalog/robustness.py [--kills 50] [--files 60] [--mutants 2000] [--many 10000] [--hours 20]

A number of 0 leaves its part out. Needs psutil. The long file is written at --rate, low to keep the disk free; memory
does not depend on it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

sys.path.insert(0, str(Path(__file__).parents[1]))

from _mutants import write_mutants
from _table import markdown

from musicfeat import Extractor, MusicfeatError
from musicfeat.catalog import Catalog
from musicfeat.catalog.names import to_path
from musicfeat.catalog.reader import vectors
from musicfeat.demo import RATE, synthesise

WORKERS = 2
TOLERANCE = 1e-5
LONGEST_SECONDS = 60
"""Of the files of the runs that are killed."""
ALONE_EVERY, EARLY_EVERY = 3, 5
"""Every third kill hits the parent alone, the others its process group; every fifth comes before the first row."""
ORPHAN_SECONDS = 10
MEMORY_BAR = 400
"""MB of all processes together."""
DIFFERENT = 8
"""Of many files; the others are links to these."""
SAMPLE_SECONDS = 0.2
CRASHED, GIVEN_UP = "crashed its worker process", "time limit"

Row = list[str]
Values = dict[tuple[str, int], npt.NDArray[np.float32]]


def start(sources: Path, out: Path) -> subprocess.Popen[bytes]:
    """A run in a process group of its own."""
    command = [sys.executable, "-m", "musicfeat.cli", "embed", str(sources), "-o", str(out), "--workers", str(WORKERS)]
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def contents(out: Path) -> tuple[Values, int]:
    """All numbers of each row by file and window, and how many rows stand there twice."""
    table = Catalog(out).table(where=None)
    keys = list(zip(table.column("path").to_pylist(), table.column("window").to_pylist(), strict=True))
    numbers = [vectors(table), *(_column(table, name) for name in ("start", "end", "weight", "reversal", "jigsaw"))]
    tags = table.column("tags").combine_chunks().flatten()
    values = np.column_stack([*numbers, *(np.asarray(tag, dtype=np.float32) for tag in tags)])
    return dict(zip(keys, values, strict=True)), len(keys) - len(set(keys))


def _column(table: pa.Table, name: str) -> npt.NDArray[np.float32]:
    return table.column(name).to_numpy().astype(np.float32)


def kills(folder: Path, files: int, count: int, seed: int) -> list[Row]:
    """Kill a run at a random moment and resume it once, again and again; compare with a run that nobody disturbed."""
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
    """Kill a run, if it is still at work; workers that become orphans must end by themselves."""
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
    """How many files stand whole in the journal or the part of a killed run."""
    found = {path for part in out.glob("part-*") for path in pq.read_table(part, columns=["path"])["path"].to_pylist()}
    for journal in out.glob(".part-*.arrows"):
        with suppress(pa.ArrowException, OSError), pa.OSFile(str(journal)) as file:
            for batch in pa.ipc.open_stream(file):
                found |= set(batch.column("path").to_pylist())
    return len(found)


def _compared(expected: Values, found: Values, doubled: int) -> dict[str, int]:
    torn = sum(not np.allclose(found[key], expected[key], atol=TOLERANCE) for key in expected.keys() & found.keys())
    return {"lost": len(expected.keys() - found.keys()), "doubled": doubled, "torn": torn}


def write_files(folder: Path, count: int, different: int, longest: float) -> None:
    """Flac files of 1 s and more; every ``different`` of them are different, the others are links to these."""
    folder.mkdir(parents=True)
    clip, generator = synthesise(), np.random.default_rng(0)
    paths = [folder / f"{number:05d}.flac" for number in range(count)]
    for number, path in enumerate(paths):
        if number >= different:
            os.link(paths[number % different], path)
            continue
        sound = np.resize(np.roll(clip, number * RATE), int(generator.uniform(1, longest) * RATE))
        soundfile.write(path, 0.8 * sound, RATE)


def damaged(folder: Path, count: int, seed: int) -> list[Row]:
    """Damaged files of every format and the valid ones they come from, in one run."""
    mutants = write_mutants(folder / "files", count, seed)
    seeds = sorted((folder / "files" / "seeds").iterdir())
    paths = [*map(str, mutants), *map(str, seeds)]
    (folder / "list.txt").write_text("\n".join(paths))
    began = time.monotonic()
    code = start(folder / "list.txt", folder / "out").wait()
    seconds = time.monotonic() - began
    table = Catalog(folder / "out").table(["path", "window", "error"], None).to_pylist()
    first = [row for row in table if row["window"] == 0]
    counts = Counter(to_path(row["path"]) for row in first)
    errors = {to_path(row["path"]): row["error"] for row in first if row["error"]}
    valid = [path for path in map(str, seeds) if path in errors]
    formats = len({path.name.split("-")[0] for path in seeds})
    what = f"{count} damaged and {len(seeds)} valid files of {formats} formats, {len(errors)} of them refused, "
    found = [
        int(code not in (0, 1)),
        sum(CRASHED in error for error in errors.values()),
        sum(GIVEN_UP in error for error in errors.values()),
        sum(counts[path] != 1 for path in paths) + len(counts.keys() - set(paths)),
        len(valid),
        _wrong(folder / "out"),
    ]
    names = (
        "crash of the run / of a worker / hangs / files without exactly one status / valid files refused / wrong rows"
    )
    return [[f"{what}in {seconds:.0f} s: {names}", " / ".join(map(str, found)), " / ".join("0" * len(found))]]


def _wrong(out: Path) -> int:
    """Rows that differ from what the extractor finds in the file alone."""
    table = Catalog(out).table()
    texts, rows = table.column("path").to_pylist(), vectors(table)
    edges = [0, *(i for i, pair in enumerate(pairwise(texts), 1) if pair[0] != pair[1]), len(texts)]
    wrong = 0
    features = Extractor(threads=1).map([to_path(texts[edge]) for edge in edges[:-1]])
    for (begin, end), own in zip(pairwise(edges), features, strict=True):
        alike = not isinstance(own, MusicfeatError) and own.embeddings.shape == rows[begin:end].shape
        wrong += 0 if alike and np.allclose(own.embeddings, rows[begin:end], atol=TOLERANCE) else end - begin
    return wrong


def many(folder: Path, count: int) -> list[Row]:
    """Memory over many short files."""
    write_files(folder / "files", count, DIFFERENT, 5)
    return _memory(f"{count} files of 1 to 5 s", folder)


def long(folder: Path, hours: float, rate: int) -> list[Row]:
    """Memory over one long file."""
    (folder / "files").mkdir(parents=True)
    noise = np.random.default_rng(0).integers(-8, 8, 60 * rate, dtype=np.int16)
    with soundfile.SoundFile(folder / "files" / "long.flac", "w", rate, 1, "PCM_16") as file:
        for _ in range(round(hours * 60)):
            file.write(noise)
    return _memory(f"one file of {hours:g} h ({rate} Hz, mono)", folder)


def _memory(what: str, folder: Path) -> list[Row]:
    """Megabytes of a run and all its processes, as it goes on."""
    began = time.monotonic()
    run = start(folder / "files", folder / "out")
    samples = np.array(list(_samples(run)))
    assert run.returncode == 0
    what = f"{what}, {WORKERS} workers, {time.monotonic() - began:.0f} s"
    peak = samples.max(axis=0)
    working = samples[samples[:, 0] > peak[0] / 2]  # without the start of the processes and their end
    places = [working[int(share * (len(working) - 1))] for share in (0.1, 0.5, 1)]
    return [
        [f"{what}: peak memory of all processes, sum of RSS (of PSS)", _megabytes(peak), f"{MEMORY_BAR} MB"],
        ["the same at 10 %, 50 % and 100 % of the time", ", ".join(map(_megabytes, places)), "flat"],
    ]


def _megabytes(sample: npt.NDArray[np.float64]) -> str:
    return f"{sample[0]:.0f} MB ({sample[1]:.0f} MB)"


def _samples(run: subprocess.Popen[bytes]) -> Iterator[tuple[float, float]]:
    """RSS, which counts shared pages in every process, and PSS, which shares them out, in MB."""
    while True:
        yield _tree_megabytes(run.pid)
        try:
            run.wait(SAMPLE_SECONDS)
            return
        except subprocess.TimeoutExpired:
            continue


def _tree_megabytes(pid: int) -> tuple[float, float]:
    rss = pss = 0
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return 0, 0
    for process in processes:
        try:
            memory = process.memory_full_info()
        except psutil.Error:
            continue
        rss += memory.rss
        pss += getattr(memory, "pss", 0)
    return rss / 1e6, pss / 1e6


def main() -> None:
    """Print one table; every figure beside what it must be."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=50)
    options.add_argument("--files", type=int, default=60)
    options.add_argument("--mutants", type=int, default=2000)
    options.add_argument("--many", type=int, default=10_000)
    options.add_argument("--hours", type=float, default=20)
    options.add_argument("--rate", type=int, default=8000)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # libsndfile prints what it thinks of some damaged files
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if chosen.kills:
            rows += kills(folder / "kills", chosen.files, chosen.kills, chosen.seed)
        if chosen.mutants:
            rows += damaged(folder / "mutants", chosen.mutants, chosen.seed)
        if chosen.many:
            rows += many(folder / "many", chosen.many)
        if chosen.hours:
            rows += long(folder / "long", chosen.hours, chosen.rate)
    print(markdown(["musicfeat embed", "measured", "must be"], rows), file=answers)


if __name__ == "__main__":
    main()
