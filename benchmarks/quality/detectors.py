"""Detectors of cuts: the model, and plain baselines that look at how much the sound changes."""

from __future__ import annotations

from collections.abc import Callable

import librosa
import numpy as np
from sounds import Wave

from musicfeat import Extractor
from musicfeat.curves import APART_SECONDS, peaks

OURS, FLUX, NOVELTY = "ours", "spectral flux", "novelty of self-similarity"
Found = list[tuple[float, float]]
"""Seconds and score of each suspicious place; a higher score is more suspicious."""
Detector = Callable[[Wave], Found]
HOP = 512
KERNEL_SECONDS = 4.0


def detectors(extractor: Extractor) -> dict[str, Detector]:
    """Detectors of cuts in waveforms at the model's rate."""
    rate = extractor.card.sample_rate
    return {
        OURS: lambda wave: extractor.continuity(wave, sr=rate).edits(least=0.0),
        FLUX: lambda wave: flux(wave, rate),
        NOVELTY: lambda wave: novelty(wave, rate),
    }


def flux(wave: Wave, rate: int) -> Found:
    """Half-wave rectified change of a log-mel spectrogram from frame to frame, in standard deviations."""
    strength = librosa.onset.onset_strength(y=wave, sr=rate, hop_length=HOP)
    return found(strength, rate)


def novelty(wave: Wave, rate: int) -> Found:
    """Checkerboard novelty (Foote, 2000) of the self-similarity of MFCC, two seconds to either side."""
    mfcc = librosa.feature.mfcc(y=wave, sr=rate, n_mfcc=20, hop_length=HOP)
    rows = (mfcc / np.maximum(np.linalg.norm(mfcc, axis=0), 1e-9)).T
    half = round(KERNEL_SECONDS / 2 * rate / HOP)
    padded = np.pad(rows, ((half, half), (0, 0)))
    views = np.lib.stride_tricks.sliding_window_view(padded, 2 * half, axis=0)[: len(rows)]
    taper = np.hanning(2 * half)
    before, after = ((views * taper)[..., side] for side in (slice(half), slice(half, None)))
    # The sum of a checkerboard times products is that of (sum of one side less that of the other), squared.
    contrast = before.sum(2) - after.sum(2)
    return found((contrast**2).sum(1), rate)


def found(strength: np.ndarray, rate: int) -> Found:
    """Peaks of a curve with a value every ``HOP`` samples, in standard deviations above its mean."""
    scores = (strength - strength.mean()) / max(float(strength.std()), 1e-9)
    return peaks(np.arange(len(scores)) * HOP / rate, scores, float(scores.mean()), APART_SECONDS)
