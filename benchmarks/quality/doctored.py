"""Excerpts with one edit of a known kind, made as an editor would make it."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import librosa
import numpy as np
import soundfile
import soxr
from sounds import Wave

from musicfeat_trainer.bundled.splicing import Join, Strip, spliced

SECONDS, EDGE = 30, 4.0
HOP = 512
REACH = 1.5
BARS = 8
"""Beats of the whole bars that are taken out."""
MP3_QUALITY, OPUS_QUALITY = 0.6, 0.5
"""libsndfile's compression levels of about 128 and 64 kbit/s."""
OPUS_RATE, AAC_BITS = 48000, "96k"


class Doctored(NamedTuple):
    """An excerpt of ``SECONDS`` with one edit."""

    wave: Wave
    places: tuple[float, ...]
    """Seconds of its cuts: one, or the two ends of what was put in."""


Way = Callable[[Wave, int, np.random.Generator], Doctored | None]


def without(wave: Wave, rate: int, first: int, second: int, join: Join) -> Doctored:
    """The excerpt without its samples from ``first`` to ``second``."""
    found = spliced([Strip(wave, 0, first), Strip(wave, second, len(wave))], [join], SECONDS * rate)
    return Doctored(found.wave, (first / rate,))


def drawn(wave: Wave, rate: int, generator: np.random.Generator) -> tuple[int, int]:
    """First and last sample of 2 to 20 s anywhere in an excerpt."""
    first = generator.uniform(EDGE, SECONDS - EDGE)
    longest = min(20.0, len(wave) / rate - SECONDS)
    return round(first * rate), round((first + generator.uniform(2.0, longest)) * rate)


def hard(wave: Wave, rate: int, generator: np.random.Generator) -> Doctored:
    return without(wave, rate, *drawn(wave, rate, generator), Join())


def crossfaded(wave: Wave, rate: int, generator: np.random.Generator) -> Doctored:
    fade = round(generator.uniform(0.01, 0.05) * rate)
    return without(wave, rate, *drawn(wave, rate, generator), Join(fade))


def on_beats(wave: Wave, rate: int, generator: np.random.Generator) -> Doctored | None:
    """From one beat to another, with a crossfade of 100 ms."""
    beats = beats_of(wave, rate)
    first, second = (nearest(beats, place) for place in drawn(wave, rate, generator))
    return without(wave, rate, first, second, Join(round(0.1 * rate), "power")) if 0 < first < second else None


def whole_bars(wave: Wave, rate: int, generator: np.random.Generator) -> Doctored | None:
    """Eight beats taken out: in music that repeats to the note nobody can hear it."""
    beats = beats_of(wave, rate)
    starts = [i for i in range(len(beats) - BARS) if EDGE * rate < beats[i] < (SECONDS - EDGE) * rate]
    if not starts:
        return None
    i = int(generator.choice(starts))
    return without(wave, rate, int(beats[i]), int(beats[i + BARS]), Join(round(0.01 * rate)))


def in_pauses(wave: Wave, rate: int, generator: np.random.Generator) -> Doctored:
    """At the quietest places near by, faded out and in."""
    first, second = (quietest(wave, place, rate) for place in drawn(wave, rate, generator))
    return without(wave, rate, first, max(second, first + rate), Join(round(0.02 * rate), "dip"))


def coded(wave: Wave, rate: int, generator: np.random.Generator) -> Doctored:
    """Crossfaded, then coded to MP3 of about 128 kbit/s."""
    made = crossfaded(wave, rate, generator)
    return Doctored(through_mp3(made.wave, rate), made.places)


def backwards(wave: Wave, rate: int, generator: np.random.Generator) -> Doctored:
    """5 to 12 s reversed."""
    length = generator.uniform(5.0, 12.0)
    start = generator.uniform(EDGE, SECONDS - EDGE - length)
    first, second = round(start * rate), round((start + length) * rate)
    strips = [Strip(wave, 0, first), Strip(wave, first, second, backwards=True), Strip(wave, second, len(wave))]
    return Doctored(spliced(strips, [Join(), Join()], SECONDS * rate).wave, (start, start + length))


