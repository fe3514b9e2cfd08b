"""The API of HEAR (Turian et al., 2022), through which its tasks and its validator get a model's embeddings.

    hear-validator musicfeat.hear
    python3 -m heareval.embeddings.runner musicfeat.hear --tasks-dir tasks

This module needs torch; no other module of the package does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

try:
    import torch
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("musicfeat.hear needs torch: pip install torch", name=error.name) from error

from musicfeat.errors import InputError
from musicfeat.extractor import Extractor
from musicfeat.features import Features

HOP_SECONDS = 0.5
"""Seconds between timestamps for models without frames."""


class Model(torch.nn.Module):
    """A musicfeat model with HEAR's interface; it runs on the CPU, whatever device it is moved to.

    Args:
        model: path of a model file, or the name of a bundled model; None is the default model.
    """

    def __init__(self, model: str | None = None) -> None:
        super().__init__()
        whole = Extractor(model, outputs=())
        self.has_frames = "frames" in whole.card.outputs
        outputs = ("frames",) if self.has_frames else ()
        hop = None if self.has_frames else HOP_SECONDS
        self.scenes = Extractor(model, outputs=outputs)
        self.places = self.scenes if self.has_frames else Extractor(model, hop=hop, outputs=())
        self.sample_rate = int(whole.card.sample_rate)
        self.scene_embedding_size = int(whole.dimension)
        one = self.scenes(np.zeros(1), self.sample_rate).frames
        self.timestamp_embedding_size = self.scene_embedding_size if one is None else int(one.shape[-1])


def load_model(model_file_path: str = "") -> Model:
    """The default model, or one from a file.

    Raises:
        ModelError: the file is missing, damaged or of another kind.
    """
    return Model(model_file_path or None)


def get_scene_embeddings(audio: torch.Tensor, model: Model) -> torch.Tensor:
    """[n, samples] at ``model.sample_rate`` -> [n, D], an embedding for each sound."""
    found = [model.scenes(wave, model.sample_rate).embedding for wave in _waves(audio)]
    return torch.from_numpy(np.stack(found)).to(audio.device)


def get_timestamp_embeddings(audio: torch.Tensor, model: Model) -> tuple[torch.Tensor, torch.Tensor]:
    """[n, samples] at ``model.sample_rate`` -> [n, T, D'] embeddings, and [n, T] their middles in milliseconds.

    They are the model's frames, or, for a model without frames, windows that begin every half second.
    """
    found = [model.places(wave, model.sample_rate) for wave in _waves(audio)]
    parts = [_frames(one, model) if model.has_frames else (one.embeddings, one.times) for one in found]
    embeddings, times = (np.stack(side) for side in zip(*parts, strict=True))
    milliseconds = torch.from_numpy((1000 * times).astype(np.float32))
    return torch.from_numpy(embeddings).to(audio.device), milliseconds.to(audio.device)


def _frames(found: Features, model: Model) -> tuple[Any, Any]:
    """[T, D'] frames that lie within the sound, and [T] their middles in seconds."""
    hop = model.scenes.card.frame_hop / model.sample_rate
    rows, times = [], []
    for start, end, frames in zip(
        found.starts, found.ends, found.frames if found.frames is not None else (), strict=True
    ):
        middles = start + hop * (np.arange(len(frames)) + 0.5)
        inside = max(1, int(np.sum(middles < end)))
        rows.append(frames[:inside])
        times.append(middles[:inside])
    return np.concatenate(rows), np.concatenate(times)


def _waves(audio: torch.Tensor) -> Any:
    if audio.ndim != 2:
        raise InputError(f"audio must be [sounds, samples], got shape {tuple(audio.shape)}")
    return audio.detach().cpu().numpy()
