"""musicnn without TensorFlow: the reader of checkpoints, the graph, and the published weights where they are."""

from __future__ import annotations

import json
import os
import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from musicfeat.errors import InputError
from musicfeat.model.ort import onnxruntime
from musicfeat_trainer.cli import main
from musicfeat_trainer.data.teachers import read_card
from musicfeat_trainer.teachers import musicnn
from musicfeat_trainer.teachers.checkpoint import MAGIC, Weights, read_checkpoint

librosa = pytest.importorskip("librosa", reason="librosa is not installed: pip install 'musicfeat[benchmark]'")

TEACHERS = Path(os.environ.get("MUSICFEAT_DATA", "")) / "teachers"
SHAPES = [(7, 38, 204), (7, 67, 204), (128, 1, 51), (64, 1, 51), (32, 1, 51), (7, 561, 64), (7, 64, 64), (7, 64, 64)]
NORMS = [1, 204, 204, 51, 51, 51, 64, 64, 64, 1506, 200]


def run(model: bytes | str, waves: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(["tags", "embedding"], {"waveform": waves})


def sounds(count: int) -> npt.NDArray[np.float32]:
    generator = np.random.default_rng(3)
    times = np.arange(musicnn.SAMPLES) / musicnn.RATE
    tones = [np.sin(2 * np.pi * np.outer(generator.uniform(60, 4000, 6), times)).mean(0) for _ in range(count)]
    return (np.array(tones) * 0.5 + generator.normal(0, 0.01, (count, musicnn.SAMPLES))).astype(np.float32)


def drawn_weights() -> Weights:
    draw = np.random.default_rng(5)
    weights: Weights = {}
    for number, (frames, bands, filters) in enumerate(SHAPES):
        name = f"conv2d_{number}" if number else "conv2d"
        weights[f"{name}/kernel"] = draw.normal(0, (frames * bands) ** -0.5, (frames, bands, 1, filters))
        weights[f"{name}/bias"] = draw.normal(0, 0.1, filters)
    for name, inputs, outputs in (("dense", 1506, 200), ("dense_1", 200, 50)):
        weights[f"{name}/kernel"] = draw.normal(0, inputs**-0.5, (inputs, outputs))
        weights[f"{name}/bias"] = draw.normal(0, 0.1, outputs)
    for number, channels in enumerate(NORMS):
        name = f"batch_normalization_{number}" if number else "batch_normalization"
        weights[f"{name}/gamma"], weights[f"{name}/beta"] = draw.normal(0, 1, (2, channels))
        weights[f"{name}/moving_mean"] = draw.normal(0, 0.3, channels)
        weights[f"{name}/moving_variance"] = draw.uniform(0.3, 2, channels)
    return {name: values.astype(np.float32) for name, values in weights.items()}


class Reference:
    """The published network layer by layer, channels last, as TensorFlow computes it."""

    def __init__(self, weights: Weights) -> None:
        self.weights = {name: torch.from_numpy(values) for name, values in weights.items()}
        self.norms = self.convolutions = 0

    def norm(self, x: Tensor) -> Tensor:
        name = f"batch_normalization_{self.norms}" if self.norms else "batch_normalization"
        self.norms += 1
        gamma, beta, mean, variance = (
            self.weights[f"{name}/{part}"] for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return (x - mean) / torch.sqrt(variance + 1e-3) * gamma + beta

    def convolve(self, image: Tensor) -> Tensor:
        """Padded in time so that its length stays, the odd zero behind."""
        name = f"conv2d_{self.convolutions}" if self.convolutions else "conv2d"
        self.convolutions += 1
        kernel = self.weights[f"{name}/kernel"]
        more = len(kernel) - 1
        padded = F.pad(image.permute(0, 3, 1, 2), (0, 0, more // 2, more - more // 2))
        found = F.conv2d(padded, kernel.permute(3, 2, 0, 1), self.weights[f"{name}/bias"])
        return self.norm(found.relu().permute(0, 2, 3, 1))

    def __call__(self, waves: npt.NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        power = librosa.feature.melspectrogram(y=waves, sr=16000, n_fft=512, hop_length=256, n_mels=96)
        picture = torch.from_numpy(np.log10(10000 * power + 1)).transpose(1, 2)[:, :187, :, None]
        image = self.norm(picture)
        front = torch.cat([self.convolve(image).amax(2) for _ in range(5)], 2)[..., None]
        first = self.convolve(front).transpose(2, 3)
        second = self.convolve(first).transpose(2, 3) + first
        third = self.convolve(second).transpose(2, 3) + second
        features = torch.cat([front, first, second, third], 2)
        pooled = self.norm(torch.cat([features.amax(1), features.mean(1)], 2).flatten(1))
        hidden = (pooled @ self.weights["dense/kernel"] + self.weights["dense/bias"]).relu()
        embedding = self.norm(hidden)
        return (embedding @ self.weights["dense_1/kernel"] + self.weights["dense_1/bias"]).sigmoid(), embedding


def test_graph_is_the_published_network() -> None:
    weights, waves = drawn_weights(), sounds(2)
    found = run(musicnn.build(weights).SerializeToString(), waves)
    for wanted, got in zip(Reference(weights)(waves), found, strict=True):
        assert wanted.std() > 0.01
        np.testing.assert_allclose(got, wanted, atol=1e-4)


def test_other_weights_are_refused() -> None:
    weights = drawn_weights()
    del weights["conv2d_3/bias"]
    with pytest.raises(InputError, match="no conv2d_3/bias of shape \\(51,\\)"):
        musicnn.build(weights)
    weights = drawn_weights() | {"dense/bias": np.full(200, np.nan, np.float32)}
    with pytest.raises(InputError, match="dense/bias holds numbers that are not finite"):
        musicnn.build(weights)


def varint(value: int) -> bytes:
    return bytes(
        [
            *((value >> 7 * n & 127) | 128 for n in range((value.bit_length() - 1) // 7)),
            value >> 7 * ((max(value, 1).bit_length() - 1) // 7),
        ]
    )


def block(entries: list[tuple[int, bytes, bytes]]) -> bytes:
    body = b"".join(varint(n) + varint(len(key)) + varint(len(value)) + key + value for n, key, value in entries)
    return body + struct.pack("<II", 0, 1)


def checkpoint(kind: int = 1, compression: int = 0) -> tuple[bytes, bytes]:
    """A table of two variables, layer/bias [3] and layer/kernel [2, 200], written by hand from LevelDB's format."""
    data = np.arange(403, dtype="<f4").tobytes()
    bias = b"\x08" + varint(kind) + b"\x12\x04\x12\x02\x08\x03" + b"\x28\x0c" + b"\x35abcd"
    shape = b"\x12\x02\x08\x02\x12\x03\x08" + varint(200)
    kernel = b"\x08\x01\x12" + varint(len(shape)) + shape + b"\x20\x0c\x28" + varint(1600)
    entries = block([(0, b"", b"\x08\x01"), (0, b"layer/bias", bias), (6, b"kernel", kernel)])
    tail = bytes([compression]) + b"\0\0\0\0"
    index = block([(0, b"layer/kernel", varint(0) + varint(len(entries)))])
    at = len(entries) + len(tail)
    footer = (b"\0\0" + varint(at) + varint(len(index))).ljust(40, b"\0") + struct.pack("<Q", MAGIC)
    return entries + tail + index + b"\0" * 5 + footer, data


def test_checkpoint_is_read_without_tensorflow() -> None:
    weights = read_checkpoint(*checkpoint())
    assert {name: values.shape for name, values in weights.items()} == {"layer/bias": (3,), "layer/kernel": (2, 200)}
    np.testing.assert_array_equal(weights["layer/bias"], [0, 1, 2])
    np.testing.assert_array_equal(weights["layer/kernel"], np.arange(3, 403).reshape(2, 200))
    assert list(read_checkpoint(*checkpoint(kind=9))) == ["layer/kernel"]  # 9: whole numbers, such as a step counter


@pytest.mark.parametrize(
    ("index", "data", "told"),
    [
        (b"no table", b"", "no LevelDB table"),
        (checkpoint()[0], checkpoint()[1][:100], "damaged"),
        (checkpoint(compression=1)[0], checkpoint()[1], "compressed"),
        (checkpoint()[0][60:], checkpoint()[1], "damaged|cut"),
    ],
)
def test_damaged_checkpoints_are_told(index: bytes, data: bytes, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_checkpoint(index, data)


def test_without_the_package_the_way_to_get_it_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["teacher", "musicnn", "-o", str(tmp_path / "x.onnx"), "--package"]
    assert main([*arguments, str(tmp_path / "none.whl")]) == 1
    assert "pip download musicnn --no-deps" in capsys.readouterr().err
    assert main([*arguments, str(tmp_path)]) == 1
    assert "has no file MSD_musicnn/.index" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(find_spec("musicnn") is None, reason="needs musicnn's weights: pip install --no-deps musicnn")
@pytest.mark.parametrize("network", ["MSD_musicnn", "MTT_musicnn"])
def test_published_weights_equal_another_conversion(network: str, tmp_path: Path) -> None:
    assert main(["teacher", "musicnn", "-o", str(tmp_path / f"{network.lower()}.onnx"), "--weights", network]) == 0
    card = json.loads((tmp_path / f"{network.lower()}.json").read_text())
    assert len(card["labels"]) == card["outputs"]["tags"][0] == 50
    known_as = read_card(tmp_path / f"{network.lower()}.onnx")
    assert (known_as.sample_rate, known_as.samples, known_as.embedding) == (16000, 48000, 200)
    other = TEACHERS / f"{network.lower()}.onnx"
    if not other.exists():
        pytest.skip("needs the same network converted by other means, in $MUSICFEAT_DATA/teachers")
    known = json.loads(other.with_suffix(".json").read_text())
    assert {key: card[key] for key in ("name", "input", "labels")} == {
        key: known[key] for key in ("name", "input", "labels")
    }
    waves = np.concatenate([sounds(2), recorded()])
    for wanted, got in zip(run(str(other), waves), run(str(tmp_path / other.name), waves), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-4)


def recorded() -> npt.NDArray[np.float32]:
    """[3, samples] of a recording where there is one, or none."""
    for path in sorted(TEACHERS.parent.glob("music/*/*.opus"))[:1]:
        wave, _ = librosa.load(path, sr=musicnn.RATE, duration=9.0)
        return wave.reshape(-1, musicnn.SAMPLES)
    return np.zeros((0, musicnn.SAMPLES), np.float32)
