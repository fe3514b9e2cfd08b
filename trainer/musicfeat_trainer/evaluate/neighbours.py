"""Is the next clip of a track nearer than clips of other tracks? (after Gururani et al., 2019)"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

OTHERS = 99


def neighbour_ranks(
    embeddings: npt.NDArray[np.floating], tracks: npt.NDArray[np.integer], seed: int = 7
) -> npt.NDArray[np.int64]:
    """Rank of each clip's successor among ``OTHERS`` clips of other tracks, 1 the best, [n pairs].

    Args:
        embeddings: [n, D] of back-to-back clips in the order of their tracks.
        tracks: [n], the track of each clip.
        seed: draws the others.

    Vectors are standardised over the set and compared by cosine; ties count against. Fewer others are
    drawn where there are not enough clips of other tracks, and the rank is scaled up to ``OTHERS``.
    """
    x = np.asarray(embeddings, dtype=np.float64)
    x = (x - x.mean(0)) / np.maximum(x.std(0), 1e-9)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    generator = np.random.default_rng(seed)
    ranks = []
    for i in np.flatnonzero(tracks[:-1] == tracks[1:]):
        others = np.flatnonzero(tracks != tracks[i])
        drawn = generator.choice(others, min(OTHERS, len(others)), replace=False)
        nearer = (x[drawn] @ x[i] >= x[i + 1] @ x[i]).mean()
        ranks.append(1 + round(nearer * OTHERS))
    return np.array(ranks, dtype=np.int64)


def arithmetic_and_geometric(ranks: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Both means of the ranks."""
    return float(ranks.mean()), float(np.exp(np.log(ranks).mean()))
