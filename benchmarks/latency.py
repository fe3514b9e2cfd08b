"""Speed, start-up and memory of the runtime, beside librosa's classic features in the same run.

python benchmarks/latency.py [--rounds 60] [--hours 3]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from _table import ROOT, markdown, median_ratio, paired_milliseconds

from musicfeat import Extractor, bundled_models
from musicfeat.demo import RATE, synthesise
from musicfeat.model.session import Session, find_model
from musicfeat.sound.audio import load
from musicfeat_export.report.timing import PEAK

SECONDS = 10
HEADER = [
    "10 s of waveform, one core",
    "ms, median",
    "ms, fastest",
    "x real time, median",
    "x real time, fastest",
    "time / melspectrogram",
    "time / MFCC + chroma",
]
LIGHT = ("embedding", "reversal", "tags")
CLASSIC = "librosa MFCC(20) + chroma"
MELSPECTROGRAM = "librosa melspectrogram"
COLD = "import sys; from musicfeat import Extractor; Extractor(threads=1)(sys.argv[1]).embedding"
IMPORT = "import time; t = time.perf_counter(); import musicfeat; print(time.perf_counter() - t)"


def speed(rounds: int) -> list[list[str]]:
    """Times from waveform to results for one clip on one core; candidates take turns in one process."""
    import librosa

    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    calls: dict[str, Callable[[], object]] = {}
    for name in bundled_models():
        calls |= model_calls(name)
    rate = Session().card.sample_rate
    clip = clip_at(rate)
    calls[MELSPECTROGRAM] = lambda: librosa.feature.melspectrogram(y=clip, sr=rate)
    calls[CLASSIC] = lambda: (
        librosa.feature.mfcc(y=clip, sr=rate, n_mfcc=20),
        librosa.feature.chroma_stft(y=clip, sr=rate),
    )
    times = paired_milliseconds(calls, rounds)
    rows = []
    for name, values in times.items():
        figures = [f"{call(values):.2f}" for call in (statistics.median, min)]
        speeds = [f"{1000 * SECONDS / call(values):.0f}" for call in (statistics.median, min)]
        ratios = [f"{median_ratio(times, name, peer):.2f}" for peer in (MELSPECTROGRAM, CLASSIC)]
        rows.append([name, *figures, *speeds, *ratios])
    return rows


def model_calls(name: str) -> dict[str, Callable[[], object]]:
    """Calls to a bundled model, by name."""
    whole, light = Session(name, threads=1), Session(name, threads=1, outputs=LIGHT)
    extractor = Extractor(name, threads=1)
    rate = whole.card.sample_rate
    clip = clip_at(rate)
    return {
        f"{name}: {', '.join(LIGHT)}": lambda: light.run(clip[None], LIGHT),
        f"{name}: all outputs": lambda: whole.run(clip[None], whole.outputs),
        f"{name}: Extractor()(clip, sr=...)": lambda: extractor(clip, sr=rate),
    }


def clip_at(rate: int) -> npt.NDArray[np.float32]:
    """Ten seconds of the synthesised clip."""
    return load(synthesise()[: SECONDS * RATE], RATE, rate=rate)


def start_up(folder: Path, repeats: int = 7) -> list[list[str]]:
    """Start-up times of whole processes, median of several."""
    soundfile.write(folder / "clip.wav", synthesise()[: SECONDS * RATE], RATE)
    imports = [float(_output(IMPORT)) for _ in range(repeats)]
    cold = []
    for _ in range(repeats):
        start = time.perf_counter()
        _output(COLD, str(folder / "clip.wav"))
        cold.append(time.perf_counter() - start)
    return [
        ["import musicfeat", f"{statistics.median(imports):.3f} s"],
        ["process launch to first embedding of a 10 s file", f"{statistics.median(cold):.2f} s"],
    ]


def memory(folder: Path, hours: float) -> list[list[str]]:
    """Peak memory and time of processes that extract a short and a long file."""
    rows = []
    for name, seconds in (("10 s", 10.0), (f"{hours:g} h", 3600 * hours)):
        path = folder / "sound.flac"
        _write_long(path, seconds)
        start = time.perf_counter()
        peak = float(_output(f"{COLD}\n{PEAK}", str(path)))
        rows.append([f"peak memory, {name} of flac at 44.1 kHz", f"{peak:.0f} MB"])
        rows.append([f"decode and extract {name} on one core, process and all", f"{time.perf_counter() - start:.1f} s"])
    return rows


def wheel_size(folder: Path) -> list[list[str]]:
    """Sizes of the built wheel and of its weights."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    wheel = next(folder.glob("*.whl"))
    rows = [[f"weights of {name}", f"{find_model(name).stat().st_size / 1e6:.2f} MB"] for name in bundled_models()]
    return [["wheel", f"{wheel.stat().st_size / 1e6:.2f} MB"], *rows]


def _write_long(path: Path, seconds: float) -> None:
    clip = synthesise()
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        while file.frames < seconds * RATE:
            file.write(clip[: int(seconds * RATE) - file.frames])


def _output(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def main() -> None:
    """Print two Markdown tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=60)
    options.add_argument("--hours", type=float, default=3.0)
    chosen = options.parse_args()
    print(markdown(HEADER, speed(chosen.rounds)) + "\n")
    with tempfile.TemporaryDirectory() as folder:
        rows = start_up(Path(folder)) + memory(Path(folder), chosen.hours) + wheel_size(Path(folder))
    print(markdown(["cost", "measured"], rows))


if __name__ == "__main__":
    main()
