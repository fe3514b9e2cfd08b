"""Corrected copies: channels that play backwards as a whole, turned back. The original is only read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from musicfeat.catalog.check import Verdict
from musicfeat.errors import InputError, MusicfeatError
from musicfeat.files import replacing, temporary_folder, unused
from musicfeat.sound.channels import frame_blocks, opened_channels
from musicfeat.sound.waveform import BLOCK_FRAMES
from musicfeat.suspicion import Finding

KEPT = ("WAV", "WAVEX", "RF64", "W64", "FLAC", "AIFF", "CAF", "AU")
"""Formats that a copy keeps if its samples are stored without loss; all others become flac of 24 bits."""
TYPES = {"PCM_S8": "int16", "PCM_U8": "int16", "PCM_16": "int16", "PCM_24": "int32", "PCM_32": "int32"} | {
    "FLOAT": "float32",
    "DOUBLE": "float64",
}
"""Types that hold the samples of a coding exactly."""


def backward_channels(findings: Iterable[Finding], duration: float) -> set[int]:
    """Channels, counted from 1, that play backwards from one end to the other; 0 is all of them."""
    return {
        finding.channel or 0
        for finding in findings
        if finding.kind == "reversed" and finding.start <= 0 and finding.end >= duration - 1e-6
    }


def suffix(path: str) -> str:
    """The suffix that a corrected copy of a file has."""
    with opened_channels(path) as file:
        return Path(path).suffix if file.format in KEPT and file.subtype in TYPES else ".flac"


def mend(verdicts: Iterable[Verdict], folder: Path) -> Iterator[tuple[str, Path | MusicfeatError]]:
    """Write a corrected copy of each track with channels that play backwards; pairs of the track and its copy.

    A copy has the name of the track, and a number if another has it, too. A track that cannot be copied gives its
    error.

    Args:
        verdicts: findings by channel.
        folder: an empty folder.
    """
    taken = set[str]()
    for verdict in verdicts:
        backwards = backward_channels(verdict.findings, verdict.duration)
        if not backwards:
            continue
        try:
            name = unused(Path(verdict.path).stem, taken) + suffix(verdict.path)
            write_mended(verdict.path, backwards, folder / name)
            yield verdict.path, folder / name
        except MusicfeatError as error:
            yield verdict.path, error


def write_mended(path: str, backwards: set[int], target: Path) -> None:
    """Write a copy of a file in which some channels are turned round, to the sample; whole or not at all.

    Args:
        path: the file.
        backwards: channels, counted from 1; 0 stands for all.
        target: a file that does not exist, with the suffix that ``suffix`` tells. It has the sound alone, no tags.

    Raises:
        AudioError: the file cannot be decoded.
        InputError: the copy cannot be written.
    """
    import soundfile

    if target.exists():
        raise InputError(f"cannot write {target}: it exists")
    with temporary_folder() as folder, opened_channels(path) as file:
        kept = target.suffix == Path(path).suffix and file.format in KEPT and file.subtype in TYPES
        how = {"format": file.format if kept else "FLAC", "subtype": file.subtype if kept else "PCM_24"}
        sound = _held(file, TYPES[file.subtype] if kept else "float32", folder / "sound")
        chosen = [channel for channel in range(file.channels) if {0, channel + 1} & backwards]
        try:
            with (
                replacing(target) as temporary,
                soundfile.SoundFile(temporary, "w", file.samplerate, file.channels, **how) as copy,
            ):
                for start in range(0, len(sound), BLOCK_FRAMES):
                    copy.write(_turned(sound, chosen, start))
        except (OSError, soundfile.LibsndfileError) as error:
            raise InputError(f"cannot write {target}: {error}") from error


def _held(file: Any, dtype: str, place: Path) -> npt.NDArray[Any]:
    """All frames of a file, on the disk."""
    with place.open("wb") as held:
        for block in frame_blocks(file, dtype):
            held.write(block.tobytes())
    return np.memmap(place, dtype, "r").reshape(-1, file.channels)


def _turned(sound: npt.NDArray[Any], channels: list[int], start: int) -> npt.NDArray[Any]:
    """A block of frames from ``start`` on, some channels of which are those from the other end."""
    stop = min(start + BLOCK_FRAMES, len(sound))
    block = np.array(sound[start:stop])
    block[:, channels] = sound[len(sound) - stop : len(sound) - start, channels][::-1]
    return block
