"""A recording on its way through the model: rows of its windows are gathered and joined as features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from musicfeat.curves import Curve, stitched
from musicfeat.errors import MusicfeatError
from musicfeat.features import Features, Floats
from musicfeat.heads import Head
from musicfeat.model.card import ModelCard
from musicfeat.sound.loss import Loss
from musicfeat.sound.windows import Window, pooling_weights

DECISIVE_SECONDS = 1.0
FIELDS = {"cuts": "cut", "backwards": "backwards"}
"""Field of ``Features`` -> output of a model."""
Samples = npt.NDArray[np.int64]


class Recording:
    """Outputs of the model for each window of a recording, without the sound.

    Args:
        card: the model's card.
        hop: samples from one window to the next.
        path: path of the file; None for an array.
        heads: heads for the features.
    """

    def __init__(self, card: ModelCard, hop: int, path: str | None = None, heads: Sequence[Head] = ()) -> None:
        self.path, self.sr, self.error = path, None, None
        self.loss, self.start = Loss(), 0.0
        self._card, self._hop, self._heads = card, hop, heads
        self._rows: list[tuple[int, int, bool]] = []
        self._values: dict[str, list[Floats]] = {}

    path: str | None
    sr: int | None
    """Sample rate of the source in Hz, once it is open."""
    error: MusicfeatError | None
    """Error that stopped its reading, if any."""
    loss: Loss
    """Sound that could not be decoded so far."""
    start: float
    """Start of its first window in seconds on a player's clock."""

    def add(self, window: Window, values: Mapping[str, Floats]) -> None:
        """Append a window's row of each output."""
        self._rows.append((window.start, window.valid, window.silent))
        for name, value in values.items():
            self._values.setdefault(name, []).append(value)

    def result(self) -> Features | MusicfeatError:
        """The features, or the error with the file as its ``path``."""
        if self.error is None:
            return self.features()
        self.error.path = self.path
        return self.error

    def features(self) -> Features:
        """Features of the rows; silent, short and padded windows are undecided."""
        rows = np.array(self._rows, dtype=np.int64)
        start, valid, silent = rows[:, 0], rows[:, 1], rows[:, 2].astype(bool)
        values = {name: np.stack(rows) for name, rows in self._values.items()}
        rate, undecided = self._card.sample_rate, np.full(len(rows), 0.5, dtype=np.float32)
        padded, brief = valid < self._card.window, valid < DECISIVE_SECONDS * rate
        weights = pooling_weights(valid, self._hop) * (~silent | silent.all())
        return Features(
            starts=self.start + start / rate,
            ends=self.start + (start + valid) / rate,
            embeddings=_quiet(values["embedding"], silent),
            reversal=np.where(silent | brief, undecided, values.get("reversal", undecided)),
            jigsaw=np.where(silent | padded, undecided, values.get("jigsaw", undecided)),
            weights=weights / weights.sum(),
            silent=silent,
            tag_curve=_quiet(values["tags"], silent) if "tags" in values else None,
            labels=self._card.labels,
            kinds=self._card.kinds,
            taught=tuple(self._heads),
            frames=_quiet(values["frames"], silent) if "frames" in values else None,
            **{field: self._curve(values, name, start, valid) for field, name in FIELDS.items()},
            path=self.path,
            sr=self.sr,
            lost=self.loss.seconds,
        )

    def _curve(self, values: Mapping[str, Floats], name: str, start: Samples, valid: Samples) -> Curve | None:
        """The curve of one output over the recording; None if it was not computed."""
        if name not in values:
            return None
        rate, end = self._card.sample_rate, self.start + int(start[-1] + valid[-1]) / self._card.sample_rate
        return stitched(self.start + start / rate, values[name], *self._card.curves[name], end)


def _quiet(values: Floats, silent: npt.NDArray[np.bool_]) -> Floats:
    """Values with those of silent windows set to zero."""
    return np.where(silent.reshape(-1, *[1] * (values.ndim - 1)), np.float32(0), values)


Step = tuple[Recording, Window | None]
"""A window of a recording, or None behind its last."""


def steps(recording: Recording, windows: Iterator[Window]) -> Iterator[Step]:
    """The windows of a recording, then None for its end, even after an error."""
    try:
        for window in windows:
            yield recording, window
    except MusicfeatError as error:
        recording.error = error
    yield recording, None
