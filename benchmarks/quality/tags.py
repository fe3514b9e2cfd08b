"""Accuracy of instrument tags: held-out MIDI through a sound font not used in training, and held-out real notes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from report import Row
from sounds import CLIP_SECONDS, table

from musicfeat import Extractor
from musicfeat.sound.audio import load
from musicfeat_trainer.bundled.clips import clip_starts
from musicfeat_trainer.bundled.labels import NoteLabels
from musicfeat_trainer.data.midi import notes_of, read, reorchestrated
from musicfeat_trainer.data.render import synthesise
from musicfeat_trainer.evaluate.intervals import interval
from musicfeat_trainer.evaluate.metrics import (
    average_precision_score,
    label_figures,
    mean_average_precision,
    mean_roc_auc,
)
from musicfeat_trainer.instruments import OPENMIC, columns_of, of_recording

LEAST_CLIPS = 5
"""Fewest clips of a label that counts in an average."""


def judge_rendered(extractor: Extractor, files: list[Path], font: Path) -> list[Row]:
    """Macro averages over labels: with the pieces' own instruments, with drawn ones, and with both together."""
    rows, every = [], []
    for kind, seed in (("own instruments", None), ("drawn instruments", 7)):
        parts = [_judged(extractor, path, font, None if seed is None else seed + i) for i, path in enumerate(files)]
        heard = [(*part, np.full(len(part[0]), piece)) for piece, part in enumerate(parts) if part]
        columns = [np.concatenate(column) for column in zip(*heard, strict=True)]
        every.append(columns)
        rows += _averages(columns, f"held-out font, {kind}")
    return rows + _averages([np.concatenate(both) for both in zip(*every, strict=True)], "held-out font, both")


def _judged(
    extractor: Extractor, path: Path, font: Path, seed: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Tags, playing instruments, and known labels, for the clips of one piece."""
    rate, instruments = extractor.card.sample_rate, extractor.card.columns_of("instrument")
    labels = tuple(label for label in instruments if label in OPENMIC)
    midi = read(path) if seed is None else reorchestrated(read(path), np.random.default_rng(seed))
    with tempfile.TemporaryDirectory() as folder:
        midi.save(Path(folder) / "piece.mid")
        wave = synthesise(Path(folder) / "piece.mid", font, rate, Path(folder))
    size = CLIP_SECONDS * rate
    starts = clip_starts(len(wave), size, 6)
    truth = NoteLabels({"": notes_of(midi)}, labels)
    columns = columns_of(labels)
    rows = []
    for start in starts:
        there, known = truth.window("", start / rate, (start + size) / rate)
        tags = extractor(wave[start : start + size], sr=rate).tags
        rows.append((np.array([tags[label] for label in labels]), there[columns], known[columns]))
    return tuple(map(np.stack, zip(*rows, strict=True))) if rows else None  # type: ignore[return-value]


def _averages(columns: list[np.ndarray], on: str) -> list[Row]:
    tags, there, known, pieces = columns
    known = known * ((there * known).sum(0) >= LEAST_CLIPS)
    precision = label_figures(average_precision_score, tags, there, known)
    chance = float(np.mean([(there * known)[:, i].sum() / known[:, i].sum() for i in precision]))
    on = f"{on} ({len(precision)} labels)"
    rows = []
    for name, figure, guess in (
        ("average precision", mean_average_precision, chance), ("ROC AUC", mean_roc_auc, 0.5),
    ):  # fmt: skip
        certain = interval(lambda some, figure=figure: figure(tags[some], there[some], known[some]), pieces, 200)
        ours = figure(tags, there, known)
        rows.append(Row(f"tags, macro {name}", on, len(tags), ours, guess, interval=certain))
    return rows


def judge_notes(extractor: Extractor, root: Path) -> list[Row]:
    """Share of real notes whose instrument is the most probable tag, among instruments with a label."""
    labels, right = [label for label in extractor.card.columns_of("instrument") if label in OPENMIC], []
    for row in table(root / "notes.csv"):
        sounds = [OPENMIC[index] for index, sure in of_recording(row["instrument"]) if sure]
        if row["split"] == "heldout" and sounds and sounds[0] in labels:
            rate = extractor.card.sample_rate
            tags = extractor(load(root / row["path"], rate=rate), sr=rate).tags
            right.append(max(labels, key=lambda label: tags[label]) == sounds[0])
    certain = interval(lambda rows: float(np.mean(np.array(right)[rows])), np.arange(len(right)))
    figure = float(np.mean(right))
    return [Row("tags, top-1", "held-out real notes", len(right), figure, 1 / len(labels), interval=certain)]
