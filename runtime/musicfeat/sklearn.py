"""``Embedder``: a step of scikit-learn's pipelines that turns recordings into rows of numbers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

try:
    from sklearn.base import BaseEstimator, TransformerMixin
except ImportError as error:
    raise ImportError(
        f"musicfeat.sklearn needs scikit-learn ({error}): pip install 'musicfeat[sklearn]'", name=error.name
    ) from error

from musicfeat.errors import InputError, MusicfeatError
from musicfeat.extractor import Extractor
from musicfeat.features import Features, Floats
from musicfeat.functional import shared_extractor
from musicfeat.sound.audio import PathLike

FEATURES = ("embedding", "tags", "reversal")


class Embedder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Transformer from recordings to rows of pooled features; it needs no fitting.

        classifier = make_pipeline(Embedder(), StandardScaler(), LogisticRegression())
        classifier.fit(paths, classes)

    Copies of an embedder, and others with the same arguments, share one opened model in each process. A search or a
    cross-validation over the whole pipeline embeds every recording again each time; embed once before it to save that.

    Args:
        model: path of a model file, or the name of a bundled model; None is the default model.
        device: "cpu" or "cuda:INDEX".
        threads: threads of the model; None is one for each core. With ``n_jobs`` use 1.
        sr: sample rate in Hz of all waveforms; files know their own.
        hop: seconds from one window to the next; None lets windows touch without overlap.
        features: names from "embedding", "tags" and "reversal", joined in this order.
    """

    def __init__(
        self,
        *,
        model: PathLike | None = None,
        device: str = "cpu",
        threads: int | None = None,
        sr: float | None = None,
        hop: float | None = None,
        features: Sequence[str] = ("embedding",),
    ) -> None:
        self.model = model
        self.device = device
        self.threads = threads
        self.sr = sr
        self.hop = hop
        self.features = features

    def fit(self, X: Any = None, y: Any = None) -> Embedder:  # noqa: ARG002, N803
        """Check ``features`` and the type of ``X``, without decoding anything.

        Raises:
            InputError: one of them cannot be used.
        """
        self._checked_features()
        if X is not None:
            _many(X)
        return self

    def transform(self, X: Any) -> Floats:  # noqa: N803
        """The features of each recording.

        Args:
            X: n recordings: paths, or waveforms of [samples] or [channels, samples] and any length. A list, an array
                of [n, samples] or [n, channels, samples], a column of paths in a table, or an iterator of them.

        Returns:
            [n, D] float32, or the container that ``set_output`` asked for.

        Raises:
            AudioError: a file cannot be decoded; the error names it.
            InputError: a waveform or an argument is unusable; the error says which.
            ModelError, DeviceError: as for ``Extractor``.
        """
        features, items = self._checked_features(), list(_many(X))
        if not items:
            raise InputError("X is empty: at least one recording is needed")
        found = self._heard(self._extractor(), items)
        return np.stack([np.concatenate([_values(heard, name) for name in features]) for heard in found])

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:  # noqa: ARG002
        """Names of the D columns, such as "embedding0", "tag_piano" or "reversal". Opens the model.

        Args:
            input_features: ignored, as recordings have no columns.
        """
        features, extractor = self._checked_features(), self._extractor()
        # The card does not hold the size of an embedding; one sample of silence tells it.
        size = extractor(np.zeros(1), extractor.card.sample_rate).embedding.size
        names = {
            "embedding": [f"embedding{i}" for i in range(size)],
            "tags": [f"tag_{label}" for label in extractor.card.labels],
            "reversal": ["reversal"],
        }
        return np.array([column for name in features for column in names[name]], dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        tags.no_validation, tags.requires_fit = True, False
        return tags

    def _checked_features(self) -> tuple[str, ...]:
        chosen = self.features
        if isinstance(chosen, str) or not isinstance(chosen, Iterable) or not (names := tuple(chosen)):
            raise InputError(f"features must be one or more of {FEATURES}, as a tuple or list, got {chosen!r}")
        if any(name not in FEATURES for name in names) or len(set(names)) < len(names):
            raise InputError(f"features must be names out of {FEATURES}, each once, got {chosen!r}")
        return names

    def _extractor(self) -> Extractor:
        outputs = tuple(name for name in FEATURES[1:] if name in self.features)
        return shared_extractor(self.model, self.device, self.threads, self.hop, outputs)

    def _heard(self, extractor: Extractor, items: list[Any]) -> Iterator[Features]:
        if all(isinstance(item, (str, os.PathLike)) for item in items):
            for result in extractor.map(items):  # map decodes the next file while the model runs
                if isinstance(result, MusicfeatError):
                    raise result
                yield result
            return
        for index, item in enumerate(items):
            yield self._one(extractor, item, index)

    def _one(self, extractor: Extractor, item: Any, index: int) -> Features:
        if isinstance(item, (str, os.PathLike)):
            return extractor(item)
        try:
            return extractor(item, self.sr)
        except MusicfeatError as error:
            raise type(error)(f"X[{index}]: {error}") from error


def _values(features: Features, name: str) -> Floats:
    if name == "embedding":
        return features.embedding
    return np.array(list(features.tags.values()) if name == "tags" else [features.reversed], dtype=np.float32)


def _many(X: Any) -> Iterable[Any]:  # noqa: N803
    """The recordings of any accepted container, one by one."""
    shape = getattr(X, "shape", None)
    if isinstance(X, (str, os.PathLike)) or not isinstance(X, Iterable) or shape == ():
        raise InputError(f"X must be many recordings, paths or waveforms, got {type(X).__name__}: pass [recording]")
    if shape is None or len(shape) > 2:
        return X
    table = np.asarray(X)
    if table.shape != shape:
        raise InputError(f"X must be a list or a dense array, got {type(X).__name__}: sparse input is not supported")
    if table.ndim == 1 and table.dtype.kind in "biufc":
        raise InputError(f"X must be many recordings, got one array of shape {shape}: pass [waveform]")
    return _rows(table)


def _rows(table: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Rows of a table: one waveform each, or the path in the only column."""
    if table.ndim == 1 or table.dtype.kind not in "OUT":
        return table
    if table.shape[1] != 1:
        raise InputError(f"X must be one column of paths, got a table of shape {table.shape}: choose the column")
    return table[:, 0]
