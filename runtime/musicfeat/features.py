"""Results of an extractor: the features of a recording, the order of pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from musicfeat.curves import Curve
from musicfeat.errors import InputError
from musicfeat.finding import Finding

if TYPE_CHECKING:
    from musicfeat.heads import Head

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Features:
    """Features of one recording, one row per window (W rows, at least one).

    A silent window (nothing above -120 dB full scale) has an embedding of zeros, no tags, and undecided
    probabilities of 0.5; it does not count in pooled values unless the whole recording is silent.

    >>> f = Extractor()("song.wav")
    >>> f.times, f.embeddings.shape
    (array([ 5., 15., 22.]), (3, 456))
    """

    starts: npt.NDArray[np.float64]
    """[W] start of each window in seconds on a player's clock; above 0 in a video whose sound starts late."""
    ends: npt.NDArray[np.float64]
    """[W] end of each window's sound in seconds; the recording's end for a padded last window."""
    embeddings: Floats
    """[W, D] one embedding per window."""
    reversal: Floats
    """[W] P(plays backwards); 0.5, undecided, for a window with less than a second of sound."""
    jigsaw: Floats
    """[W] P(the window's three pieces are out of order); 0.5, undecided, for a padded window."""
    weights: npt.NDArray[np.float64]
    """[W] share of each window in pooled values; sums to 1."""
    silent: npt.NDArray[np.bool_]
    """[W] True for each silent window."""
    tag_curve: Floats | None = None
    """[W, n] probability of each label, if the model has tags."""
    labels: tuple[str, ...] = ()
    """The n labels of ``tag_curve``."""
    kinds: tuple[str, ...] = ()
    """Kind of each of the n labels, such as "instrument", "genre" or "mood"; empty if all are instruments."""
    taught: tuple[Head, ...] = ()
    """The heads that the extractor was opened with; see ``heads``."""
    frames: Floats | None = None
    """[W, T, D'] features at a finer step, if asked for."""
    cuts: Curve | None = None
    """P(a cut here) over the recording, if the model has it; see ``cut_curve``."""
    backwards: Curve | None = None
    """P(this plays backwards) over the recording, if the model has it; see ``reversal_curve``."""
    path: str | None = None
    """Path of the file; None for an array."""
    sr: int | None = None
    """Sample rate of the source in Hz, before it was resampled for the model."""
    lost: float = 0.0
    """Seconds of damaged sound left out, at most a twentieth of the file."""

    @property
    def times(self) -> npt.NDArray[np.float64]:
        """[W] centre of each window's sound in seconds."""
        return (self.starts + self.ends) / 2

    @property
    def duration(self) -> float:
        """Seconds from the first window's start to the last window's end."""
        return float(self.ends[-1] - self.starts[0])

    @cached_property
    def embedding(self) -> Floats:
        """[D] mean of the windows' embeddings, weighted by ``weights``."""
        return np.asarray(self.weights @ self.embeddings, dtype=np.float32)

    @property
    def tags(self) -> dict[str, float]:
        """Label -> pooled probability; empty if the model has no tags."""
        if self.tag_curve is None:
            return {}
        return dict(zip(self.labels, (self.weights @ self.tag_curve).tolist(), strict=True))

    def top_tags(self, count: int | None = 5, *, kind: str | None = None) -> list[tuple[str, float]]:
        """The most probable labels with their pooled probabilities, best first.

        >>> [label for label, probability in Extractor()("song.wav").top_tags(2)]
        ['guitar', 'harp']

        Args:
            count: greatest number of labels; None for all.
            kind: "instrument", "genre" or "mood": only labels of that kind; None for labels of every kind.

        Raises:
            InputError: the model has no labels of that kind.
        """
        kinds = self.kinds or ("instrument",) * len(self.labels)
        if kind is not None and kind not in kinds:
            raise InputError(
                f"the model has no tags of kind {kind!r}, but of {', '.join(sorted(set(kinds))) or 'none'}"
            )
        of_kind = dict(zip(self.labels, kinds, strict=True))
        chosen = [(label, p) for label, p in self.tags.items() if kind in (None, of_kind[label])]
        return sorted(chosen, key=lambda pair: -pair[1])[:count]

    @property
    def cut_curve(self) -> Floats | None:
        """[C] P(a cut here) at each of ``cut_times``, if the model has it; each value is from the window nearest to it.

        Its prior is a cut or two in every second window: where edits are rare, lower its odds.
        """
        return self.cuts.values if self.cuts else None

    @property
    def cut_times(self) -> npt.NDArray[np.float64] | None:
        """[C] seconds of ``cut_curve``, at most a tenth of a second apart."""
        return self.cuts.times if self.cuts else None

    @property
    def reversal_curve(self) -> Floats | None:
        """[R] P(this plays backwards) at each of ``reversal_times``, if the model has it; 0.5 in silence."""
        return self.backwards.values if self.backwards else None

    @property
    def reversal_times(self) -> npt.NDArray[np.float64] | None:
        """[R] seconds of ``reversal_curve``."""
        return self.backwards.times if self.backwards else None

    def edits(self, least: float = 0.5) -> list[Finding]:
        """Cuts and stretches that play backwards with P of at least ``least``, in time order; none without curves."""
        found = [
            *(self.cuts.cuts(least) if self.cuts else ()),
            *(self.backwards.stretches(least, self.cuts) if self.backwards else ()),
        ]
        return sorted(found, key=lambda finding: finding.start)

    @property
    def heads(self) -> dict[str, dict[str, float]]:
        """Name of a head -> label -> probability for the pooled embedding."""
        return {head.name: _labelled(head, self.embedding) for head in self.taught}

    @property
    def head_curves(self) -> dict[str, Floats]:
        """Name of a head -> [W, n] probability of each of its labels in each window."""
        return {head.name: head(self.embeddings) for head in self.taught}

    @property
    def reversed(self) -> float:
        """One P(plays backwards) for the whole recording: the windows' log-odds, averaged."""
        return pool_probability(self.reversal, self.weights)

    def __len__(self) -> int:
        return len(self.starts)

    def __repr__(self) -> str:
        of = f" of {self.path}" if self.path else ""
        return (
            f"<Features{of}: {self.duration:.1f} s, {len(self)} windows, embedding [{self.embeddings.shape[1]}], "
            f"reversed {self.reversed:.2f}>"
        )


