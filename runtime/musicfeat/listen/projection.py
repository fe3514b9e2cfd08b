"""Projections of embeddings to two dimensions, for the map."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from musicfeat.model.session import cores

Floats = npt.NDArray[np.float32]
SAMPLE_ROWS = 20_000
BLOCK = 8192


def principal(vectors: npt.NDArray[np.floating], count: int) -> Floats:
    """[n, D] -> [n, count] principal components, fitted on an even sample of rows and computed block by block.

    Rows of zeros stand for silence and are not fitted. Each component's skewness sets its sign.
    """
    found = np.zeros((len(vectors), count), np.float32)
    sample = np.asarray(vectors[:: max(1, len(vectors) // SAMPLE_ROWS)], np.float64)
    sample = sample[sample.any(axis=1)]
    if not len(sample):
        return found
    mean = sample.mean(axis=0)
    _, axes = np.linalg.eigh((sample - mean).T @ (sample - mean))
    axes = axes[:, ::-1][:, :count]
    axes = np.asarray(axes * np.where((((sample - mean) @ axes) ** 3).sum(axis=0) < 0, -1, 1), np.float32)
    for first in range(0, len(vectors), BLOCK):
        block = vectors[first : first + BLOCK].astype(np.float32)
        found[first : first + BLOCK, : axes.shape[1]] = (block - mean.astype(np.float32)) @ axes
    return found


def scaled(layout: Floats) -> Floats:
    """[n, 2] centred, and scaled alike along both axes to the range -1 to 1."""
    if not len(layout):
        return layout
    low, high = layout.min(axis=0), layout.max(axis=0)
    reach = float((high - low).max()) / 2 or 1.0
    return np.asarray((layout - (low + high) / 2) / reach, np.float32)


def t_sne(components: Floats) -> Floats:
    """[n, d] -> [n, 2] by t-SNE (openTSNE), started at the first two components and so the same in every run.

    Perplexity 30, 150 iterations with exaggeration and 350 without.
    """
    from openTSNE import TSNE

    spread = float(components[:, 0].std()) or 1.0
    found = TSNE(
        perplexity=min(30.0, (len(components) - 1) / 3),
        n_jobs=cores(),
        n_iter=350,
        early_exaggeration_iter=150,
        initialization=components[:, :2] / spread * 1e-4,
        random_state=0,
    ).fit(components)
    return np.asarray(found, np.float32)
