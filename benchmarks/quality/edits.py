"""Detection of cuts by the model, in excerpts of 30 s, half of them with one cut."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from report import Row
from sklearn.metrics import roc_auc_score
from sounds import Track, Wave

from musicfeat import Extractor

SECONDS, EXCERPTS, FADE_SECONDS = 30, 4, 0.01
EDGE = 4.0
NEAR_SECONDS = 0.5
FALSE_ALARMS_PER_MINUTE = 1.0


def judge(extractor: Extractor, tracks: Iterable[Track]) -> list[Row]:
    """Detection over excerpts, and location of the cut at one false alarm a minute."""
    rate, generator = extractor.card.sample_rate, np.random.default_rng(7)
    suspicion: list[float] = []
    edited: list[bool] = []
    alarms: list[float] = []
    hits: list[float] = []
    for track in tracks:
        for number, wave in enumerate(excerpts(track.wave, rate)):
            whole = wave[: SECONDS * rate]
            clip, place = with_cut(wave, rate, generator) if number % 2 else (whole, None)
            found = extractor.continuity(clip, sr=rate).edits(least=0.0)
            suspicion.append(max((p for _, p in found), default=0.0))
            edited.append(place is not None)
            if place is None:
                alarms += [p for _, p in found]
            else:
                hits.append(max([p for time, p in found if abs(time - place) <= NEAR_SECONDS], default=0.0))
    if not hits or len(hits) == len(edited):
        return []
    minutes = edited.count(False) * SECONDS / 60
    allowed = int(FALSE_ALARMS_PER_MINUTE * minutes)
    threshold = sorted(alarms, reverse=True)[allowed] if allowed < len(alarms) else 0.0
    recall = float(np.mean(np.array(hits) > threshold))
    by_chance = min(1.0, FALSE_ALARMS_PER_MINUTE * 2 * NEAR_SECONDS / 60)
    return [
        Row("edited or not, ROC AUC", "30 s, one cut", len(edited), float(roc_auc_score(edited, suspicion)), 0.5),
        Row("place of the cut within 0.5 s", "at one false alarm a minute", len(hits), recall, by_chance),
    ]


def excerpts(wave: Wave, rate: int) -> list[Wave]:
    """Stretches of at most 50 s (30 s are judged): ``EXCERPTS``, an even number; none of a short track."""
    least, longest = round(35 * rate), round(50 * rate)
    if len(wave) < least:
        return []
    size = min(longest, len(wave))
    starts = np.linspace(0, len(wave) - size, EXCERPTS).astype(int)
    return [wave[start : start + size] for start in starts]


def with_cut(wave: Wave, rate: int, generator: np.random.Generator) -> tuple[Wave, float]:
    """30 s with one join, 2 to 20 s removed or the two parts of an excerpt swapped; and the time of the join."""
    place = float(generator.uniform(EDGE, SECONDS - EDGE))
    at = round(place * rate)
    if generator.random() < 0.5:
        longest = min(20.0, len(wave) / rate - SECONDS)
        missing = round(generator.uniform(2.0, longest) * rate)
        return joined(wave[:at], wave[at + missing : SECONDS * rate + missing], rate), place
    turn = SECONDS * rate - at
    return joined(wave[turn : SECONDS * rate], wave[:turn], rate), place


def joined(first: Wave, second: Wave, rate: int) -> Wave:
    """Two parts joined without a click."""
    fade = round(FADE_SECONDS * rate)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    first, second = first.copy(), second.copy()
    first[-fade:] *= ramp[::-1]
    second[:fade] *= ramp
    return np.concatenate([first, second])
