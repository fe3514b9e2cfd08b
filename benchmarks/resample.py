"""Waveforms to 22.05 kHz on one core: ways to do it in ONNX Runtime, and soxr, side by side.

python benchmarks/resample.py [--rounds 100]
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
from pathlib import Path

import numpy as np
import soxr
import torch
from _table import markdown, median_ratio, paired_milliseconds
from frontend import in_onnxruntime
from torch import Tensor, nn

from musicfeat_trainer.frontends.resample import PASSBAND, Resample, half_width, interpolation

SECONDS = 10
RATE = 22050
PEER = "soxr HQ, float32 (not exported)"


class ConvolvedResample(Resample):
    """The same filter as one strided convolution of a single channel, with an output channel for each phase."""

    kernels: Tensor

    def __init__(self, rate: int) -> None:
        super().__init__(rate)
        divisor = math.gcd(rate, RATE)
        self.stride = rate // divisor
        weights = interpolation(rate, RATE, half_width(rate, RATE), self.stride, RATE // divisor)
        self.register_buffer("kernels", torch.tensor(weights.T[:, None], dtype=torch.float32))

    def forward(self, waveform: Tensor) -> Tensor:
        (rate, to), (batch, samples) = self.rates, waveform.shape
        padded = nn.functional.pad(waveform, (self.before, -samples % self.stride + self.before))
        found = nn.functional.conv1d(padded[:, None], self.kernels, stride=self.stride)
        return found.transpose(1, 2).reshape(batch, -1)[:, : samples * to // rate]


def compare(rate: int, rounds: int, folder: Path) -> list[list[str]]:
    """Table rows for one rate: time, and error on noise up to the pass band's edge with known exact samples."""
    noise, exact = periodic_noise(rate)
    modules = {"two matrix products": Resample(rate), "one strided convolution": ConvolvedResample(rate)}
    calls = {name: in_onnxruntime(m, noise[None], folder, f"{rate}{i}") for i, (name, m) in enumerate(modules.items())}
    calls[PEER] = lambda: soxr.resample(noise, rate, RATE, quality="HQ")
    errors = {name: decibels(np.ravel(call()) - exact, exact) for name, call in calls.items()}
    times = paired_milliseconds(calls, rounds)
    return [
        [
            f"{rate}",
            name,
            f"{statistics.median(t):.2f}",
            f"{median_ratio(times, name, PEER):.2f}",
            f"{errors[name]:.0f}",
        ]
        for name, t in sorted(times.items(), key=lambda pair: statistics.median(pair[1]))
    ]


def periodic_noise(rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Periodic noise [samples] of period ``SECONDS``, and its exact samples at ``RATE`` from its Fourier series."""
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(SECONDS * rate))
    spectrum[int(SECONDS * PASSBAND * min(rate, RATE) / 2) :] = 0
    bins = SECONDS * RATE // 2 + 1
    exact = np.fft.irfft(np.pad(spectrum, (0, bins))[:bins], SECONDS * RATE) * RATE / rate
    return np.fft.irfft(spectrum, SECONDS * rate).astype(np.float32), exact


def decibels(error: np.ndarray, reference: np.ndarray) -> float:
    """Ratio of the error's power to the reference's in decibels, without the edges."""
    inner = slice(1000, -1000)
    return float(10 * np.log10(np.mean(error[inner] ** 2) / np.mean(reference[inner] ** 2)))


def main() -> None:
    """Print one Markdown table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=100)
    rounds = options.parse_args().rounds
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for rate in (44100, 48000, 96000, 16000):
            rows += compare(rate, rounds, Path(folder))
    print(markdown(["from Hz", "way", f"ms per {SECONDS} s", "time / soxr's", "error, dB"], rows))


if __name__ == "__main__":
    main()
