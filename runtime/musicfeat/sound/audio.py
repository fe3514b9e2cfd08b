"""Files and arrays as one mono waveform, block by block, so that memory does not grow with length."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from musicfeat.errors import AudioError, InputError
from musicfeat.sound.mp3 import has_length_header, seconds_of_frames
from musicfeat.sound.waveform import Waveform, check_rate, resample, to_mono

PathLike: TypeAlias = str | os.PathLike[str]

BLOCK_FRAMES = 1 << 15
TRUNCATION_SECONDS = 0.2
"""A file that ends this much before the length that it declares is an error; ogg declares none."""
STREAMED_SIZE = 0x7FFFFFFF
"""A wav that was written to a pipe declares this size or more, and means nothing by it."""
PACKED_FORMATS = ("FLAC", "OGG", "CAF")
"""Of what libsndfile reads, these pack silence without limit; in others a byte never holds FRAMES_PER_BYTE."""
FRAMES_PER_BYTE = 64
UNKNOWN_FRAMES = 1 << 62
"""More than this says libsndfile of a flac whose writer could not go back to note the length."""
AV_FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,eac3,flac,matroska,mov,mp3,mpc,mpc8,ogg,tak,tta,w64,wav,webm,wv"
)
"""What PyAV may open, by FFmpeg's names: never a playlist, which makes it read other files."""


class Sound(NamedTuple):
    """An opened recording."""

    sr: int
    """Its own sample rate in Hz, a whole number."""
    pieces: Iterator[Waveform]
    """Consecutive mono pieces at that rate."""


def load(audio: PathLike | npt.ArrayLike, sr: float | None = None, *, rate: int) -> Waveform:
    """A file or an array as one mono waveform.

    Args:
        audio: path, or array of [samples] or [channels, samples].
        sr: sample rate of an array in Hz; a file knows its own.
        rate: sample rate of the result in Hz.

    Returns:
        [samples] float32.

    Raises:
        InputError: the array or its rate is unusable.
        AudioError: the file cannot be decoded.
    """
    return np.concatenate(list(blocks(audio, sr, rate=rate)))


def blocks(audio: PathLike | npt.ArrayLike, sr: float | None = None, *, rate: int) -> Iterator[Waveform]:
    """As ``load``, but yielding consecutive pieces of the waveform as they are decoded."""
    sound = opened(audio, sr)
    return resample(sound.pieces, sound.sr, rate)


def opened(audio: PathLike | npt.ArrayLike, sr: float | None = None) -> Sound:
    """A file or an array as pieces at its own rate; arguments and errors as for ``load``."""
    if not isinstance(audio, (str, os.PathLike)):
        return Sound(check_rate(sr), iter([to_mono(audio)]))
    if sr is not None:
        raise InputError("sr is for arrays; a file carries its own sample rate: leave sr out")
    return decoded(audio)


def decoded(path: PathLike) -> Sound:
    """Open a file, to be decoded as its pieces are taken.

    libsndfile decodes; what it does not know or wrongly refuses goes to PyAV, if installed.

    Raises:
        AudioError: the file cannot be opened or is not audio; later, from ``pieces``: it is damaged.
    """
    path = Path(path)
    _check_file(path)
    import soundfile

    try:
        # Bytes, because soundfile cannot encode names that are not valid Unicode.
        file = soundfile.SoundFile(os.fspath(path) if os.name == "nt" else os.fsencode(path))
    except (soundfile.LibsndfileError, TypeError, ValueError) as error:
        sr, pieces = _open_with_av(path, error)
    else:
        if file.format == "RAW":
            file.close()
            raise AudioError(f"{path} is not audio that can be decoded: it has no header, whatever its name says")
        guessed = _guesses_length(file, path)
        if (guessed or file.frames > _most_frames(file, path)) and find_spec("av"):
            file.close()
            sr, pieces = _open_with_av(path, None, seconds_of_frames(path) if guessed else None)
        else:
            sr, pieces = file.samplerate, _sndfile_pieces(file, path)
    try:
        return Sound(check_rate(sr), pieces)
    except InputError as error:
        raise AudioError(f"{path} declares an unusable sample rate: {error}") from error


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise AudioError(f"{path} is a directory: pass a file")
        if not path.is_file():
            raise AudioError(f"{path} does not exist or is not a regular file")
        if path.stat().st_size == 0:
            raise AudioError(f"{path} is empty (0 bytes)")
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        raise AudioError(f"{path!s} cannot be opened: {error}") from error


