"""Two functions in the style of ``y, sr``: ``load`` a file, ``embed`` a waveform."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import numpy as np

from musicfeat.extractor import Extractor
from musicfeat.features import Floats
from musicfeat.model.session import find_model
from musicfeat.sound.audio import Audio, PathLike, decoded
from musicfeat.sound.waveform import Waveform, check_rate, resample


def load(path: PathLike, sr: float | None = None) -> tuple[Waveform, int]:
    """A file's waveform, mixed to mono, and its sample rate.

    >>> y, sr = load("song.wav")
    >>> y.shape, sr
    ((1058400,), 44100)

    Args:
        path: an audio file, or one opened in binary mode.
        sr: sample rate in Hz to resample to; None keeps the file's own.

    Returns:
        [samples] float32, and its sample rate in Hz.

    Raises:
        AudioError: the file cannot be decoded.
        InputError: an argument is out of its range.
    """
    asked = None if sr is None else check_rate(sr)
    sound = decoded(path)
    rate = asked or sound.sr
    return np.concatenate(list(resample(sound.blocks, sound.sr, rate))), rate


def embed(y: Audio, sr: float | None = None, *, hop: float | None = None, pooled: bool = False) -> Floats:
    """Embeddings by the default model, features first and time last, as in librosa.

    The model is opened by the first call and kept; several threads may call at the same time.

    >>> embed("song.wav", hop=2.5).shape
    (456, 7)

    Args:
        y: array of [samples] or [channels, samples]; or a file, by its path or opened in binary mode.
        sr: sample rate of an array in Hz, required; left out for files.
        hop: seconds from one window to the next; None lets windows touch without overlap.
        pooled: True gives one embedding for the whole recording.

    Returns:
        [D, W] float32: column i is the window that begins at i * hop seconds. [D] if pooled.

    Raises:
        InputError: an argument is unusable.
        AudioError: the file cannot be decoded.
    """
    features = shared_extractor(hop=hop)(y, sr)
    return features.embedding if pooled else features.embeddings.T


def shared_extractor(
    model: PathLike | None = None,
    device: str = "cpu",
    threads: int | None = None,
    hop: float | None = None,
    outputs: tuple[str, ...] = (),
) -> Extractor:
    """The ``Extractor`` of these arguments, opened once in each process and reused by later calls.

    A model file that has changed since is opened again. Errors are those of ``Extractor``.
    """
    path = find_model(model).resolve()
    try:
        # A session does not survive a fork: a child of this process opens its own.
        return _opened(os.getpid(), path.stat().st_mtime_ns, path, device, threads, hop, outputs)
    except TypeError:  # an argument cannot be hashed: Extractor raises a clear error for it
        return Extractor(path, device, threads, hop, outputs=outputs)


@lru_cache(maxsize=8, typed=True)
def _opened(
    _process: int,
    _changed: int,
    path: Path,
    device: str,
    threads: int | None,
    hop: float | None,
    outputs: tuple[str, ...],
) -> Extractor:
    return Extractor(path, device, threads, hop, outputs=outputs)
