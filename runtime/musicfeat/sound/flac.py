"""The end of a FLAC file behind which other bytes stand, such as an ID3 tag; libFLAC calls them damage."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from musicfeat.sound.arguments import Source
from musicfeat.sound.waveform import BLOCK_FRAMES

BEGINNING = b"fLaC\0\0\0\x22"
"""First bytes of a FLAC stream (RFC 9639, section 8)."""


def rest(source: Source, place: int) -> npt.NDArray[np.float32] | None:
    """The last samples, from ``place`` on; None if they are damaged, or another FLAC file is joined behind them.

    Returns:
        [frames, channels].
    """
    import soundfile

    try:
        with soundfile.SoundFile(source.for_libsndfile()) as file:
            missing = file.frames - place
            if not 0 <= missing <= BLOCK_FRAMES or _joined(source):
                return None
            file.seek(place)
            block: Any = file.read(missing, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        return None
    return block if len(block) == missing else None


def _joined(source: Source) -> bool:
    return len(re.findall(re.escape(BEGINNING), source.mapped())) > 1
