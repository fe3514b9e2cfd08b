"""Random edits of music: stretches taken out, repeated, swapped, inserted or reversed, each with its places known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musicfeat_trainer.bundled.splicing import Edited, Join, Samples, Strip, Wave, level, samples, spliced

KINDS = {"out": 0.28, "repeat": 0.14, "elsewhere": 0.16, "inserted": 0.12, "other": 0.12, "reversed": 0.18}
"""Probability of each kind of edit."""
STYLES = {"any": 0.35, "zero": 0.15, "beat": 0.35, "pause": 0.15}
"""Probability of each way to choose the place of a cut."""
SHORTEST, LONGEST = 0.5, 20.0
FADES = (0.005, 0.2)
"""Shortest and longest crossfade in seconds."""
REACH_SECONDS = 0.7
"""Greatest distance at which a beat or a pause is taken for a cut."""
CROSSING_REACH = 300
"""The same in samples for a zero crossing."""
HOP = 256
"""Samples of a step of the level over time, by which beats and pauses are found."""


class Splicer:
    """Maker of windows with edits, and of windows without, out of recordings.

    Args:
        recordings: samples of each recording, none shorter than a window.
        size: samples of a window.
        rate: sample rate in Hz.
    """

    def __init__(self, recordings: Sequence[Samples], size: int, rate: int) -> None:
        self.recordings, self.size, self.rate = recordings, size, rate
        lengths = np.array([len(recording) for recording in recordings], dtype=np.float64)
        self.weights = lengths / lengths.sum()

    def recording(self, generator: np.random.Generator) -> int:
        """Number of a recording; every second of music is equally likely."""
        return int(generator.choice(len(self.recordings), p=self.weights))

    def place(self, generator: np.random.Generator) -> tuple[int, int]:
        """Number of a recording, and the first sample of a window in it; one in some begins or ends with it."""
        recording, half = self.recording(generator), self.size // 2
        last = len(self.recordings[recording]) - self.size
        return recording, int(np.clip(generator.integers(-half, last + half + 1), 0, last))

    def at(self, recording: int, start: int) -> Wave:
        """The window of a recording that begins at a sample."""
        return samples(self.recordings[recording], start, start + self.size)

    def clean(self, generator: np.random.Generator) -> Edited:
        """A window of a recording as it is."""
        return Edited(self.at(*self.place(generator)))

    def around(self, recording: int, at: int, generator: np.random.Generator) -> Edited:
        """A window of a recording as it is, with a sample of it anywhere in the window."""
        last = len(self.recordings[recording]) - self.size
        return Edited(self.at(recording, int(np.clip(at - generator.integers(1, self.size), 0, last))))

    def ended(self, generator: np.random.Generator) -> Edited:
        """The end of a recording, silence, and perhaps the beginning of another: nothing that was cut."""
        first, second = (self.recordings[self.recording(generator)] for _ in range(2))
        wave = np.zeros(self.size, np.float32)
        before, pause = int(generator.integers(0, self.size)), round(generator.uniform(0.2, 4) * self.rate)
        wave[:before] = samples(first, len(first) - before, len(first))
        rest = self.size - before - pause
        if rest > 0 and generator.random() < 0.7:
            wave[-rest:] = samples(second, 0, rest)
        return Edited(wave)

    def edited(self, generator: np.random.Generator, most: int = 2) -> Edited:
        """A window with one edit or up to ``most``, the first anywhere in it; the more, the nearer to each other."""
        recording = self.recordings[self.recording(generator)]
        first = int(generator.integers(1, self.size))
        at = int(generator.integers(0, len(recording) - first + 1)) + first
        style = str(generator.choice(list(STYLES), p=list(STYLES.values())))
        start, stop = at - first, self._settled(recording, at, style)
        strips = [Strip(recording, start, max(start + 1, stop))]
        for kind in generator.choice(list(KINDS), 1 + generator.binomial(most - 1, 0.4), p=list(KINDS.values())):
            length, rest = self._span(LONGEST, generator), self._span(LONGEST / max(1, most - 1), generator)
            strips += self._next(strips[-1], str(kind), length, rest, style, generator)
        strips[-1] = strips[-1]._replace(stop=strips[-1].start + self.size)
        if generator.random() < 0.4:
            strips = matched(strips)
        return spliced(strips, [self._join(style, generator) for _ in strips[1:]], self.size)

    def _next(
        self, last: Strip, kind: str, length: int, rest: int, style: str, generator: np.random.Generator
    ) -> list[Strip]:
        """Strips that follow ``last`` after an edit of ``length`` samples; the last of them goes on for ``rest``."""
        recording, at = last.recording, last.stop
        if kind in ("out", "repeat", "elsewhere"):
            to = at + (length if kind == "out" else -length)
            if kind == "elsewhere" or not 0 <= to < len(recording) - SHORTEST * self.rate:
                to = int(generator.integers(0, len(recording)))
            to = self._settled(recording, to, style)
            return [Strip(recording, to, to + rest)]
        if kind == "reversed":
            end = at + length
            return [Strip(recording, at, end, backwards=True), Strip(recording, end, end + rest)]
        source = recording if kind == "inserted" else self.recordings[self.recording(generator)]
        begin = self._settled(source, int(generator.integers(0, max(1, len(source) - length))), style)
        put = Strip(source, begin, begin + length)
        if generator.random() < 0.3:
            put = transposed(put, 2 ** (generator.integers(-3, 4) / 12))
        back = at + (length if generator.random() < 0.5 else 0)
        return [put, Strip(recording, back, back + rest)]

    def _span(self, longest: float, generator: np.random.Generator) -> int:
        """Samples of a stretch of ``SHORTEST`` to ``longest`` seconds; each factor between them is equally likely."""
        return round(float(np.exp(generator.uniform(np.log(SHORTEST), np.log(longest)))) * self.rate)

    def _join(self, style: str, generator: np.random.Generator) -> Join:
        drawn = generator.random()
        fade = round(float(np.exp(generator.uniform(*np.log(FADES)))) * self.rate)
        if drawn < 0.35 or style == "zero":
            return Join()
        if drawn < 0.5:
            return Join(min(fade, self.rate // 20), "dip")
        return Join(fade, "power" if drawn < 0.75 else "linear")

    def _settled(self, recording: Samples, at: int, style: str) -> int:
        """The place near ``at`` that a careful editor would take, where the style is one."""
        if style == "any":
            return at
        reach = CROSSING_REACH if style == "zero" else round(REACH_SECONDS * self.rate)
        start = at - reach
        near = samples(recording, start, at + reach)
        if style == "zero":
            rising = np.flatnonzero((near[:-1] <= 0) & (near[1:] > 0))
            return start + int(rising[np.abs(rising - reach).argmin()]) + 1 if len(rising) else at
        levels = levels_of(near)
        if style == "pause":
            return start + HOP * int(levels.argmin()) + HOP // 2
        rises = np.diff(np.log(levels + 1e-5))
        return start + HOP * (int(rises.argmax()) + 1)


def levels_of(wave: Wave) -> Wave:
    """Level of the differences of neighbouring samples, every ``HOP`` samples: attacks stand out of a bass."""
    blocks = np.diff(wave)[: (len(wave) - 1) // HOP * HOP].reshape(-1, HOP)
    return np.asarray(np.sqrt(np.mean(np.square(blocks), axis=1)), np.float32)


def matched(strips: Sequence[Strip]) -> list[Strip]:
    """Strips with gains by which the level goes on over each join, within 12 dB."""
    result = [strips[0]]
    for strip in strips[1:]:
        before, after = level(result[-1].end()), level(strip.beginning())
        gain = np.clip(before / after, 0.25, 4.0) if before and after else 1.0
        result.append(strip._replace(gain=float(np.clip(strip.gain * gain, 0.1, 10.0))))
    return result


def transposed(strip: Strip, factor: float) -> Strip:
    """A strip played ``factor`` times as fast, and as much higher."""
    wave = strip.wave(after=round(strip.stop - strip.start) + 2)
    places = np.arange(strip.stop - strip.start) * min(factor, 2.0)
    return Strip(np.interp(places, np.arange(len(wave)), wave).astype(np.float32), 0, len(places))
