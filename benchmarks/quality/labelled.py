"""Probes of the embedding on published data sets with true labels, where a user has them."""

from __future__ import annotations

import numpy as np
from baselines import OURS, Embedder
from probes import Split, accuracies, vectors_of
from pydantic import TypeAdapter
from report import Row
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sounds import Wave

from musicfeat.sound.audio import load
from musicfeat_trainer.data.sets.dataset import DataSet
from musicfeat_trainer.data.sets.registry import SetConfig
from musicfeat_trainer.evaluate.intervals import interval
from musicfeat_trainer.evaluate.metrics import mean_roc_auc

STRENGTH = 0.01


def judge(named: str, compared: dict[str, Embedder], rate: int, limit: int) -> list[Row]:
    """Accuracy (one class an item) or macro ROC AUC (several tags) on a data set, ``NAME=FOLDER``."""
    name, _, root = named.partition("=")
    found: DataSet = TypeAdapter(SetConfig).validate_python({"name": name, "root": root}).open()
    if found.problem not in ("class", "tags"):
        raise SystemExit(f"{name} has no classes or tags to probe")
    rows = np.arange(len(found.items))[:: max(1, len(found.items) // limit)]
    found = found.subset(rows)
    vectors = vectors_of(compared, (_wave(found, i, rate) for i in range(len(rows))))
    splits = _splits(found)
    if found.problem == "class":
        return [accuracies("linear probe", found.name, vectors, found.targets, splits)]
    return [_areas(found, vectors, splits[0])]


def _wave(found: DataSet, row: int, rate: int) -> Wave:
    """Sound of an item, mono."""
    item = found.items[row]
    wave = load(found.root / item.path, rate=rate)[round(item.start * rate) :]
    return wave if item.seconds is None else wave[: round(item.seconds * rate)]


def _splits(found: DataSet) -> list[Split]:
    """The set's folds, or its training and validation items against its test items."""
    names = np.array([item.split for item in found.items])
    if found.folds:
        return [(np.flatnonzero(names != fold), np.flatnonzero(names == fold)) for fold in found.folds]
    held_out = names == found.held_out
    return [(np.flatnonzero(~held_out), np.flatnonzero(held_out))]


def _areas(found: DataSet, vectors: dict[str, np.ndarray], split: Split) -> Row:
    """Macro area under the ROC of one logistic regression a tag, over the answers that are known."""
    train, test = split
    there, known = np.nan_to_num(found.targets), ~np.isnan(found.targets)
    learned = [i for i in range(there.shape[1]) if len(set(there[train, i])) == 2]
    groups = np.unique([found.items[i].group for i in test], return_inverse=True)[1]

    def mean(scores: np.ndarray, some: np.ndarray) -> float:
        return mean_roc_auc(scores[some], there[test][some][:, learned], known[test][some][:, learned])

    values = {}
    for name, x in vectors.items():
        probe = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression(C=STRENGTH, max_iter=1000)))
        values[name] = probe.fit(x[train], there[train][:, learned]).predict_proba(x[test])
    every = np.arange(len(test))
    certain = interval(lambda some: mean(values[OURS], some), groups, 200)
    figures = {name: mean(scores, every) for name, scores in values.items()}
    return Row("linear probe, macro ROC AUC", found.name, len(test), figures.pop(OURS), 0.5, figures, interval=certain)
