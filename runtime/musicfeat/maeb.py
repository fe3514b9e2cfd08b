"""Entry for MAEB, the audio benchmark of mteb: ``mteb.evaluate(musicfeat.maeb.model(), tasks)``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from musicfeat.errors import InputError, MusicfeatError
from musicfeat.extractor import Extractor
from musicfeat.features import Floats

try:
    from mteb.models import ModelMeta
    from mteb.models.abs_encoder import AbsEncoder
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("musicfeat.maeb needs mteb: pip install 'musicfeat[maeb]'", name=error.name) from error

OWNER = "musicfeat"


class Encoder(AbsEncoder):
    """Encoder of the sounds of a task, each as its pooled embedding.

    Args:
        model_name: used only in mteb's records.
        model: path of a model file, or the name of a bundled model; None is the default model.
        device: "cpu" or "cuda:INDEX".
    """

    def __init__(
        self, model_name: str = "", revision: str | None = None, *, model: str | None = None, device: str | None = None
    ) -> None:
        self.extractor = Extractor(model, device or "cpu", outputs=())
        self.mteb_model_meta = entry(model)
        self.named = model_name, revision

    def encode(self, inputs: Iterable[Any], **_: Any) -> Floats:
        """[n, D] embeddings of batches that hold ``audio``: arrays with their ``sampling_rate``."""
        found = [self.extractor(wave, rate).embedding for batch in inputs for wave, rate in _sounds(batch)]
        return np.stack(found)


def _sounds(batch: Any) -> Iterator[tuple[Any, float]]:
    if "audio" not in batch:
        raise InputError(f"only audio can be encoded, the task has {sorted(batch)}")
    for sound in batch["audio"]:
        wave = np.asarray(sound["array"], np.float32)
        yield wave, sound["sampling_rate"]


def entry(model: str | None = None) -> ModelMeta:
    """Record of a model for mteb, taken from the model's card."""
    try:
        opened = Extractor(model, outputs=())
    except MusicfeatError as error:
        raise InputError(f"no entry can be made: {error}") from error
    card = opened.card
    return ModelMeta(
        loader=Encoder,
        loader_kwargs={"model": model},
        name=f"{OWNER}/{card.name}",
        revision=card.version,
        release_date=None,
        languages=[],
        n_parameters=None,
        memory_usage_mb=round(opened.session.path.stat().st_size / 2**20, 1),
        max_tokens=None,
        embed_dim=opened.dimension,
        license=card.licence.lower() or None,
        open_weights=True,
        public_training_code=None,
        public_training_data=None,
        framework=["ONNX"],
        similarity_fn_name="cosine",
        use_instructions=False,
        training_datasets=set(),
        modalities=["audio"],
    )


def model(path: str | None = None) -> Encoder:
    """A model, opened for ``mteb.evaluate``."""
    return Encoder(model=path)
