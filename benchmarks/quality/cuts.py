"""Which cuts are found, by kind, and at what price? The model beside plain baselines, on what training never saw.

    python benchmarks/quality/cuts.py [--model MODEL] [--limit TRACKS] [--excerpts N] [--curves curves.csv]

Music is read from $MUSICFEAT_DATA (../shared/data). Thresholds are those that raise one false alarm in ten minutes of
whole unedited tracks. Models without curves answer by their joins, which takes far longer.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))

from _table import markdown, music_folder
from detectors import OURS, Detector, Found, detectors
from doctored import CUTS, SECONDS, Way, backwards
from edits import excerpts
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score
from sounds import Track, unseen_tracks

from musicfeat import Extractor

NEAR = (0.1, 0.5)
ENDS = (0.1, 0.3)
MINUTES = 10.0
Places = tuple[float, ...]
"""Seconds of the cuts in an excerpt."""
FIGURES = ["within 0.1 s", "within 0.5 s", "ROC AUC of 30 s", "average precision"]


@dataclass
class Answers:
    """What a detector says of clean tracks and of excerpts with edits."""

    alarms: list[float] = field(default_factory=list)
    minutes: float = 0.0
    seconds: float = 0.0
    """Seconds of a core that the clean tracks took."""
    clean: list[Found] = field(default_factory=list)
    edited: dict[str, list[tuple[Found, Places]]] = field(default_factory=dict)
    """By kind of edit, what was found in each excerpt, and where its cuts are."""

    @property
    def threshold(self) -> float:
        """Score that raises one false alarm in ten minutes of clean music."""
        ranked, allowed = sorted(self.alarms, reverse=True), int(self.minutes / MINUTES)
        return ranked[allowed] if allowed < len(ranked) else -np.inf

    def recall(self, kind: str, near: float) -> float:
        """Share of the cuts of a kind that are found within ``near`` seconds."""
        hits = [best(found, places, near) > self.threshold for found, places in self.edited[kind]]
        return float(np.mean(hits))

    def area(self, kind: str) -> float:
        """Area under the ROC of edited and clean excerpts, by the highest score in each."""
        scores = [
            [max((p for _, p in found), default=-9.0) for found in part] for part in (self.found(kind), self.clean)
        ]
        return float(roc_auc_score([1] * len(scores[0]) + [0] * len(scores[1]), scores[0] + scores[1]))

    def found(self, kind: str) -> list[Found]:
        """What was found in the excerpts of a kind."""
        return [found for found, _ in self.edited[kind]]

    def ranked(self, kind: str) -> tuple[list[bool], list[float]]:
        """Truth and score of all places in excerpts of a kind and in as many clean ones; cuts not found score least."""
        true, scores = [], []
        for found, places in self.edited[kind]:
            near = [any(abs(place - time) <= NEAR[1] for place in places) for time, _ in found]
            true += [*near, *[True] * (not any(near))]
            scores += [*(p for _, p in found), *[-1e9] * (not any(near))]
        for found in self.clean[: len(self.edited[kind])]:
            true += [False] * len(found)
            scores += [p for _, p in found]
        return true, scores


def best(found: Found, places: Places, near: float) -> float:
    """The highest score near one of the places."""
    return max((p for time, p in found if any(abs(time - place) <= near for place in places)), default=-np.inf)


def asked(detector: Detector, tracks: list[Track], rate: int, most: int, ways: dict[str, Way]) -> Answers:
    """Answers of one detector to all questions; each kind draws by itself, so that leaving one out changes no other."""
    answers, generators = Answers(), {kind: np.random.default_rng([7, *kind.encode()]) for kind in ways}
    for track in tracks:
        began = time.process_time()
        answers.alarms += [p for _, p in detector(track.wave)]
        answers.seconds += time.process_time() - began
        answers.minutes += len(track.wave) / rate / 60
        for wave in excerpts(track.wave, rate)[:most]:
            answers.clean.append(detector(wave[: SECONDS * rate]))
            for kind, way in ways.items():
                if made := way(wave, rate, generators[kind]):
                    answers.edited.setdefault(kind, []).append((detector(made.wave), made.places))
    return answers


def rows(answers: dict[str, Answers]) -> Iterator[list[str]]:
    """A row for each kind and detector; chance knows neither the music nor the place."""
    for kind in answers[OURS].edited:
        for name, said in answers.items():
            count = str(len(said.edited[kind]))
            figures = [
                *(said.recall(kind, near) for near in NEAR),
                said.area(kind),
                average_precision_score(*said.ranked(kind)),
            ]
            yield [kind, count, name, *(f"{100 * figure:.1f} %" for figure in figures)]
    chance = [2 * near / 60 / MINUTES for near in NEAR]
    yield ["", "", "chance", *(f"{100 * figure:.2f} %" for figure in chance), "50.0 %", ""]


def costs(answers: dict[str, Answers], extractor: Extractor, tracks: list[Track]) -> Iterator[list[str]]:
    """A row for each detector: seconds of a core for an hour of music, and in times of the embedding's."""
    began = time.process_time()
    for track in tracks:
        extractor(track.wave, sr=extractor.card.sample_rate)
    embedding = time.process_time() - began
    hours = answers[OURS].minutes / 60
    for name, seconds in (("embedding, all outputs", embedding), *((name, a.seconds) for name, a in answers.items())):
        yield [name, f"{seconds / hours:.0f}", f"{seconds / embedding:.2f}"]


