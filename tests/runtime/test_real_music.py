"""On real music of sources that training never saw, where the folder is there."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soxr

from musicfeat import Extractor
from musicfeat.sound.audio import load

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clips(music_folder: Path, extractor: Extractor) -> list[np.ndarray]:
    """The first minute's third ten seconds of two tracks of each unseen source, at 22.05 kHz."""
    unseen = json.loads(extractor.card.recipe)["data"]["test_sources"]
    with (music_folder / "tracks.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] in unseen and float(row["duration_s"]) > 45]
    chosen = [row for source in unseen for row in [r for r in rows if r["source"] == source][:2]]
    waves = [load(music_folder / row["path"], rate=22050) for row in chosen]
    return [wave[20 * 22050 : 30 * 22050] for wave in waves]


def test_reversal_of_unseen_sources(extractor: Extractor, clips: list[np.ndarray]) -> None:
    right = [extractor.reversed(clip, sr=22050) < 0.5 for clip in clips]
    right += [extractor.reversed(clip[::-1], sr=22050) > 0.5 for clip in clips]
    assert np.mean(right) >= 0.9  # chance 0.5


@pytest.mark.parametrize("gap", [0.0, 0.232])
def test_order_of_unseen_sources(extractor: Extractor, clips: list[np.ndarray], gap: float) -> None:
    edge = round(gap / 2 * 22050)
    right = []
    for clip in clips:
        a, b, c = (piece[edge : len(piece) - edge] for piece in np.split(clip, 3))
        right.append(extractor.order([b, c, a], sr=22050, gap=gap).permutation == (2, 0, 1))
    assert np.mean(right) >= 0.8  # chance 1/6


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_copies_of_real_music_at_other_rates_are_alike(
    extractor: Extractor, clips: list[np.ndarray], rate: int
) -> None:
    for clip in clips:
        copy = extractor(soxr.resample(clip, 22050, rate), sr=rate).embedding
        original = extractor(clip, sr=22050).embedding
        assert copy @ original / np.linalg.norm(copy) / np.linalg.norm(original) > 0.99
