"""FFmpeg's decoders, through PyAV, packet by packet; damaged packets are skipped and counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from musicfeat.errors import AudioError
from musicfeat.sound import mp4
from musicfeat.sound.arguments import Source
from musicfeat.sound.loss import TRUNCATION_SECONDS, Loss, check_length
from musicfeat.sound.packets import Decoder
from musicfeat.sound.waveform import Waveform, folded_block

FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,loas,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,ogg,rm,tak,"
    "truehd,tta,w64,wav,webm,wv"
)
"""Formats that PyAV may open, by FFmpeg's names; no playlists, which would make it read other files."""
GUESSING = ("aac", "ac3", "amr", "dts", "eac3", "loas", "mp3", "mpeg", "mpegts", "truehd")
"""Formats that declare no length; FFmpeg estimates it from the bit rate or the last time stamps."""
FROM_ZERO = ("matroska", "mov", "mp4", "webm")
"""Formats whose clock begins at zero; the clock of all others begins with the first sound or picture."""
CHECKED = ("ape", "flac", "tak", "tta", "wavpack")
"""Codecs with a checksum in each packet, which FFmpeg compares only if asked, and plays damage as noise otherwise."""
ENDS_SECONDS = 0.5
"""Greatest distance from the end of the longest stream to the container's length in an undamaged file."""
TAGS_BYTES = 1 << 16
"""Most bytes behind the sound that may be no sound."""
LEAST_START = 0.05
"""Seconds; a later start is reported, an earlier one is the delay of a coder."""


class Opened(NamedTuple):
    """A container that is ready to be decoded."""

    rate: int
    """Sample rate of the first sound in Hz."""
    start: float
    """Start of the sound in seconds on the player's clock."""
    blocks: Iterator[Waveform]


def opened(source: Source, refusal: Exception | None, loss: Loss, declared: float | None = None) -> Opened:
    """Open a file, or explain the refusal of libsndfile; ``declared`` seconds overrule the container's.

    Raises:
        AudioError: the file cannot be opened; later, from ``blocks``, if too much of it is missing.
    """
    try:
        import av
    except ImportError:
        raise AudioError(
            f"{source} cannot be decoded: {refusal}. If it plays elsewhere (m4a, aac, some opus files), "
            "install the wider decoder: pip install 'musicfeat[codecs]'"
        ) from refusal
    try:
        container = av.open(source.for_ffmpeg(), options={"format_whitelist": FORMATS})
    except (av.FFmpegError, ValueError) as error:
        reason = refusal or "it declares no length that can be believed"
        raise AudioError(
            f"{source} is not audio that can be decoded: {reason}; {error}. If it plays elsewhere, "
            "`ffmpeg -i FILE OUT.flac` may mend it"
        ) from error
    stream = container.streams.best("audio")  # the default stream, as players choose it
    # A stream of unknown coding has neither a codec context nor a rate.
    if not stream or not (codec := stream.codec_context) or not codec.sample_rate:
        container.close()
        raise AudioError(f"{source} holds no audio stream that can be decoded")
    if codec.name in CHECKED:
        codec.options = {"err_detect": "crccheck+explode"}
    if container.format.name.startswith("mov"):
        mp4.check_single(source)
    codec.thread_count = 1  # threads of a decoder last until the garbage collector finds it
    start = _start(container, stream)
    return Opened(int(codec.sample_rate), start, _mono_blocks(container, stream, source, loss, declared, start))


def _start(container: Any, stream: Any) -> float:
    if stream.start_time is None:
        return 0.0
    start = float(stream.start_time * stream.time_base)
    if not any(name in FROM_ZERO for name in container.format.name.split(",")):
        start -= (container.start_time or 0) / 1e6
    return start if LEAST_START <= start < 1e6 else 0.0


def _mono_blocks(
    container: Any, stream: Any, source: Source, loss: Loss, counted: float | None, start: float
) -> Iterator[Waveform]:
    """Mono blocks of an open container, which is closed. ``counted`` seconds of frames overrule its declared length."""
    codec = stream.codec_context
    decoder, checked = Decoder(stream, int(codec.sample_rate)), codec.name in CHECKED
    with container:
        declared = _declared(container, stream, start) if counted is None else counted
        for block in _blocks(container, decoder, source, declared):
            yield folded_block(block.T, source)
        if counted is not None:
            decoder.lost = max(0.0, counted - decoder.seconds) if decoder.lost else 0.0
        elif _reaches_end(container, stream, decoder):
            declared = 0.0
    loss.seconds = decoder.lost
    # Delays of coders make small differences, but where each packet has a checksum.
    on_the_way = checked or declared - decoder.seconds - decoder.lost > TRUNCATION_SECONDS
    check_length(source, decoder.seconds, declared, loss, on_the_way and decoder.reaches(declared))


def _blocks(container: Any, decoder: Decoder, source: Source, declared: float) -> Iterator[Any]:
    import av

    try:
        for packet in container.demux():
            yield from decoder.blocks(packet)
    except (av.FFmpegError, ValueError) as error:
        tags = source.size - decoder.place <= TAGS_BYTES
        if not (tags and decoder.reaches(declared)):
            raise AudioError(f"{source}: damaged after {decoder.seconds:.1f} s ({error})") from error
    yield from decoder.rest()


def _declared(container: Any, stream: Any, start: float) -> float:
    """Seconds of sound that the file declares; 0 if it declares none."""
    if container.format.name.split(",")[0] in GUESSING:
        return 0.0
    codec = stream.codec_context
    if container.format.name == "caf" and codec.name.startswith("pcm_"):  # whose duration is that of the file
        return float(stream.frames / codec.sample_rate)
    if stream.duration:
        return float(stream.duration * stream.time_base)
    tag = stream.metadata.get("DURATION", "")  # written beside each stream of Matroska
    try:
        hours, minutes, seconds = map(float, tag.split(":"))
        return 3600 * hours + 60 * minutes + seconds - start
    except ValueError:
        return (container.duration or 0) / 1e6 - start


def _reaches_end(container: Any, stream: Any, decoder: Decoder) -> bool:
    """True if another stream reaches the end that the container declares, so that nothing is cut off."""
    end = (container.duration or 0) / 1e6
    return len(container.streams) > 1 and not stream.duration and decoder.end >= end - ENDS_SECONDS
