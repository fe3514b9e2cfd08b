"""Teaching of heads with examples from a catalog: logistic regression on stored embeddings, cross-validated."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from musicfeat.catalog.pooled import Pooled, pooled
from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.tracks import Tracks
from musicfeat.errors import CatalogError, InputError
from musicfeat.heads import Head

FEWEST = 2
"""Least number of examples of each label that allows a judgement."""
FOLDS = 5
STRENGTH = 0.01
"""Inverse of the regularisation (C of scikit-learn)."""
BETTER = 2.0
"""Standard deviations above guessing that show that examples have taught something."""
COLUMNS = (("track", "path", "file", "name"), ("label", "tag", "class"))
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Judged:
    """Accuracy on tracks that were not among the examples."""

    right: float
    """Share of tracks that get their right label, averaged over labels."""
    chance: float
    deviation: float
    """Standard deviation of guessing, as a share."""
    by_artist: bool
    """True if no artist was on both sides of a split."""

    @property
    def taught(self) -> bool:
        """True if this is better than guessing."""
        return self.right > self.chance + BETTER * self.deviation

    def __str__(self) -> str:
        apart = "and by other artists" if self.by_artist else "though perhaps by artists among them"
        verdict = (
            f"{100 * self.right:.0f} % of tracks that are not among the examples, {apart}, get the right label; "
            f"guessing gives {100 * self.chance:.0f} %."
        )
        if self.taught:
            return verdict
        return (
            f"{verdict} These examples have not taught anything yet: add more, or check that the labels can be heard."
        )


class Teacher:
    """Teacher of heads on one catalog; open it once for many.

    >>> teacher = Teacher(Catalog("catalog"))
    >>> head, judged = teacher.teach(read_examples("sort.csv", teacher.tracks), "sort")
    >>> head.labels, judged.taught
    (('music', 'sound'), True)

    Args:
        catalog: a catalog or its folder.

    Raises:
        CatalogError: the folder is no catalog, a part is damaged, or scikit-learn is missing.
    """

    def __init__(self, catalog: Catalog | str | os.PathLike[str]) -> None:
        if not find_spec("sklearn"):
            raise CatalogError("teaching needs scikit-learn: pip install 'musicfeat[teach]'")
        self.catalog = catalog if isinstance(catalog, Catalog) else Catalog(catalog)
        self.tracks = Tracks(self.catalog)
        self._vectors: Pooled = pooled(self.tracks)
        self.heard: npt.NDArray[np.bool_] = np.asarray(self._vectors.unit.any(axis=1))
        """[T] True for each track that is not silent."""
        some = self._vectors.embedding[:: max(1, len(self.tracks) // 20000)]
        self._mean, self._spread = some.mean(axis=0, dtype=np.float64), some.std(axis=0, dtype=np.float64) + 1e-6

    def teach(self, examples: Mapping[int, str], name: str) -> tuple[Head, Judged]:
        """A head, and its accuracy on other tracks.

        Args:
            examples: labels of some tracks by their number.
            name: name of the head.

        Raises:
            InputError: labels or examples are too few, an example is silent, or the name is invalid.
        """
        numbers = np.array(sorted(examples), np.int64)
        labels = tuple(sorted(set(examples.values())))
        self._check(numbers, examples, labels)
        truth = np.array([labels.index(examples[number]) for number in numbers.tolist()])
        points = (self._vectors.embedding[numbers] - self._mean) / self._spread
        judged = self._judged(points, truth, numbers)
        model = _fitted(points, truth)
        matrix = _both(model.coef_).T / self._spread[:, None]
        settings = self.catalog.settings
        head = Head(
            name,
            labels,
            matrix,
            _both(model.intercept_[:, None])[:, 0] - self._mean @ matrix,
            settings.model,
            settings.version,
            settings.model_sha256,
            dict(Counter(examples.values())),
            str(judged),
        )
        return head, judged

    def unsure(self, head: Head, without: npt.ArrayLike = ()) -> Numbers:
        """Numbers of tracks, those first of which a head is least sure; without the given and the silent ones."""
        found = head(self._vectors.embedding)
        ranked = np.sort(found, axis=1)
        margin = ranked[:, -1] - ranked[:, -2]
        margin[~self.heard] = np.inf
        margin[np.asarray(without, np.int64)] = np.inf
        order = np.argsort(margin, kind="stable")
        return np.asarray(order[np.isfinite(margin[order])])

    def mixed(self, without: npt.ArrayLike = ()) -> Numbers:
        """Numbers of all audible tracks except the given ones, shuffled, always in the same way."""
        order = np.random.default_rng(0).permutation(len(self.tracks))
        return np.asarray(order[self.heard[order] & ~np.isin(order, np.asarray(without, np.int64))])

    def _check(self, numbers: Numbers, examples: Mapping[int, str], labels: tuple[str, ...]) -> None:
        if len(labels) < 2:
            raise InputError(f"examples need at least two different labels, got {list(labels)}")
        counts = Counter(examples.values())
        few = [f"{label} ({counts[label]})" for label in labels if counts[label] < FEWEST]
        if few:
            raise InputError(f"each label needs {FEWEST} examples at least, and ten to be of use: add some of {few}")
        silent = numbers[~self.heard[numbers]]
        if len(silent):
            raise InputError(f"{self.tracks.row(int(silent[0]))['path']} is silent: an example must be heard")

    def _judged(self, points: Any, truth: Numbers, numbers: Numbers) -> Judged:
        from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

        artist = self.tracks.groups("artist")[numbers]
        artist = np.where(artist < 0, -1 - np.arange(len(artist)), artist)  # each unknown artist is a separate one
        classes = range(truth.max() + 1)
        several = min(len(set(artist[truth == label].tolist())) for label in classes)
        known = bool((self.tracks.groups("artist")[numbers] >= 0).any())
        by_artist = known and several >= FEWEST
        fewest = several if by_artist else int(np.bincount(truth).min())
        kind = StratifiedGroupKFold if by_artist else StratifiedKFold
        folds = kind(min(FOLDS, fewest), shuffle=True, random_state=0).split(
            points, truth, artist if by_artist else None
        )
        found = np.full(len(truth), -1)
        for train, test in folds:
            if len(set(truth[train].tolist())) > truth.max():
                found[test] = _fitted(points[train], truth[train]).predict(points[test])
        shares = [float((found[truth == label] == label).mean()) for label in classes]
        chance = 1 / len(shares)
        variance = sum(chance * (1 - chance) / int((truth == label).sum()) for label in classes) / len(shares) ** 2
        return Judged(float(np.mean(shares)), chance, float(np.sqrt(variance)), by_artist)


def read_examples(file: str | os.PathLike[str], tracks: Tracks) -> dict[int, str]:
    """Labels of some tracks by their number, from a CSV with the columns ``track`` (a file or name) and ``label``.

    Raises:
        InputError: a line has no label, names no track or several, or gives a track a second label.
    """
    found: dict[int, str] = {}
    for line, asked, label in _lines(Path(file)):
        if not label:
            raise InputError(f"{file}, line {line}: {asked} has no label: give it one, or take the line out")
        try:
            path = Path(file).parent / asked
            number = tracks.find(path if path.exists() else asked)
        except InputError as error:
            raise InputError(f"{file}, line {line}: {error}") from error
        if found.setdefault(number, label) != label:
            raise InputError(f"{file}, line {line}: {asked} is {label} here and {found[number]} before: choose one")
    if not found:
        raise InputError(f"{file} holds no example: write lines of track,label under a line that says so")
    return found


def _lines(file: Path) -> list[tuple[int, str, str]]:
    try:
        with file.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as opened:
            table = csv.DictReader(opened)
            heads = {str(name).strip().lower(): name for name in table.fieldnames or ()}
            keys = [next((heads[name] for name in names if name in heads), None) for names in COLUMNS]
            if None in keys:
                raise InputError(f"{file} needs a first line with the columns track and label, got {list(heads)}")
            track, label = keys
            return [
                (table.line_num, (row[track] or "").strip(), (row[label] or "").strip())
                for row in table
                if (row[track] or "").strip()
            ]
    except (OSError, csv.Error) as error:
        raise InputError(f"the examples {file} cannot be read: {error}") from error


def _fitted(points: Any, truth: Numbers) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=STRENGTH, max_iter=2000, class_weight="balanced").fit(points, truth)


def _both(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Scores of all labels; scikit-learn has a single row for two labels."""
    return np.concatenate([np.zeros_like(rows), rows]) if len(rows) == 1 else rows