def _labelled(head: Head, embedding: Floats) -> dict[str, float]:
    return dict(zip(head.labels, head(embedding).tolist(), strict=True))


def pool_probability(probabilities: npt.ArrayLike, weights: npt.ArrayLike) -> float:
    """Mean of probabilities as log-odds, clipped so that one certain window cannot outvote the rest."""
    p = np.clip(np.asarray(probabilities, dtype=np.float64), 1e-4, 1 - 1e-4)
    return float(1 / (1 + np.exp(-np.average(np.log(p / (1 - p)), weights=np.asarray(weights)))))


@dataclass(frozen=True, eq=False)
class Order:
    """The most probable order of some pieces."""

    permutation: tuple[int, ...]
    """Indices into the pieces as passed, in playing order."""
    probability: float
    """Probability of this order among all orders."""
    shuffled: float
    """P(the pieces were passed out of playing order), with a prior of one half."""
    scores: npt.NDArray[np.float64] = field(repr=False)
    """[n, n] score of piece a (row) directly before piece b (column), in nats; diagonal 0."""
    gap: float
    """Seconds missing at each join: the value passed, or the most probable one if that was None."""

    def apply(self, pieces: Sequence[object]) -> list[object]:
        """The pieces, put in playing order.

        >>> pieces = ["PIECES/b.wav", "PIECES/c.wav", "PIECES/a.wav"]
        >>> Extractor().order(pieces).apply(pieces)
        ['PIECES/c.wav', 'PIECES/a.wav', 'PIECES/b.wav']
        """
        return [pieces[i] for i in self.permutation]
