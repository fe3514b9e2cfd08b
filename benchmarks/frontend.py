"""Waveform to log-mel on one core: ways to compute it in ONNX Runtime, and librosa, side by side.

python benchmarks/frontend.py [--rounds 100] [--frames 1024 1050]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from _table import markdown, median_ratio, paired_milliseconds
from torch import Tensor, nn

from musicfeat.sound.log_mel import LogMelSpec, hann, log_mel, mel_matrix
from musicfeat_trainer.frontends.log_mel import LogMel

SECONDS = 10
PEER = "librosa melspectrogram (numpy FFT, not exported)"


class DenseLogMel(LogMel):
    """Log-mel with the DFT as one dense matrix product, or as a strided convolution (as in nnAudio)."""

    dense: Tensor
    filters: Tensor
    window: Tensor

    def __init__(self, spec: LogMelSpec, *, convolution: bool) -> None:
        super().__init__(spec)
        self.convolution = convolution
        bins = np.arange(spec.n_fft // 2 + 1)
        angle = -2 * np.pi * np.outer(np.arange(spec.n_fft), bins) / spec.n_fft
        self._constant("dense", np.concatenate([np.cos(angle), np.sin(angle)], 1) * hann(spec.n_fft)[:, None])
        self._constant("filters", mel_matrix(spec))
        self._constant("window", hann(spec.n_fft))

    def forward(self, waveform: Tensor) -> Tensor:
        return self.normalise(self.power(waveform))

    def power(self, waveform: Tensor) -> Tensor:
        if self.convolution:
            padded = nn.functional.pad(waveform, self.spec.padding)[:, None]
            parts = nn.functional.conv1d(padded, self.dense.T[:, None], stride=self.spec.hop).transpose(1, 2)
        else:
            padded = nn.functional.pad(self.whole(waveform), self.spec.padding)
            blocks = padded.reshape(padded.shape[0], -1, self.spec.hop)
            count, shifts = waveform.shape[1] // self.spec.hop, range(self.spec.n_fft // self.spec.hop)
            parts = torch.cat([blocks[:, i : i + count] for i in shifts], dim=2) @ self.dense
        squares = parts * parts
        half = squares.shape[-1] // 2
        return (squares[..., :half] + squares[..., half:]) @ self.filters


class StftLogMel(DenseLogMel):
    """Log-mel by the ONNX operator STFT, which many engines lack."""

    def power(self, waveform: Tensor) -> Tensor:
        padded = nn.functional.pad(waveform, self.spec.padding)
        parts = torch.stft(
            padded, self.spec.n_fft, self.spec.hop, window=self.window, center=False, return_complex=True
        )
        return torch.view_as_real(parts).square().sum(-1).transpose(1, 2) @ self.filters


def in_onnxruntime(module: nn.Module, wave: np.ndarray, folder: Path, name: str) -> Callable[[], np.ndarray]:
    """Export a module and return a call that runs it on one thread."""
    from musicfeat.model.ort import onnxruntime

    path = folder / f"{name}.onnx"
    torch.onnx.export(module.eval(), (torch.from_numpy(wave),), path, dynamo=True, opset_version=18, verbose=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: wave}
    return lambda: np.asarray(session.run(None, feed)[0])


def librosa_mel(wave: np.ndarray, spec: LogMelSpec) -> Callable[[], np.ndarray]:
    """Librosa's own mel spectrogram with as many bands over the same range."""
    import librosa

    return lambda: librosa.feature.melspectrogram(
        y=wave[0],
        sr=spec.sample_rate,
        n_fft=spec.n_fft,
        hop_length=spec.hop,
        n_mels=spec.n_mels,
        fmin=spec.fmin,
        fmax=spec.fmax,
    )


def torchaudio_mel(wave: np.ndarray, spec: LogMelSpec) -> dict[str, Callable[[], np.ndarray]]:
    """Torchaudio's own mel spectrogram, if the library is installed, in an environment of its own."""
    try:
        from torchaudio.transforms import MelSpectrogram
    except (ImportError, OSError):
        return {}
    sizes = {"n_fft": spec.n_fft, "hop_length": spec.hop, "n_mels": spec.n_mels}
    module = MelSpectrogram(spec.sample_rate, f_min=spec.fmin, f_max=spec.fmax, mel_scale="slaney", **sizes)
    sound = torch.from_numpy(wave)
    return {"torchaudio MelSpectrogram (torch's FFT, not exported)": lambda: module(sound).numpy()}