def _sndfile_pieces(file: Any, path: Path) -> Iterator[Waveform]:
    """Mono blocks of an open SoundFile; closes it."""
    import soundfile

    decoded, rate = 0, file.samplerate
    file.seekable = lambda: False  # else it seeks after every read to where it is, and decoders decode that part twice
    with file:
        if file.frames > _most_frames(file, path):
            raise AudioError(
                f"{path} declares no length, or too much of it: pip install 'musicfeat[codecs]' may decode it"
            )
        declared = _declared_seconds(file, path)
        while True:
            try:
                block = file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise AudioError(f"{path}: damaged after {decoded / rate:.1f} s ({error})") from error
            if not len(block):
                break
            decoded += len(block)
            yield _mono_block(block.T, path)
    _check_length(path, decoded / rate, declared)


def _guesses_length(file: Any, path: Path) -> bool:
    """Whether libsndfile had to guess how long an open file is, and may read too little of it."""
    return file.format == "MP3" and not has_length_header(path)


def _most_frames(file: Any, path: Path) -> int:
    """What a file can hold, and more; some of libsndfile's decoders go on with silence up to what it declares."""
    return UNKNOWN_FRAMES if file.format in PACKED_FORMATS else FRAMES_PER_BYTE * path.stat().st_size


def _declared_seconds(file: Any, path: Path) -> float:
    """What the file says of its own length; libsndfile's ``frames`` is a guess or already cut for some formats."""
    if _guesses_length(file, path):
        return seconds_of_frames(path)
    cut = re.search(r"data : (\d+) \(should be (\d+)\)", file.extra_info) if file.format.startswith("WAV") else None
    if cut and int(cut[1]) < STREAMED_SIZE:
        return float(file.frames / file.samplerate * int(cut[1]) / max(1, int(cut[2])))
    return float(file.frames / file.samplerate)


def _check_length(path: Path, decoded: float, declared: float) -> None:
    if decoded == 0:
        raise AudioError(f"{path} holds no sound: no sample could be decoded")
    if decoded < declared - TRUNCATION_SECONDS:
        raise AudioError(
            f"{path} is truncated or damaged: {declared:.1f} s are declared, {decoded:.1f} s can be decoded. Fetch it "
            "again; if it plays in full elsewhere, pip install 'musicfeat[codecs]' decodes more"
        )


def _mono_block(block: npt.NDArray[Any], path: Path) -> Waveform:
    try:
        return to_mono(block)
    except InputError as error:
        raise AudioError(f"{path}: {error}") from error


def _open_with_av(
    path: Path, refusal: Exception | None, declared: float | None = None
) -> tuple[int, Iterator[Waveform]]:
    """Open a file with PyAV, or explain the refusal of libsndfile; ``declared`` seconds overrule the container's."""
    try:
        import av
    except ImportError:
        raise AudioError(
            f"{path} cannot be decoded: {refusal}. If it plays elsewhere (m4a, aac, some opus files), "
            "install the wider decoder: pip install 'musicfeat[codecs]'"
        ) from refusal
    try:
        # With its protocol, because FFmpeg would take one from a name like "Sonata: Allegro.m4a".
        container = av.open(f"file:{path}", options={"format_whitelist": AV_FORMATS})
    except (av.FFmpegError, ValueError) as error:
        reason = refusal or "it declares no length that can be believed"
        raise AudioError(f"{path} is not audio that can be decoded: {reason}; {error}") from error
    # A stream of unknown coding has no codec context, and not even a rate.
    if not container.streams.audio or not (codec := container.streams.audio[0].codec_context) or not codec.sample_rate:
        container.close()
        raise AudioError(f"{path} holds no audio stream that can be decoded")
    return int(codec.sample_rate), _av_pieces(container, path, declared)


def _av_pieces(container: Any, path: Path, declared: float | None) -> Iterator[Waveform]:
    """Mono blocks of an open PyAV container; closes it."""
    import av

    decoded = 0
    with container:
        stream = container.streams.audio[0]
        rate = stream.rate  # of the container; a damaged frame can change the stream's while it is decoded
        # Packed: PyAV sees planes that are not there, and may crash, where there are eight channels or more.
        packed = av.AudioResampler(format="flt", rate=rate)
        if declared is None:
            declared = float((stream.duration or 0) * stream.time_base)
        try:
            for frame in container.decode(stream):
                for part in packed.resample(frame):
                    decoded += part.samples
                    yield _mono_block(part.to_ndarray().reshape(-1, part.layout.nb_channels).T, path)
        except (av.FFmpegError, ValueError) as error:
            raise AudioError(f"{path}: damaged after {decoded / rate:.1f} s ({error})") from error
        _check_length(path, decoded / rate, declared)