def reversals(extractor: Extractor, tracks: list[Track], most: int) -> list[list[str]]:
    """A row for reversed stretches, by models with curves."""
    rate, generator = extractor.card.sample_rate, np.random.default_rng(7)
    hits = alarms = total = 0
    ends = dict.fromkeys(ENDS, 0)
    for track in tracks:
        for wave in excerpts(track.wave, rate)[:most]:
            made = backwards(wave, rate, generator)
            start, end = made.places
            found = extractor.continuity(made.wave, sr=rate).stretches()
            hits += any(one.start < end and one.end > start for one in found)
            for near in ENDS:
                ends[near] += any(max(abs(one.start - start), abs(one.end - end)) <= near for one in found)
            alarms += bool(extractor.continuity(wave[: SECONDS * rate], sr=rate).stretches())
            total += 1
    shares = [count / max(1, total) for count in (hits, *ends.values(), alarms)]
    return [["5 to 12 s play backwards", str(total), *(f"{100 * share:.1f} %" for share in shares)]]


def write_curves(answers: dict[str, Answers], path: Path) -> None:
    """Write precision and recall of each detector and kind at every threshold."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["detector", "kind", "threshold", "precision", "recall"])
        for name, said in answers.items():
            for kind in said.edited:
                curve = precision_recall_curve(*said.ranked(kind))
                table.writerows([name, kind, *map(float, point)] for point in zip(curve[2], *curve[:2], strict=False))


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model")
    options.add_argument("--limit", type=int, default=1000, help="tracks of a source, at most")
    options.add_argument("--excerpts", type=int, default=4, help="excerpts of a track, at most four")
    options.add_argument("--kinds", nargs="+", choices=CUTS, default=list(CUTS), metavar="KIND", help="kinds of cuts")
    options.add_argument("--curves", type=Path, help="write precision and recall at every threshold to this CSV")
    chosen = options.parse_args()
    music, extractor = music_folder(), Extractor(chosen.model, threads=1)
    rate = extractor.card.sample_rate
    tracks = [track for track in unseen_tracks(extractor.card, music, chosen.limit) if excerpts(track.wave, rate)]
    most = chosen.excerpts
    ways = {kind: CUTS[kind] for kind in chosen.kinds}
    answers = {name: asked(detector, tracks, rate, most, ways) for name, detector in detectors(extractor).items()}
    print(f"## Cuts found by {extractor.card.name}, at one false alarm in ten minutes\n")
    print(markdown(["cut", "excerpts", "detector", *FIGURES], list(rows(answers))))
    if "backwards" in extractor.card.outputs:
        print(
            markdown(
                ["stretch", "excerpts", "found", *(f"ends within {near:g} s" for near in ENDS), "clean ones reported"],
                reversals(extractor, tracks, most),
            )
        )
    print(markdown(["cost", "s for an hour of music", "times the embedding"], list(costs(answers, extractor, tracks))))
    if chosen.curves:
        write_curves(answers, chosen.curves)


if __name__ == "__main__":
    main()
