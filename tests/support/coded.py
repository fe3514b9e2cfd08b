"""Sound that went through a codec."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile


def encoded(sound: np.ndarray, rate: int, subtype: str | None = "PCM_16", kind: str = "WAV") -> bytes:
    """A file with [samples] or [samples, channels], in a format of libsndfile."""
    file = io.BytesIO()
    channels = 1 if sound.ndim == 1 else sound.shape[1]
    with soundfile.SoundFile(file, "w", rate, channels, subtype, format=kind) as written:
        for place in range(0, len(sound), 1 << 15):  # longer ones overflow the stack of libsndfile's Vorbis encoder
            written.write(sound[place : place + (1 << 15)])
    return file.getvalue()


def through(sound: np.ndarray, rate: int, kind: str) -> np.ndarray:
    """Samples as they are heard from a file of a format."""
    return soundfile.read(io.BytesIO(encoded(sound, rate, None, kind)), dtype="float32")[0]


def write_coded(
    path: Path, *tracks: np.ndarray, rate: int, codec: str = "aac", form: str = "fltp", layout: str = "mono", **how: Any
) -> Path:
    """A file with a stream for each of the [samples] or [1, samples of all channels in turn], written by PyAV.

    ``form`` is FFmpeg's name of the samples in the stream; ``how`` is handed to ``av.open``.
    """
    av = pytest.importorskip("av", reason="the codecs extra is not installed")
    with av.open(str(path), "w", **how) as container:
        streams = [container.add_stream(codec, rate=rate, layout=layout, format=form) for _ in tracks]
        for stream, track in zip(streams, tracks, strict=True):
            samples = np.atleast_2d(track)
            samples = np.int16(samples * 32767) if form.startswith("s16") else samples.astype(np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format=form, layout=layout)
            frame.sample_rate = rate
            container.mux([*stream.encode(frame), *stream.encode(None)])
    return path
