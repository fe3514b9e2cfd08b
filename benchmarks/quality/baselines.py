"""Baselines of the embedding (classic features, the same encoder before training) and peers (published taggers)."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import numpy.typing as npt
import soxr
from report import MFCC, UNTRAINED
from sounds import Wave

from musicfeat import Extractor
from musicfeat_trainer.data.teachers import TeacherTargets, patches

OURS = "ours"
Embedder = Callable[[Wave], npt.NDArray[np.floating]]


def embedders(extractor: Extractor, teachers: Path) -> dict[str, Embedder]:
    """Embedders of the model, the baselines and the peers: waveform at the model's rate -> vector."""
    rate = extractor.card.sample_rate
    untrained = untrained_twin(extractor)
    return {
        OURS: lambda wave: extractor(wave, sr=rate).embedding,
        **{TeacherTargets(path).card.name: peer(path, rate) for path in taggers(teachers)},
        MFCC: lambda wave: mfcc_and_chroma(wave, rate),
        UNTRAINED: lambda wave: untrained(wave, sr=rate).embedding,
    }


def taggers(folder: Path) -> list[Path]:
    """Published taggers in a folder: ONNX files with a JSON card beside them."""
    return [path for path in sorted(folder.glob("*.onnx")) if path.with_suffix(".json").is_file()]


def peer(path: Path, rate: int) -> Embedder:
    """Embedder of a published tagger: the mean of its embeddings of the patches of a waveform."""
    tagger = TeacherTargets(path)
    return lambda wave: answers(tagger, wave, rate)[:, len(tagger.card.labels) :].mean(0)


def answers(tagger: TeacherTargets, wave: Wave, rate: int) -> npt.NDArray[np.float32]:
    """A tagger's answers for the patches of a waveform, [patches, tags + embedding]."""
    return tagger.answers(patches(soxr.resample(wave, rate, tagger.card.sample_rate), tagger.card.samples))


def mfcc_and_chroma(wave: Wave, rate: int) -> npt.NDArray[np.floating]:
    """Mean and deviation over time of 20 MFCC and 12 chroma, [64]."""
    parts = [librosa.feature.mfcc(y=wave, sr=rate, n_mfcc=20), librosa.feature.chroma_stft(y=wave, sr=rate)]
    return np.concatenate([figure(part, axis=1) for part in parts for figure in (np.mean, np.std)])


def untrained_twin(extractor: Extractor) -> Extractor:
    """The model's own recipe with fresh weights, exported like the model itself."""
    import torch

    from musicfeat_export.model_file import write
    from musicfeat_export.onnx_file import card_of, outputs_of, to_onnx
    from musicfeat_export.parity import check_parity
    from musicfeat_trainer.bundled.model import fresh_model
    from musicfeat_trainer.recipe.bundled import Recipe

    torch.manual_seed(0)
    recipe = Recipe.model_validate_json(extractor.card.recipe).model_copy(update={"taught": {}})
    model = fresh_model(recipe)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "untrained.onnx"
        proto = to_onnx(model, recipe.window, outputs_of(recipe))
        write(proto, card_of(model, recipe), path, lambda written: check_parity(model, written))
        return Extractor(path, threads=extractor.session.threads, outputs=[])
