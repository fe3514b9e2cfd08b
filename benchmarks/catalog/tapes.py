"""Does ``musicfeat check --channels`` hear which side of a tape plays backwards, and could the model hear its speed?

    python benchmarks/catalog/tapes.py [--model MODEL] [--tracks N]

Tapes are pairs of tracks that no weights were trained on, one forwards on the left, one backwards on the right, as a
tape of two sides is when it is digitised at once. Speeds are asked of the embedding by a probe: logistic regression on
windows of the sources that the weights were trained on, each at its own speed, at half and at twice of it, or a few per
cent off. Music is read from $MUSICFEAT_DATA.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.path.append(str(Path(__file__).parents[1]))
sys.path.append(str(Path(__file__).parents[1] / "quality"))

from _table import markdown, music_folder
from sounds import Wave, free_rows, recipe_of

from musicfeat import Extractor
from musicfeat.catalog.channels import channel_reversals
from musicfeat.sound.audio import load

MOST_SECONDS = 90
SPEEDS = (0.5, 2.0, 0.94, 1.06)


def waves(paths: list[Path], rate: int) -> Iterator[Wave]:
    """The first minutes of tracks that last a window or more."""
    for path in paths:
        wave = load(path, rate=rate)[: MOST_SECONDS * rate]
        if len(wave) >= 10 * rate:
            yield wave


def tapes(extractor: Extractor, tracks: list[Wave], folder: Path) -> list[list[str]]:
    """Share of backward sides that are found, of forward ones that are reported, and of mixes that are, to compare."""
    rate, found, alarms, mixed = extractor.card.sample_rate, 0, 0, 0
    for number, track in enumerate(tracks):
        other = tracks[(number + 1) % len(tracks)]
        length = min(len(track), len(other))
        sides = np.stack([track[:length], other[:length][::-1]], axis=1)
        soundfile.write(folder / "tape.wav", np.clip(sides, -1, 1), rate)
        channels = {finding.channel for finding in channel_reversals(str(folder / "tape.wav"), extractor, 0.5) or ()}
        found, alarms = found + (2 in channels), alarms + (1 in channels)
        mixed += extractor.reversed(sides.T, sr=rate) > 0.5
    shares = [f"{100 * count / len(tracks):.1f} %" for count in (found, alarms, mixed)]
    return [[str(len(tracks)), *shares]]


def speed_rows(extractor: Extractor, known: list[Wave], unseen: list[Wave]) -> list[list[str]]:
    """How well a probe tells windows at another speed from those at their own."""
    at_own = [embeddings(extractor, some, 1.0) for some in (known, unseen)]
    rows = []
    for speed in SPEEDS:
        taught, asked = (
            (np.concatenate([own, other]), np.repeat([0, 1], [len(own), len(other)]))
            for own, other in zip(at_own, (embeddings(extractor, s, speed) for s in (known, unseen)), strict=True)
        )
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000, class_weight="balanced"))
        probabilities = probe.fit(*taught).predict_proba(asked[0])[:, 1]
        own = np.sort(probabilities[asked[1] == 0])
        at_one_in_100 = float((probabilities[asked[1] == 1] > own[int(0.99 * len(own))]).mean())
        auc = roc_auc_score(asked[1], probabilities)
        rows.append([f"{speed:g}", str(len(asked[1])), f"{100 * auc:.1f} %", f"{100 * at_one_in_100:.1f} %"])
    return rows


def embeddings(extractor: Extractor, tracks: list[Wave], speed: float) -> np.ndarray:
    """[windows, D] of all tracks, played faster by ``speed``."""
    rate = extractor.card.sample_rate
    played = (soxr.resample(track, rate * speed, rate) if speed != 1 else track for track in tracks)
    return np.concatenate([extractor(wave, sr=rate).embeddings for wave in played])


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model")
    options.add_argument("--tracks", type=int, default=40, help="tracks of each kind, at most")
    chosen = options.parse_args()
    music, extractor = music_folder(), Extractor(chosen.model)
    kept = recipe_of(extractor.card)["data"]["test_sources"]
    free = free_rows(music)
    order = np.random.default_rng(7).permutation(len(free))
    sides = [
        [music / free[i]["path"] for i in order if (free[i]["source"] in kept) == unseen] for unseen in (False, True)
    ]
    known, unseen = (list(waves(paths[: chosen.tracks], extractor.card.sample_rate)) for paths in sides)
    with tempfile.TemporaryDirectory() as folder:
        header = ["tapes", "backward sides found", "forward sides reported", "of the mix: reported"]
        print(markdown(header, tapes(extractor, unseen, Path(folder))))
    header = ["speed", "windows", "ROC AUC", "found at one false alarm in 100 windows"]
    print(f"\n{markdown(header, speed_rows(extractor, known, unseen))}")


if __name__ == "__main__":
    main()
