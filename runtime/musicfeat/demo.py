"""Demo: a file or a synthesised clip, judged forwards, backwards and in the wrong order, with a picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError
from musicfeat.extractor import Extractor
from musicfeat.report.picture import draw
from musicfeat.sound.audio import blocks
from musicfeat.sound.waveform import Waveform

Doubles = npt.NDArray[np.float64]
RATE = 44100
BEAT = 0.46
MOST_SECONDS = 60
CHORDS = ((57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62))


def run(extractor: Extractor, audio: Path | None, picture: Path) -> list[str]:
    """Findings for a file or the synthesised clip, which is also drawn forwards, backwards and shuffled.

    Args:
        extractor: the model to judge with; its hop is the step of the curves in the picture.
        audio: a file, whose first minute is judged; None for the synthesised clip.
        picture: SVG file to write; it shows the first 20 s.
    """
    rate = extractor.card.sample_rate
    sound = blocks(audio, rate=rate) if audio else blocks(synthesise(), RATE, rate=rate)
    wave = _beginning(sound, MOST_SECONDS * rate)
    features, size = extractor(wave, rate), 2 * extractor.card.window
    name = str(audio) if audio else "a synthesised clip"
    lines = [
        f"{name}: {features.duration:.1f} s, {len(features)} windows, embedding of {features.embedding.size} numbers",
        f"forwards:  P(plays backwards) = {features.reversed:.3f}",
        f"backwards: P(plays backwards) = {extractor.reversed(wave[::-1], rate):.3f}",
        *_order_lines(extractor, wave, rate),
        *(f"tag {label}: {p:.2f}" for label, p in sorted(features.tags.items(), key=lambda t: -t[1])[:5]),
    ]
    ways = np.concatenate([wave[:size], wave[:size][::-1], _shuffled(wave[:size], extractor.card.window)])
    drawing = draw(ways, rate, extractor(ways, rate), f"{name}: forwards, then backwards, then its pieces shuffled")
    try:
        picture.write_bytes(drawing.encode("utf-8", "replace"))
    except OSError as error:
        raise InputError(f"cannot write {picture}: {error}") from error
    return [*lines, f"picture: {picture}"]


def _beginning(sound: Iterator[Waveform], most: int) -> Waveform:
    parts, length = [], 0
    for part in sound:
        parts.append(part)
        length += len(part)
        if length >= most:
            break
    return np.concatenate(parts)[:most]


def _shuffled(wave: Waveform, window: int) -> Waveform:
    """A waveform with the thirds of each window in the order 3, 1, 2."""
    windows = [np.array_split(wave[start : start + window], 3) for start in range(0, len(wave), window)]
    return np.concatenate([pieces[i] for pieces in windows for i in (2, 0, 1)])


def _order_lines(extractor: Extractor, wave: Waveform, rate: int) -> list[str]:
    clip = wave[: extractor.card.window]
    if "successor" not in extractor.card.outputs or len(clip) < extractor.card.window:
        return []
    pieces = np.array_split(clip, 3)
    found = extractor.order([pieces[2], pieces[0], pieces[1]], rate)
    handed = [(2, 0, 1)[i] + 1 for i in found.permutation]
    return [f"pieces 3, 1, 2 of its first {len(clip) / rate:.0f} s put in order: {handed}, P = {found.probability:.3f}"]


def synthesise(seconds: float = 24.0) -> Waveform:
    """Plucked chords, a bass and a soft drum at 130 beats a minute, [samples] at 44.1 kHz, seed fixed."""
    generator = np.random.default_rng(3)
    sound = np.zeros(int(seconds * RATE) + RATE * 2, dtype=np.float64)
    for beat in range(int(seconds / BEAT)):
        chord = CHORDS[beat // 4 % len(CHORDS)]
        start = int(beat * BEAT * RATE)
        _add(sound, start, 0.35 * _pluck(chord[0] - 24, 1.2, generator))
        for half, note in enumerate((chord[beat % 3], chord[(beat + 1) % 3] + 12)):
            _add(sound, start + half * int(BEAT * RATE / 2), 0.25 * _pluck(note, 0.9, generator))
        _add(sound, start, (0.5 if beat % 2 else 0.25) * _drum(beat % 2 == 0, generator))
    sound = sound[: int(seconds * RATE)]
    return np.asarray(0.5 * sound / np.abs(sound).max(), dtype=np.float32)


def _pluck(note: int, seconds: float, generator: np.random.Generator) -> Doubles:
    """A plucked string: ten partials, the higher ones decaying faster."""
    time = np.arange(int(seconds * RATE)) / RATE
    pitch = 440 * 2 ** ((note - 69) / 12)
    partials = np.arange(1, 11)[:, None]
    decay = np.exp(-time * (2.5 + 1.2 * partials))
    phases = generator.uniform(0, 2 * np.pi, (10, 1))
    return (decay * np.sin(2 * np.pi * pitch * partials * time + phases) / partials).sum(0)


def _drum(low: bool, generator: np.random.Generator) -> Doubles:
    time = np.arange(int(0.3 * RATE)) / RATE
    noise = generator.standard_normal(len(time)) * np.exp(-time * 35) * 0.4
    tone = np.sin(2 * np.pi * (55 * time + 4 * (1 - np.exp(-time * 30)))) * np.exp(-time * 14)
    return tone + 0.1 * noise if low else noise


def _add(sound: Doubles, start: int, part: Doubles) -> None:
    sound[start : start + len(part)] += part
