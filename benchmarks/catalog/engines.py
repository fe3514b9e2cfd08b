"""Rate of the engines that embed a catalog, beside each other on the same files; and what a killed worker changes.

python benchmarks/catalog/engines.py [--files 160] [--seconds 100] [--workers 2] [--rounds 3]

The files are stereo MP3, 15 different pieces of synthesised music under many names. Start-up is a run on one short file
for each worker; it is taken off before rates are compared. Engines take turns. Linux only: workers are found in /proc.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

sys.path.append(str(Path(__file__).parents[1]))
from _table import markdown

from musicfeat.catalog import Catalog, Summary, embed_catalog
from musicfeat.demo import RATE, synthesise

PIECES = 15
ENGINES = ("local", "ray")
WORKERS = {"local": "spawn_main", "ray": "ray::MapBatches"}
"""Words in the command line of an engine's worker process."""
HEADER = ["engine", "workers", "files", "hours", "start-up, s", "x real time", "share of local", "rows after a kill"]


def engines(files: int, seconds: float, workers: int, rounds: int, names: Sequence[str] = ENGINES) -> list[list[str]]:
    """A row for each engine."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make_files(folder / "short", workers, 1.0)
        make_files(folder / "long", files, seconds)
        starts: dict[str, list[float]] = {name: [] for name in names}
        rates: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(rounds):
            for name in names:
                start, _ = timed(folder / "short", folder / name, name, workers)
                total, summary = timed(folder / "long", folder / name, name, workers)
                starts[name].append(start)
                rates[name].append(summary.audio_seconds / (total - start))
        wanted = rows_of(folder / names[0])
        rows = []
        for name in names:
            shares = (a / b for a, b in zip(rates[name], rates[names[0]], strict=True))
            figures = [f"{statistics.median(starts[name]):.1f}", f"{statistics.median(rates[name]):.0f}"]
            same = "equal" if survives(folder, name, workers, files * seconds / rates[name][-1], wanted) else "DIFFER"
            size = [str(workers), str(files), f"{files * seconds / 3600:.1f}"]
            rows.append([name, *size, *figures, f"{statistics.median(shares):.0%}", same])
    return rows


def make_files(folder: Path, count: int, seconds: float) -> None:
    """Write MP3 files; those of one piece differ in their ID3 tag."""
    folder.mkdir()
    clip = synthesise()
    for number in range(min(PIECES, count)):
        speed = 2 ** (number / 12)
        sound = np.interp(np.arange(int(seconds * RATE)) * speed % len(clip), np.arange(len(clip)), clip)
        stereo = np.stack([sound, 0.9 * np.roll(sound, 200)], 1)
        soundfile.write(folder / f"{number:04d}.mp3", stereo, RATE, format="MP3")
    for number in range(PIECES, count):
        title = b"\0%04d" % number
        tag = b"ID3\3\0\0" + bytes([0, 0, 0, 10 + len(title)]) + b"TIT2" + bytes([0, 0, 0, len(title), 0, 0]) + title
        whole = (folder / f"{number % PIECES:04d}.mp3").read_bytes()
        (folder / f"{number:04d}.mp3").write_bytes(tag + whole)


def timed(source: Path, output: Path, engine: str, workers: int) -> tuple[float, Summary]:
    """Seconds of a whole run into a new catalog, and its summary."""
    shutil.rmtree(output, ignore_errors=True)
    start = time.perf_counter()
    summary = embed_catalog([source], output, engine=engine, workers=workers)
    return time.perf_counter() - start, summary


def rows_of(catalog: Path) -> list[dict[str, object]]:
    """The rows that must be equal for every engine."""
    return Catalog(catalog).table(["path", "window", "start", "end", "embedding", "status"], None).to_pylist()


def survives(folder: Path, engine: str, workers: int, expected: float, wanted: list[dict[str, object]]) -> bool:
    """True if the rows are the same after a worker was killed in the middle of the run."""
    done, killed = threading.Event(), list[int]()
    killer = threading.Thread(target=_kill_one, args=(WORKERS[engine], expected / 3, done, killed))
    killer.start()
    timed(folder / "long", folder / engine, engine, workers)
    done.set()
    killer.join()
    found = rows_of(folder / engine)
    return bool(killed) and len(found) == len(wanted) and all(map(_same, found, wanted))


def _same(a: dict[str, object], b: dict[str, object]) -> bool:
    vectors = [np.asarray(row["embedding"], dtype=np.float64) for row in (a, b)]
    return {**a, "embedding": 0} == {**b, "embedding": 0} and np.allclose(*vectors, rtol=0, atol=1e-5)


def _kill_one(words: str, delay: float, done: threading.Event, killed: list[int]) -> None:
    """Kill one worker of this process, ``delay`` seconds after all have started."""
    while not done.wait(0.2):
        found = workers_of(os.getpid(), words)
        if found and not done.wait(delay):
            victim = workers_of(os.getpid(), words)[0]
            os.kill(victim, signal.SIGKILL)
            killed.append(victim)
            return


def workers_of(process: int, words: str) -> list[int]:
    """Descendants of a process whose command line contains some words, youngest first."""
    parents, matching = dict[int, int](), list[int]()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if words.encode() in (folder / "cmdline").read_bytes():
                matching.append(int(folder.name))
        except OSError:  # the process has ended
            continue
    return sorted((one for one in matching if _descends(one, process, parents)), reverse=True)


def _descends(process: int, ancestor: int, parents: dict[int, int]) -> bool:
    while process in parents and process != ancestor:
        process = parents[process]
    return process == ancestor


def main() -> None:
    """Print a Markdown table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--files", type=int, default=160)
    options.add_argument("--seconds", type=float, default=100.0)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    print(markdown(HEADER, engines(chosen.files, chosen.seconds, chosen.workers, chosen.rounds)))


if __name__ == "__main__":
    main()
