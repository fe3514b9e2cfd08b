"""musicnn (Pons and Serra, ISMIR 2019) as an ONNX graph from waveform to tags and embedding, without TensorFlow.

The graph holds the spectrogram, too: librosa's mel power of frames of 512 samples, 256 apart, in 96 bands, as
log10(10000 x + 1). Batch normalisations are one product and one sum, or part of the layer after them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError
from musicfeat.sound.log_mel import LogMelSpec, hann, mel_edges, mel_matrix
from musicfeat_trainer.teachers.checkpoint import Weights, need
from musicfeat_trainer.teachers.graph import Graph

if TYPE_CHECKING:
    from onnx import ModelProto

RATE, SAMPLES, LABELS, EMBEDDING = 16000, 48000, 50, 200
SPECTRUM = LogMelSpec(sample_rate=RATE, n_fft=512, hop=256, n_mels=96, fmin=0.0, fmax=RATE / 2)
TIMBRAL, TEMPORAL = ((7, 38), (7, 67)), (128, 64, 32)
"""Frames and bands that the filters of the first layer see; the temporal ones see one band."""
FILTERS, FEW_FILTERS, MIDDLE = 204, 51, 64
EPSILON = 1e-3
"""Epsilon of TensorFlow's batch normalisation."""

Floats = npt.NDArray[np.float64]


def build(weights: Weights) -> ModelProto:
    """Network as a model with input ``waveform`` [batch, 48000] and outputs ``tags`` and ``embedding``.

    Args:
        weights: weights of a checkpoint of the package `musicnn`, MSD_musicnn or MTT_musicnn.

    Raises:
        InputError: the weights are of another network, or the package `onnx` is missing.
    """
    if unsound := [name for name, values in weights.items() if not np.isfinite(values).all()]:
        raise InputError(f"the checkpoint's {', '.join(unsound[:3])} holds numbers that are not finite")
    net = _Network(Graph(), weights)
    features = net.middle(net.front(net.spectrogram("waveform")))
    net.head(features)
    shapes = {"waveform": (SAMPLES,)}, {"tags": (LABELS,), "embedding": (EMBEDDING,)}
    return net.graph.model("musicnn", *shapes)


class _Network:
    """Layers, in the order in which TensorFlow numbered their variables."""

    def __init__(self, graph: Graph, weights: Weights) -> None:
        self.graph, self._weights, self._convolutions, self._norms = graph, weights, 0, 0

    def spectrogram(self, waveform: str) -> str:
        """Normalised spectrogram, [batch, samples] -> [batch, 1, 187 frames, 96 bands].

        The DFT is one convolution. As in librosa, frames are centred and samples before the first are zeros; the last
        frame, which the network never sees, is left out.
        """
        net, size = self.graph, SPECTRUM.n_fft
        turns = np.outer(np.arange(size // 2 + 1), np.arange(size)) * 2 * np.pi / size
        window = hann(size) * size / 2
        filters = np.concatenate([np.cos(turns), np.sin(turns)])[:, None] * window
        parts = net.op("Conv", net.add("Unsqueeze", waveform, axes=[1]), filters, strides=[256], pads=[size // 2, 0])
        edges = mel_edges(SPECTRUM)
        bands = (mel_matrix(SPECTRUM) * 2 / (edges[2:] - edges[:-2])).T
        power = net.op("MatMul", np.concatenate([bands, bands], axis=1), net.op("Mul", parts, parts))
        level = net.op("Log", net.op("Add", net.op("Mul", power, 1e4), 1.0))
        scale, shift = self._norm(1)
        image = net.op("Add", net.op("Mul", level, scale / np.log(10)), shift)
        return net.add("Unsqueeze", net.op("Transpose", image, perm=[0, 2, 1]), axes=[1])

    def front(self, image: str) -> str:
        """Greatest answer of each filter over the bands, [batch, 1, frames, bands] -> [batch, 561, frames]."""
        shapes = [*((shape, FILTERS) for shape in TIMBRAL), *(((frames, 1), FEW_FILTERS) for frames in TEMPORAL)]
        found = []
        for shape, filters in shapes:
            kernel, bias = self._convolution((*shape, 1, filters))
            before = (shape[0] - 1) // 2
            pads = [before, 0, shape[0] - 1 - before, 0]
            answers = self._active("Conv", image, kernel.transpose(3, 2, 0, 1), bias, pads=pads)
            found.append(self.graph.op("ReduceMax", answers, axes=[3], keepdims=0))
        return self.graph.op("Concat", *found, axis=1)

    def middle(self, features: str) -> str:
        """Features and three layers that look at 7 frames each, [batch, 561, frames] -> [batch, 753, frames]."""
        outputs, wide = [features], 2 * FILTERS + 3 * FEW_FILTERS
        for channels in (wide, MIDDLE, MIDDLE):
            kernel, bias = self._convolution((7, channels, 1, MIDDLE))
            found = self._active("Conv", outputs[-1], kernel[:, :, 0].transpose(2, 1, 0), bias, pads=[3, 3])
            outputs.append(self.graph.op("Add", found, outputs[-1]) if len(outputs) > 1 else found)
        return self.graph.op("Concat", *outputs, axis=1)

    def head(self, features: str) -> None:
        """Add outputs ``embedding`` and ``tags`` of [batch, 753, frames], by the greatest and the mean over time."""
        net, wide = self.graph, 2 * (2 * FILTERS + 3 * FEW_FILTERS + 3 * MIDDLE)
        pooled = [net.op(kind, features, axes=[2], keepdims=0) for kind in ("ReduceMax", "ReduceMean")]
        scale, shift = self._norm(wide)
        matrix, bias = self._dense("dense", wide, EMBEDDING)
        apart = np.arange(wide).reshape(-1, 2).T.ravel()  # TensorFlow interleaves them, channel by channel
        folded, bias = (scale[:, None] * matrix)[apart], bias + shift @ matrix
        embedding = self._active("Gemm", net.op("Concat", *pooled, axis=1), folded, bias, output="embedding")
        net.op("Sigmoid", net.op("Gemm", embedding, *self._dense("dense_1", EMBEDDING, LABELS)), output="tags")

    def _active(self, kind: str, value: str, kernel: Floats, bias: Floats, output: str = "", **settings: Any) -> str:
        """Layer, its positive part, and the normalisation after it."""
        net = self.graph
        positive = net.op("Relu", net.op(kind, value, kernel, bias, **settings))
        scale, shift = self._norm(len(bias))
        shape = (-1, *([1] * (kernel.ndim - 2)))
        return net.op("Add", net.op("Mul", positive, scale.reshape(shape)), shift.reshape(shape), output=output)

    def _convolution(self, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        name = _numbered("conv2d", self._convolutions)
        self._convolutions += 1
        return self._read(f"{name}/kernel", *shape), self._read(f"{name}/bias", shape[-1])

    def _dense(self, name: str, inputs: int, outputs: int) -> tuple[Floats, Floats]:
        return self._read(f"{name}/kernel", inputs, outputs), self._read(f"{name}/bias", outputs)

    def _norm(self, channels: int) -> tuple[Floats, Floats]:
        """Factor and summand of a batch normalisation."""
        name = _numbered("batch_normalization", self._norms)
        self._norms += 1
        gamma, beta, mean, variance = (
            self._read(f"{name}/{part}", channels) for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        scale = gamma / np.sqrt(variance + EPSILON)
        return scale, beta - mean * scale

    def _read(self, name: str, *shape: int) -> Floats:
        return need(self._weights, name, shape).astype(np.float64)


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name
