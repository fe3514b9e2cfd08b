"""The model's knowledge of temporal order (reversal, shuffled or not, exact order), measured through the runtime."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from itertools import permutations

import numpy as np
from report import Row
from sklearn.metrics import roc_auc_score
from sounds import CLIP_SECONDS, CLIPS_PER_TRACK, Track, Wave, clips_of

from musicfeat import Extractor
from musicfeat_trainer.bundled.cut_marks import calibration_error
from musicfeat_trainer.evaluate.intervals import Rows, interval

OTHER_ORDERS = list(permutations(range(3)))[1:]
CHANCE = {"reversal": 1 / 2, "shuffled": 1 / 2, "order of 3": 1 / 6, "order of 5": 1 / 120}
GAPS = (0.0, 0.1, 0.232, 0.35, 0.5, None)
UNTOLD_GAP = 0.15


class Tally:
    """A count of answers: a probability of 'yes' with the truth, or right and wrong."""

    def __init__(self) -> None:
        self.track = 0
        """Number of the track that is asked about now."""
        self.right: dict[tuple[str, str], list[tuple[bool, int]]] = defaultdict(list)
        self.yes: dict[tuple[str, str], list[tuple[float, bool, int]]] = defaultdict(list)

    def ask(self, task: str, on: Iterable[str], yes: float, truth: bool) -> None:
        """Count an answer that is a probability."""
        for what in on:
            self.tell(task, what, (yes > 0.5) == truth)
            self.yes[task, what].append((yes, truth, self.track))

    def tell(self, task: str, on: str, right: bool) -> None:
        """Count an answer that is right or wrong."""
        self.right[task, on].append((right, self.track))

    def rows(self) -> list[Row]:
        """Accuracies; for answers with probabilities also the area under the ROC over all music."""
        rows = [self._accuracy(*key) for key in sorted(self.right)]
        for (task, on), answers in sorted(self.yes.items()):
            yes, truth, tracks = map(np.array, zip(*answers, strict=True))
            if on in {"all", "gap 0", "rendered"} and 0 < truth.mean() < 1:
                certain = interval(partial(_area, truth, yes), tracks)
                area = _area(truth, yes, np.arange(len(yes)))
                rows.append(Row(f"{task}, ROC AUC", on, len(yes), area, 0.5, interval=certain))
            if (task, on) in {("reversal", "all"), ("reversal", "rendered")}:
                rows.append(Row("calibration error of reversal", on, len(yes), calibration_error(yes, truth)))
        return rows

    def _accuracy(self, task: str, on: str) -> Row:
        right, tracks = map(np.array, zip(*self.right[task, on], strict=True))
        certain = interval(lambda rows: float(right[rows].mean()), tracks)
        return Row(task, on, len(right), float(right.mean()), CHANCE[task], interval=certain)


def _area(truth: np.ndarray, yes: np.ndarray, rows: Rows) -> float:
    """Area under the ROC of some rows; NaN if they hold one kind of truth alone."""
    some = truth[rows]
    return float(roc_auc_score(some, yes[rows])) if 0 < some.mean() < 1 else float("nan")


def judge(extractor: Extractor, tracks: Iterable[Track], everything: str, gaps: Iterable[float | None]) -> list[Row]:
    """Ask every question of every track; ``everything`` names the rows over all tracks."""
    tally, rate = Tally(), extractor.card.sample_rate
    for track in tracks:
        tally.track += 1
        for number, clip in enumerate(clips_of(track.wave, CLIP_SECONDS, rate)):
            for wave, truth in ((clip, False), (clip[::-1], True)):
                tally.ask("reversal", (everything, track.source), extractor.reversed(wave, sr=rate), truth)
            for gap in gaps:
                _judge_three(extractor, clip, number, gap, track.source, tally)
        for clip in clips_of(track.wave, CLIP_SECONDS * 5 / 3, rate, CLIPS_PER_TRACK // 2):
            _judge_five(extractor, clip, tally)
    return tally.rows()


def _judge_three(extractor: Extractor, clip: Wave, number: int, gap: float | None, source: str, tally: Tally) -> None:
    """Ask for the order of three pieces, in one of the five other orders and in order, for balance."""
    rate, name = extractor.card.sample_rate, "gap unknown" if gap is None else f"gap {gap:g}"
    pieces = pieces_of(clip, 3, UNTOLD_GAP if gap is None else gap, rate)
    handed = OTHER_ORDERS[number % len(OTHER_ORDERS)]
    mixed = extractor.order([pieces[i] for i in handed], sr=rate, gap=gap)
    straight = extractor.order(pieces, sr=rate, gap=gap)
    on = (name, source) if gap == 0.0 else (name,)
    for what in on:
        tally.tell("order of 3", what, tuple(handed[i] for i in mixed.permutation) == (0, 1, 2))
    tally.ask("shuffled", on, mixed.shuffled, True)
    tally.ask("shuffled", on, straight.shuffled, False)


def _judge_five(extractor: Extractor, clip: Wave, tally: Tally) -> None:
    rate = extractor.card.sample_rate
    for gap in (0.0, 0.232):
        asked = len(tally.right["order of 5", f"gap {gap:g}"])
        pieces = pieces_of(clip, 5, gap, rate)
        handed = np.random.default_rng(asked).permutation(5)
        found = extractor.order([pieces[i] for i in handed], sr=rate, gap=gap)
        tally.tell("order of 5", f"gap {gap:g}", [int(handed[i]) for i in found.permutation] == [0, 1, 2, 3, 4])


def pieces_of(clip: Wave, count: int, gap: float, rate: int) -> list[Wave]:
    """Equal pieces with half the gap removed at every edge."""
    edge = round(gap * rate / 2)
    return [piece[edge : len(piece) - edge] for piece in np.array_split(clip, count)]
