"""Does ``musicfeat check --channels`` hear which side of a tape plays backwards, and could the model hear its speed?

    python benchmarks/catalog/tapes.py [--model MODEL] [--tracks N]

Tapes are pairs of tracks that no weights were trained on, one forwards on the left, one backwards on the right, as a
tape of two sides is when it is digitised at once. Speeds are asked of the embedding by a probe: logistic regression on
windows of the sources that the weights were trained on, each at its own speed, at half and at twice of it, or a few per
cent off. Tracks are decoded at twice the model's rate, so that half speed has treble, as a tape has: the lack of it
would give half speed away. Music is read from $MUSICFEAT_DATA.
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

from _table import markdown, music_folder, percent
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
    """How well a probe tells windows, and tracks by the mean over their windows, from those at their own speed."""
    at_own = [embeddings(extractor, some, 1.0) for some in (known, unseen)]
    rows = []
    for speed in SPEEDS:
        taught, asked = (
            [own, embeddings(extractor, some, speed)] for own, some in zip(at_own, (known, unseen), strict=True)
        )
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000, class_weight="balanced"))
        probe.fit(np.concatenate([*taught[0], *taught[1]]), np.repeat([0, 1], [sum(map(len, one)) for one in taught]))
        odds = [[probe.decision_function(track) for track in one] for one in asked]
        windows = [np.concatenate(one) for one in odds]
        tracks = [np.array([track.mean() for track in one]) for one in odds]
        alarms = np.quantile(windows[0], 0.99)
        rows.append(
            [
                f"{speed:g}",
                percent(area(windows)),
                percent((windows[1] > alarms).mean()),
                percent(area(tracks)),
                percent((tracks[1] > tracks[0].max()).mean()),
            ]
        )
    return rows


def area(odds: list[np.ndarray]) -> float:
    """ROC AUC of log-odds at the own speed and at another one."""
    return float(roc_auc_score(np.repeat([0, 1], [len(one) for one in odds]), np.concatenate(odds)))


def embeddings(extractor: Extractor, tracks: list[Wave], speed: float) -> list[np.ndarray]:
    """[windows, D] of each track, which is sampled at twice the model's rate, played faster by ``speed``."""
    rate = extractor.card.sample_rate
    return [extractor(soxr.resample(track, 2 * rate * speed, rate), sr=rate).embeddings for track in tracks]


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
    rate = extractor.card.sample_rate
    known, unseen = (list(waves(paths[: chosen.tracks], 2 * rate)) for paths in sides)
    with tempfile.TemporaryDirectory() as folder:
        header = ["tapes", "backward sides found", "forward sides reported", "of the mix: reported"]
        print(markdown(header, tapes(extractor, [soxr.resample(wave, 2, 1) for wave in unseen], Path(folder))))
    header = ["speed", "windows: ROC AUC", "found at one false alarm in 100", "tracks: ROC AUC", "found at none"]
    print(f"\n{markdown(header, speed_rows(extractor, known, unseen))}")


if __name__ == "__main__":
    main()