def compare(spec: LogMelSpec, rounds: int, folder: Path) -> list[list[str]]:
    """Table rows for one frame size."""
    samples = SECONDS * spec.sample_rate // spec.hop * spec.hop
    wave = np.random.default_rng(0).standard_normal((1, samples)).astype(np.float32)
    modules = {
        "DFT factorised: a grouped convolution, a product": LogMel(spec),
        "dense DFT as one product": DenseLogMel(spec, convolution=False),
        "ONNX STFT operator": StftLogMel(spec, convolution=False),
        "dense DFT as a convolution": DenseLogMel(spec, convolution=True),
    }
    calls = {name: in_onnxruntime(m, wave, folder, f"m{i}") for i, (name, m) in enumerate(modules.items())}
    reference = log_mel(wave, spec)
    errors = {name: f"{np.abs(call() - reference).max():.1e}" for name, call in calls.items()}
    peers = {PEER: librosa_mel(wave, spec), **torchaudio_mel(wave, spec)}
    times = paired_milliseconds({**calls, **peers}, rounds)
    size = f"{spec.n_fft} / {spec.hop}"
    return [
        [size, name, f"{statistics.median(t):.2f}", f"{median_ratio(times, name, PEER):.2f}", errors.get(name, "")]
        for name, t in sorted(times.items(), key=lambda pair: statistics.median(pair[1]))
    ]


def factorisations(spec: LogMelSpec, rounds: int, folder: Path) -> list[list[str]]:
    """Table rows for one frame size: the factorisation that the module chooses, and all similar ones."""
    samples = SECONDS * spec.sample_rate // spec.hop * spec.hop
    wave = np.random.default_rng(0).standard_normal((1, samples)).astype(np.float32)
    chosen, root = LogMel(spec), spec.n_fft**0.5
    near = [rows for rows in range(1, spec.n_fft) if spec.n_fft % rows == 0 and root / 2.5 < rows < 2.5 * root]
    near = [rows for rows in near if spec.hop % (spec.n_fft // rows) == 0]
    calls = {str(rows): in_onnxruntime(LogMel(spec, rows), wave, folder, f"{spec.n_fft}-{rows}") for rows in near}
    reference = log_mel(wave, spec)
    error = np.abs(calls[str(chosen.rows)]() - reference).max()
    times = paired_milliseconds({**calls, PEER: librosa_mel(wave, spec)}, rounds)
    best = min(calls, key=lambda rows: statistics.median(times[rows]))
    return [
        [
            f"{spec.n_fft} / {spec.hop}, {spec.n_mels} bands to {spec.fmax:g} Hz",
            f"{chosen.rows} x {chosen.columns}",
            f"{statistics.median(times[str(chosen.rows)]):.2f}",
            f"{median_ratio(times, str(chosen.rows), PEER):.2f}",
            f"{best} x {spec.n_fft // int(best)}",
            f"{median_ratio(times, str(chosen.rows), best):.2f}",
            f"{error:.1e}",
        ]
    ]


SIZES = [
    LogMelSpec(sample_rate=16000, n_fft=400, hop=100, n_mels=40, fmin=0.0, fmax=8000.0),
    LogMelSpec(n_fft=512, hop=128, fmax=11025.0),
    LogMelSpec(n_fft=1024, hop=512, fmax=11025.0),
    LogMelSpec(),
    LogMelSpec(n_fft=2048, hop=512, n_mels=128, fmax=11025.0),
    LogMelSpec(n_fft=2100, hop=1050, n_mels=128),
    LogMelSpec(n_fft=4096, hop=1024, n_mels=128, fmax=11025.0),
]


def main() -> None:
    """Print two Markdown tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=100)
    options.add_argument("--frames", type=int, nargs="+", help="lengths of frames to measure (default: all)")
    chosen = options.parse_args()
    rounds, wanted = chosen.rounds, chosen.frames or [spec.n_fft for spec in SIZES]
    torch.set_num_threads(1)
    rows, factors = [], []
    with tempfile.TemporaryDirectory() as folder:
        for spec in (spec for spec in SIZES if spec.n_fft in wanted):
            rows += compare(spec, rounds, Path(folder)) if spec.n_fft in (1024, 1050) else []
            factors += factorisations(spec, rounds, Path(folder))
    duration = f"ms per {SECONDS} s"
    print(markdown(["frame / hop", "way", duration, "time / librosa's", "largest error"], rows) + "\n")
    header = ["frame / hop", "R x C", duration, "time / librosa's", "fastest R x C", "time / fastest", "largest error"]
    print(markdown(header, factors))


if __name__ == "__main__":
    main()
