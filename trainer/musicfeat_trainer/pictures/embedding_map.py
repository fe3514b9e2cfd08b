"""Map of an embedding, coloured by class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.manifold import TSNE

from musicfeat.errors import InputError
from musicfeat_trainer.pictures.style import COLOURS, MARKERS, label, save

MOST = 3000
"""Greatest number of clips on a map: t-SNE takes minutes for more, and points would cover each other."""
LEGEND_ROWS = 26


def embedding_places(embedding: npt.NDArray[np.floating], seed: int = 7) -> npt.NDArray[np.floating]:
    """Positions by t-SNE (van der Maaten and Hinton, 2008) of standardised vectors, from principal components.

    Args:
        embedding: [n, D].
        seed: seed of its random choices.

    Returns:
        [n, 2].

    Raises:
        InputError: there are fewer than three clips, or vectors have fewer than two numbers.
    """
    if len(embedding) < 3 or embedding.shape[1] < 2:
        raise InputError(f"a map needs three clips and vectors of two numbers or more, got {embedding.shape}")
    x = np.asarray(embedding, dtype=np.float64)
    x = (x - x.mean(0)) / np.maximum(x.std(0), 1e-9)
    perplexity = min(30.0, (len(x) - 1) / 3)
    return TSNE(perplexity=perplexity, init="pca", learning_rate="auto", random_state=seed).fit_transform(x)


def one_class(truth: npt.NDArray[np.number]) -> npt.NDArray[np.int64]:
    """Class of each item, [n]: of classes [n] itself; of tags [n, classes] the only one that is there, else -1."""
    if truth.ndim == 1:
        return truth.astype(np.int64)
    there = truth == 1
    return np.where(there.sum(1) == 1, there.argmax(1), -1)


def draw_embedding_map(
    embedding: npt.NDArray[np.floating], labels: npt.NDArray[np.integer], classes: Sequence[str], path: Path
) -> None:
    """Draw a point for each clip; each class has its own pair of colour and marker.

    Args:
        embedding: [n, D].
        labels: indices into ``classes``, [n]; clips of no class (-1) are left out.
        classes: their names.
        path: path of the PNG.

    Raises:
        InputError: there are too few clips.
    """
    from musicfeat_trainer.pictures.figures import Figure

    rows = np.flatnonzero(labels >= 0)
    rows = np.sort(np.random.default_rng(7).permutation(rows)[:MOST])
    labels, places = labels[rows], embedding_places(embedding[rows])
    columns = math.ceil(len(classes) / LEGEND_ROWS)
    figure = Figure(figsize=(6.5 + 2.2 * columns, 6.5), layout="constrained")
    axes = figure.subplots()
    for i, name in enumerate(classes):
        colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i // len(COLOURS) % len(MARKERS)]
        x, y = places[labels == i].T
        axes.scatter(x, y, s=18, c=colour, marker=marker, alpha=0.8, linewidths=0, label=label(name))
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.set_adjustable("datalim")
    figure.legend(loc="outside right upper", ncols=columns, fontsize=9, markerscale=1.6)
    save(figure, path)
