"""Scores of a linear probe, or a cosine, on the frozen embedding and on the baselines."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from baselines import OURS, Embedder
from report import Row
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sounds import CLIP_SECONDS, CLIPS_PER_TRACK, Track, Wave, back_to_back, clips_of, table

from musicfeat.sound.audio import load
from musicfeat_trainer.evaluate.intervals import interval
from musicfeat_trainer.evaluate.metrics import arithmetic_and_geometric, neighbour_ranks

STRENGTHS = (0.003, 0.01, 0.1, 1.0)
SHOTS, DRAWS = 5, 20
Split = tuple[np.ndarray, np.ndarray]
"""Indices for training and for testing."""


def probed(vectors: np.ndarray, labels: np.ndarray, splits: list[Split]) -> npt.NDArray[np.bool_]:
    """Right and wrong answers of logistic regression on standardised vectors, at the best of ``STRENGTHS``.

    Returns:
        [tests]: True for a right answer; the tests of all splits, one split after another.
    """

    def answered(strength: float) -> npt.NDArray[np.bool_]:
        right = []
        for train, test in splits:
            probe = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=3000))
            right.append(probe.fit(vectors[train], labels[train]).predict(vectors[test]) == labels[test])
        return np.concatenate(right)

    return max(map(answered, STRENGTHS), key=np.mean)


def accuracies(task: str, on: str, vectors: dict[str, np.ndarray], labels: np.ndarray, splits: list[Split]) -> Row:
    """Accuracies of all embedders; the interval of ours is over the items."""
    right = {name: probed(x, labels, splits) for name, x in vectors.items()}
    values = {name: float(answers.mean()) for name, answers in right.items()}
    items = np.concatenate([test for _, test in splits])
    certain = interval(lambda rows: float(right[OURS][rows].mean()), items)
    return Row(task, on, len(set(items)), values.pop(OURS), 1 / len(set(labels)), values, interval=certain)


def vectors_of(embedders: dict[str, Embedder], waves: Iterable[Wave]) -> dict[str, np.ndarray]:
    """Vectors of all embedders for each sound, which is loaded once."""
    columns = zip(*[[embed(wave) for embed in embedders.values()] for wave in waves], strict=True)
    return {name: np.stack(column) for name, column in zip(embedders, columns, strict=True)}


def esc10(embedders: dict[str, Embedder], root: Path, rate: int, limit: int) -> Row:
    """Environmental sounds (Piczak, 2015), on the data set's own five folds."""
    found = sorted(path for folder in root.iterdir() if folder.is_dir() for path in folder.iterdir())
    kinds = sorted({(path.parent.name, path.name[0]) for path in found})
    files = [path for kind in kinds for path in [p for p in found if (p.parent.name, p.name[0]) == kind][:limit]]
    vectors = vectors_of(embedders, [load(path, rate=rate) for path in files])
    labels = np.array([path.parent.name for path in files])
    folds = np.array([path.name[0] for path in files])
    splits = [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in sorted(set(folds))]
    return accuracies("linear probe", "ESC-10, five folds", vectors, labels, splits)


def notes(embedders: dict[str, Embedder], root: Path, rate: int, limit: int) -> Row:
    """Instruments of recorded notes, by a probe trained on other notes of the same instruments."""
    rows = table(root / "notes.csv")
    kept = [row for name in sorted({r["instrument"] for r in rows}) for row in _some(rows, name, limit)]
    vectors = vectors_of(embedders, [load(root / row["path"], rate=rate) for row in kept])
    labels = np.array([row["instrument"] for row in kept])
    held_out = np.array([row["split"] == "heldout" for row in kept])
    split = [(np.flatnonzero(~held_out), np.flatnonzero(held_out))]
    return accuracies("linear probe", "instrument of a real note", vectors, labels, split)


def _some(rows: list[dict[str, str]], instrument: str, limit: int) -> list[dict[str, str]]:
    return [
        row
        for split in ("train", "heldout")
        for row in [r for r in rows if r["instrument"] == instrument and r["split"] == split][:limit]
    ]


def neighbours(embedders: dict[str, Embedder], tracks: list[Track], rate: int) -> list[Row]:
    """Rank of the next clip among 100 (after Gururani et al., 2019); lower is better."""
    clips = [back_to_back(track.wave, rate) for track in tracks]
    vectors = vectors_of(embedders, [clip for some in clips for clip in some])
    numbers = np.repeat(np.arange(len(tracks)), [len(some) for some in clips])
    ranks = {name: neighbour_ranks(x, numbers) for name, x in vectors.items()}
    means = {name: arithmetic_and_geometric(found) for name, found in ranks.items()}
    asked = numbers[:-1][numbers[:-1] == numbers[1:]]
    count = int((numbers[:-1] == numbers[1:]).sum())
    chances = 50.5, float(np.exp(np.log(np.arange(1, 101)).mean()))
    rows = []
    for i, kind in enumerate(("arithmetic mean", "geometric mean")):
        baselines = {name: mean[i] for name, mean in means.items() if name != OURS}
        certain = interval(lambda some, i=i: arithmetic_and_geometric(ranks[OURS][some])[i], asked)
        row = Row("rank@100 of the next clip", kind, count, means[OURS][i], chances[i], baselines, False, certain)
        rows.append(row)
    return rows


def sources(embedders: dict[str, Embedder], tracks: list[Track], rate: int) -> Row | None:
    """Accuracy for the source of a clip, from five clips of each source; training and test tracks differ."""
    names = sorted({track.source for track in tracks})
    names = [name for name in names if sum(track.source == name for track in tracks) > 1]
    waves, labels, halves = [], [], []
    for name in names:
        for i, track in enumerate(t for t in tracks if t.source == name):
            some = clips_of(track.wave, CLIP_SECONDS, rate, CLIPS_PER_TRACK)
            waves, labels, halves = waves + some, labels + [name] * len(some), halves + [i % 2] * len(some)
    if len(names) < 2:
        return None
    vectors, label, half = vectors_of(embedders, waves), np.array(labels), np.array(halves)
    splits = [_few(label, half, draw) for draw in range(DRAWS)]
    return accuracies(f"source of a clip, {SHOTS} of each", "linear probe, other tracks", vectors, label, splits)


def _few(labels: np.ndarray, halves: np.ndarray, draw: int) -> Split:
    generator = np.random.default_rng(draw)
    places = [np.flatnonzero((labels == name) & (halves == draw % 2)) for name in sorted(set(labels))]
    train = np.concatenate([generator.choice(place, min(SHOTS, len(place)), replace=False) for place in places])
    return train, np.flatnonzero(halves != draw % 2)


def reversal(embedders: dict[str, Embedder], tracks: list[Track], rate: int) -> dict[str, float]:
    """Accuracy of a probe on baseline vectors for backwards against forwards; training and test sources differ."""
    clips = [(track.source, clip) for track in tracks for clip in clips_of(track.wave, CLIP_SECONDS, rate)]
    waves = [wave for _, clip in clips for wave in (clip, clip[::-1].copy())]
    half = {name: i % 2 for i, name in enumerate(sorted({source for source, _ in clips}))}
    halves = np.repeat([half[source] for source, _ in clips], 2)
    labels = np.tile([0, 1], len(clips))
    splits = [(np.flatnonzero(halves == i), np.flatnonzero(halves != i)) for i in (0, 1)]
    others = {name: embed for name, embed in embedders.items() if name != OURS}
    return {name: float(probed(x, labels, splits).mean()) for name, x in vectors_of(others, waves).items()}
