"""Agreement of a model with published taggers about music that it never saw: tags, and likeness of recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from baselines import OURS, Embedder, answers, taggers
from probes import vectors_of
from report import Row
from sounds import CLIP_SECONDS, Track, Wave, clips_of

from musicfeat import Extractor
from musicfeat_trainer.data.teachers import TeacherTargets
from musicfeat_trainer.evaluate.intervals import interval
from musicfeat_trainer.evaluate.metrics import label_figures, mean_average_precision, mean_roc_auc, roc_auc_score
from musicfeat_trainer.objectives.distillation import LEAST
from musicfeat_trainer.recipe.bundled import Recipe

PERCENTILE = 95.0
"""Percentile of a tagger's probability over all clips, above which its tag counts as present."""
Said = dict[str, npt.NDArray[np.float32]]


def judge(extractor: Extractor, tracks: list[Track], teachers: Path, compared: dict[str, Embedder]) -> list[Row]:
    """Agreement about tags that taggers taught, label by label and on average, and about likeness, for each tagger."""
    rate = extractor.card.sample_rate
    found = [(number, clip) for number, track in enumerate(tracks) for clip in clips_of(track.wave, CLIP_SECONDS, rate)]
    numbers, clips = np.array([number for number, _ in found]), [clip for _, clip in found]
    said = {TeacherTargets(path).card.name: _said(path, clips, rate) for path in taggers(teachers)}
    return [*_tags(extractor, clips, numbers, said, teachers), *_likeness(clips, numbers, said, teachers, compared)]


def _said(path: Path, clips: list[Wave], rate: int) -> npt.NDArray[np.float32]:
    """Mean answers of a tagger for each clip, [clips, tags + embedding]."""
    tagger = TeacherTargets(path)
    return np.stack([answers(tagger, clip, rate).mean(0) for clip in clips])


def _tags(extractor: Extractor, clips: list[Wave], numbers: np.ndarray, said: Said, teachers: Path) -> list[Row]:
    taught = Recipe.model_validate_json(extractor.card.recipe).taught
    logits = _logits(said, teachers)
    labels = {
        label: np.mean([logits[answer] for answer in meant], axis=0)
        for kind in taught.values()
        for label, meant in kind.items()
        if set(meant) <= set(logits)
    }
    if not labels:
        return []
    heard = [extractor(clip, sr=extractor.card.sample_rate).tags for clip in clips]
    ours = np.array([[tags[label] for label in labels] for tags in heard])
    there = np.stack([values > np.percentile(values, PERCENTILE) for values in labels.values()], 1).astype(np.float64)
    known, rows = np.ones(there.shape), []
    for name, mean, chance in (("ROC AUC", mean_roc_auc, 0.5), ("average precision", mean_average_precision, 0.05)):
        certain = interval(lambda some, mean=mean: mean(ours[some], there[some], known[some]), numbers, 200)
        task, value = f"tags as taggers give them, macro {name}", mean(ours, there, known)
        rows.append(Row(task, f"{len(labels)} labels", len(clips), value, chance, interval=certain))
    areas = label_figures(roc_auc_score, ours, there, known)
    names = list(labels)
    return rows + [Row("tag as taggers give it, ROC AUC", names[i], len(clips), a, 0.5) for i, a in areas.items()]


def _logits(said: Said, teachers: Path) -> Said:
    """Answer, as ``TAGGER/LABEL`` -> logits of its probabilities, [clips]."""
    found: Said = {}
    for card in (TeacherTargets(path).card for path in taggers(teachers)):
        tags = np.clip(said[card.name][:, : len(card.labels)], LEAST, 1 - LEAST)
        found |= {f"{card.name}/{label}": np.log(x / (1 - x)) for label, x in zip(card.labels, tags.T, strict=True)}
    return found


def _likeness(
    clips: list[Wave], numbers: np.ndarray, said: Said, teachers: Path, compared: dict[str, Embedder]
) -> list[Row]:
    """Correlation of cosines between all clips of different tracks with those of each tagger's embedding."""
    apart = np.triu(numbers[:, None] != numbers)
    cards = [TeacherTargets(path).card for path in taggers(teachers)]
    vectors = {card.name: said[card.name][:, len(card.labels) :] for card in cards}
    vectors |= vectors_of({name: embed for name, embed in compared.items() if name not in vectors}, clips)
    cosines = {name: _cosines(found)[apart] for name, found in vectors.items()}
    rows = []
    for card in cards:
        wanted = cosines[card.name]
        values = {name: float(np.corrcoef(wanted, found)[0, 1]) for name, found in cosines.items() if name != card.name}
        ours, pairs = values.pop(OURS), int(apart.sum())
        rows.append(Row("likeness of clips, correlation with", card.name, pairs, ours, 0.0, values, percent=False))
    return rows


def _cosines(vectors: np.ndarray) -> npt.NDArray[np.float64]:
    """Cosines between all rows, standardised over the rows, [n, n]."""
    x = (vectors - vectors.mean(0)) / np.maximum(vectors.std(0), 1e-9)
    x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    return np.asarray(x @ x.T, dtype=np.float64)