def coded_to_opus(wave: Wave, rate: int, generator: np.random.Generator) -> Doctored:
    """Crossfaded, then coded to Opus of about 64 kbit/s."""
    made = crossfaded(wave, rate, generator)
    return Doctored(through_opus(made.wave, rate), made.places)


def coded_to_aac(wave: Wave, rate: int, generator: np.random.Generator) -> Doctored | None:
    """Crossfaded, then coded to AAC of 96 kbit/s by FFmpeg, if it is there."""
    if not shutil.which("ffmpeg"):
        return None
    made = crossfaded(wave, rate, generator)
    return Doctored(through_aac(made.wave, rate), made.places)


CUTS: dict[str, Way] = {
    "hard": hard,
    "crossfaded, 10 to 50 ms": crossfaded,
    "on beats, 100 ms": on_beats,
    "whole bars": whole_bars,
    "in pauses": in_pauses,
    "crossfaded, then MP3": coded,
    "crossfaded, then Opus": coded_to_opus,
    "crossfaded, then AAC": coded_to_aac,
}
"""Kind of a cut -> the way to make one; a way gives None for music that it cannot edit."""


def beats_of(wave: Wave, rate: int) -> np.ndarray:
    """Samples of the beats, by librosa's tracker."""
    return np.asarray(librosa.beat.beat_track(y=wave, sr=rate, hop_length=HOP, units="samples")[1])


def through_mp3(wave: Wave, rate: int) -> Wave:
    """A wave coded to MP3 and read again, at the same place."""
    file = io.BytesIO()
    soundfile.write(file, np.clip(wave, -1, 1), rate, format="MP3", compression_level=MP3_QUALITY)
    file.seek(0)
    return np.asarray(soundfile.read(file, dtype="float32")[0][: len(wave)], np.float32)


def through_opus(wave: Wave, rate: int) -> Wave:
    """A wave coded to Opus at 48 kHz and read again, at the same place."""
    file = io.BytesIO()
    sound = soxr.resample(np.clip(wave, -1, 1), rate, OPUS_RATE)
    soundfile.write(file, sound, OPUS_RATE, format="OGG", subtype="OPUS", compression_level=OPUS_QUALITY)
    file.seek(0)
    return soxr.resample(soundfile.read(file, dtype="float32")[0], OPUS_RATE, rate)[: len(wave)].astype(np.float32)


def through_aac(wave: Wave, rate: int) -> Wave:
    """A wave coded to AAC in an MP4 file, whose edit list keeps its place, and read again."""
    with tempfile.TemporaryDirectory() as folder:
        plain, coded_file, read = (Path(folder) / name for name in ("a.wav", "a.m4a", "b.wav"))
        soundfile.write(plain, np.clip(wave, -1, 1), rate)
        quiet = ["ffmpeg", "-v", "error"]
        subprocess.run([*quiet, "-i", plain, "-c:a", "aac", "-b:a", AAC_BITS, coded_file], check=True)
        subprocess.run([*quiet, "-i", coded_file, read], check=True)
        return np.asarray(soundfile.read(read, dtype="float32")[0][: len(wave)], np.float32)


def nearest(beats: np.ndarray, place: int) -> int:
    """The beat nearest to a place; the place itself without beats."""
    return int(beats[np.abs(beats - place).argmin()]) if len(beats) else place


def quietest(wave: Wave, place: int, rate: int) -> int:
    """The quietest place near one."""
    start = max(0, place - round(REACH * rate))
    near = wave[start : place + round(REACH * rate)]
    levels = librosa.feature.rms(y=near, frame_length=2 * HOP, hop_length=HOP)[0]
    return start + int(levels.argmin()) * HOP
