"""Wear of sound that is no edit: another recording mixed in, the crackle of vinyl, a codec."""

from __future__ import annotations

import io

import numpy as np
import soundfile

from musicfeat.sound.waveform import resample
from musicfeat_trainer.bundled.splicing import Edited, Stretch, Wave, level

CODECS = {("MP3", "MPEG_LAYER_III"): 0.45, ("OGG", "VORBIS"): 0.45, ("OGG", "OPUS"): 0.1}
"""Format and subtype of libsndfile, with the probability of each."""
OPUS_RATE = 24000
CLEAR_DECIBELS = -6.0
"""Level of backward sound below forward sound at which a listener still says that it plays backwards."""
CRACKLES_PER_SECOND = 4.0
TAIL = 24
"""Samples of a crackle."""


def mixed(edited: Edited, other: Wave, generator: np.random.Generator) -> Edited:
    """A window with another recording of -20 to 0 dB mixed in, which may play backwards."""
    decibels = generator.uniform(-20, 0)
    backwards = bool(generator.random() < 0.5)
    own, its = level(edited.wave), level(other)
    if not own or not its:
        return edited
    gain = np.float32(own / its * 10 ** (decibels / 20))
    wave = edited.wave + gain * (other[::-1] if backwards else other)
    whole = [Stretch(0.0, float(len(wave)))]
    if edited.backwards == whole or not backwards:
        return Edited(wave, edited.cuts, edited.unsure, edited.backwards)
    unclear = bool(edited.backwards) or decibels < CLEAR_DECIBELS
    return Edited(wave, edited.cuts, edited.unsure, whole, unclear)


def crackled(wave: Wave, generator: np.random.Generator) -> Wave:
    """Sound with the crackle of vinyl: short bursts at random times."""
    count = generator.poisson(CRACKLES_PER_SECOND * generator.random() * len(wave) / 22050)
    result = wave.copy()
    for place in generator.integers(0, max(1, len(wave) - TAIL), count):
        size = level(wave) * np.exp(generator.uniform(-1, 2)) * generator.choice([-1, 1])
        result[place : place + TAIL] += size * np.exp(-np.arange(TAIL) / generator.uniform(1, 8))
    return result


def coded(wave: Wave, rate: int, generator: np.random.Generator) -> Wave:
    """Sound written by a lossy codec at a random quality, and read again; as long, at the same place."""
    number = generator.choice(len(CODECS), p=list(CODECS.values()))
    kind, subtype = list(CODECS)[number]
    own = OPUS_RATE if subtype == "OPUS" else rate
    sound = np.clip(_at_rate(wave, rate, own), -1, 1)
    file = io.BytesIO()
    quality = float(generator.uniform(0.2, 0.95))
    soundfile.write(file, sound, own, format=kind, subtype=subtype, compression_level=quality)
    file.seek(0)
    read = _at_rate(soundfile.read(file, dtype="float32")[0], own, rate)[: len(wave)]
    return np.pad(read, (0, len(wave) - len(read)))


def _at_rate(wave: Wave, rate: int, wanted: int) -> Wave:
    return wave if rate == wanted else np.concatenate(list(resample(iter([wave]), rate, wanted)))
