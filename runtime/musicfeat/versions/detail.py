"""Detail of a sound: changes of its spectrum from moment to moment, without level, tone colour or envelope.

Two recordings of one note, and two stretches of one noise, share envelope and colour; their detail is random, and no
more alike than two throws of dice. A copy that was coded, made quieter, equalised or resampled keeps its detail. It
is a fingerprint in real numbers, similar to that of Haitsma and Kalker (A highly robust audio fingerprinting system,
2002), who keep the signs of differences over time and frequency.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from musicfeat.sound.audio import PathLike, blocks
from musicfeat.sound.log_mel import LogMelSpec, mel_power
from musicfeat.sound.waveform import Waveform

Floats = npt.NDArray[np.float32]
SPEC = LogMelSpec(sample_rate=11025, n_fft=512, hop=128, n_mels=40, fmin=150.0, fmax=4000.0)
"""Frames of 46 ms every 12 ms, up to the highest frequency that telephones and coarse coders keep."""
FRAME = SPEC.step / SPEC.sample_rate
"""Seconds from one frame to the next."""
AROUND = 10
"""Number of frames before and after, 0.12 s each way, whose mean is subtracted."""
BESIDE = 3
"""Number of bands below and above, whose mean is subtracted."""
FAINT = 0.05
"""Variance of detail, in squared nepers, of steady tones and of coding and rounding noise, which says little."""
FLOOR = 1e-5
"""Share of the loudest frame's mean power that is added to all power; coders differ below it (-50 dB)."""
QUIET = 1e-6
"""Share of the loudest frame's power below which a frame counts as silent."""
BLOCK = 2048
"""Number of frames whose spectrum is computed at once."""
EDGE = 2
"""Number of frames that a block shares with its neighbours."""


@dataclass(frozen=True, eq=False)
class Detail:
    """The detail of one sound in T frames."""

    values: npt.NDArray[np.float16]
    """[T, bands] log power less its mean nearby in time and frequency, each frame of about unit variance, so that the
    onset, which all sounds have, counts no more than the rest; 0 in silence."""
    heard: npt.NDArray[np.bool_]
    """[T] True for each frame that is not silent."""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def seconds(self) -> float:
        """Length of the sound in seconds."""
        return len(self) * FRAME


def detail_of(audio: PathLike | npt.ArrayLike, sr: float | None = None) -> Detail:
    """The detail of a file or an array, decoded in blocks; errors are those of ``audio.load``."""
    return detail(np.concatenate(list(_powers(blocks(audio, sr, rate=SPEC.sample_rate)))))


def detail(power: Floats) -> Detail:
    """The detail of mel power [T, bands]."""
    loudness = power.mean(axis=1)
    loudest = max(float(loudness.max(initial=0.0)), 1e-20)
    level = np.log(power + FLOOR * loudest).astype(np.float32)
    level -= _mean_around(level, AROUND)
    level -= _mean_around(level.T, BESIDE).T
    level /= np.sqrt(np.square(level).mean(axis=1, keepdims=True) + np.float32(FAINT))
    heard = loudness > QUIET * loudest
    return Detail((level * heard[:, None]).astype(np.float16), heard)


def _powers(blocks: Iterable[Waveform]) -> Iterator[Floats]:
    """Mel power of a waveform in blocks, block by block, equal to that of the whole."""
    margin, size = EDGE * SPEC.step, BLOCK * SPEC.step
    held = np.zeros(margin, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) >= size + 2 * margin:
            yield mel_power(held[: size + 2 * margin], SPEC)[EDGE:-EDGE].astype(np.float32)
            held = held[size:]
    frames = -(-(len(held) - margin) // SPEC.step)
    rest = np.pad(held, (0, max(0, (frames + 2 * EDGE) * SPEC.step - len(held))))
    yield mel_power(rest, SPEC)[EDGE : EDGE + max(0, frames)].astype(np.float32)


def _mean_around(values: Floats, reach: int) -> Floats:
    """Mean of ``reach`` rows before and after each row, of fewer at the ends."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])
    here = np.arange(len(values))
    first, stop = np.maximum(here - reach, 0), np.minimum(here + reach + 1, len(values))
    return np.asarray((sums[stop] - sums[first]) / (stop - first)[:, None], np.float32)
