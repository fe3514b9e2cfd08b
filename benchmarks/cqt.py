"""Waveform to constant-Q spectrogram on one core beside librosa.cqt: time, and error in decibels.

python benchmarks/cqt.py [--rounds 100] [--tracks 24]
"""

from __future__ import annotations

import argparse
import csv
import statistics
import tempfile
from pathlib import Path

import librosa
import numpy as np
import soxr
import torch
from _table import data_folder, markdown, median_ratio, paired_milliseconds
from frontend import in_onnxruntime
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from musicfeat.demo import RATE as DEMO_RATE
from musicfeat.demo import synthesise
from musicfeat.sound.audio import load
from musicfeat_trainer.frontends.cqt import CQT, CQTSpec
from musicfeat_trainer.frontends.cqt_kernels import QUALITY

SECONDS = 10
RATE, HOP = 22050, 512
PEER = "librosa.cqt (not exported, no decibels)"
OURS = "levels of quarter rates, one product each"
FLOOR = -60.0
ENDS = 5
SILENCE = 32
"""Frames of silence before and after a clip, room for librosa's filters to ring."""


class LongKernels(CQT):
    """A CQT by one strided convolution, each bin's kernel at full length and rate (nnAudio's CQT1992v2)."""

    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        width = 2 * int(QUALITY * RATE / self.spec.fmin / 2) + 1
        time = np.arange(width) - width // 2
        rows = []
        for frequency in self.spec.frequencies:
            length = QUALITY * RATE / frequency
            window = np.where(np.abs(time) < length / 2, 0.5 + 0.5 * np.cos(2 * np.pi * time / length), 0)
            rows.append(window * np.exp(-2j * np.pi * frequency / RATE * time) * np.sqrt(length) / window.sum())
        kernels = np.array(rows)
        self._constant("filters", np.concatenate([kernels.real, kernels.imag])[:, None])

    def power(self, waveform: Tensor) -> Tensor:
        half = self.filters.shape[2] // 2
        parts = nn.functional.conv1d(nn.functional.pad(waveform, (half, half))[:, None], self.filters, stride=HOP)
        squares = parts * parts
        return (squares[:, : len(self.spec.frequencies)] + squares[:, len(self.spec.frequencies) :]).transpose(1, 2)


def music(tracks: int) -> tuple[str, np.ndarray]:
    """Ten seconds of one track per source, [tracks, samples]; synthesised music if there are none."""
    table = data_folder() / "music" / "tracks.csv"
    if not table.is_file():
        sound = soxr.resample(synthesise(), DEMO_RATE, RATE)
        return "synthesised music", sound[None, : SECONDS * RATE].astype(np.float32)
    with table.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if float(row["duration_s"]) > 2 * SECONDS]
    sources = {row["source"]: row for row in reversed(rows)}
    waves = [load(table.parent / row["path"], rate=RATE) for row in list(sources.values())[:tracks]]
    return f"{len(waves)} tracks", np.stack([wave[SECONDS * RATE : 2 * SECONDS * RATE] for wave in waves])


def sweeps() -> np.ndarray:
    """Exponential sweeps, up and down, over all bins."""
    time = np.arange(SECONDS * RATE) / RATE
    rate = np.log(4000 / 30) / SECONDS
    up = np.sin(2 * np.pi * 30 * np.expm1(rate * time) / rate).astype(np.float32)
    return np.stack([up, up[::-1]])


def librosa_decibels(clips: np.ndarray, silence: int) -> np.ndarray:
    frames = clips.shape[1] // HOP + 1
    padded = np.pad(clips, ((0, 0), (silence * HOP, silence * HOP)))
    spectra = [np.abs(librosa.cqt(clip, sr=RATE)).T[silence : silence + frames] for clip in padded]
    return np.stack([librosa.amplitude_to_db(spectrum, ref=np.max) for spectrum in spectra])


def percentiles(found: np.ndarray, expected: np.ndarray, frames: slice | list[int]) -> list[str]:
    """Median and 95th percentile of the differences where the expected value is above the floor."""
    error = np.abs(found - expected)[:, frames][expected[:, frames] > FLOOR]
    return [f"{np.percentile(error, share):.4f}" if error.size else "" for share in (50, 95)]


def error_rows(name: str, clips: np.ndarray, modules: dict[str, CQT]) -> list[list[str]]:
    alone, in_silence = librosa_decibels(clips, 0), librosa_decibels(clips, SILENCE)
    middle, ends = slice(4 * ENDS, -4 * ENDS), [*range(ENDS), *range(-ENDS, 0)]
    rows = []
    for way, module in modules.items():
        found = module(torch.from_numpy(clips)).numpy()
        columns = [(alone, middle), (alone, ends), (in_silence, ends)]
        rows.append([name, way, *(p for expected, frames in columns for p in percentiles(found, expected, frames))])
    return rows


def time_rows(clip: np.ndarray, modules: dict[str, CQT], rounds: int, folder: Path) -> list[list[str]]:
    calls = {way: in_onnxruntime(m, clip, folder, f"m{i}") for i, (way, m) in enumerate(modules.items())}
    times = paired_milliseconds({**calls, PEER: lambda: librosa.cqt(clip[0], sr=RATE)}, rounds)
    rows = []
    for way, figures in sorted(times.items(), key=lambda pair: statistics.median(pair[1])):
        ratios = [f"{median_ratio(times, way, PEER):.3f}", f"{median_ratio(times, PEER, way):.1f}"]
        rows.append([way, f"{statistics.median(figures):.2f}", f"{min(figures):.2f}", *ratios])
    return rows


def main() -> None:
    """Print two Markdown tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=100)
    options.add_argument("--tracks", type=int, default=24)
    arguments = options.parse_args()
    torch.set_num_threads(1)
    name, clips = music(arguments.tracks)
    modules = {
        OURS: CQT(),
        "the same, windows centred": CQT(CQTSpec(centred=True)),
        "one long convolution": LongKernels(),
    }
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        rows = time_rows(clips[:1], modules, arguments.rounds, Path(folder))
    header = [f"{SECONDS} s, one thread", "ms, median", "ms, fastest", "time / librosa's", "times faster"]
    print(markdown(header, rows), end="\n\n")
    rows = error_rows(name, clips, modules) + error_rows("sweeps", sweeps(), modules)
    header = ["dB from librosa, above -60 dB", "way", "median", "95 %"]
    header += ["ends: median", "95 %", "ends within silence: median", "95 %"]
    print(markdown(header, rows))


if __name__ == "__main__":
    main()
