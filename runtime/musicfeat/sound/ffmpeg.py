"""FFmpeg's decoders, through PyAV, packet by packet; damaged packets are skipped and counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from musicfeat.errors import AudioError
from musicfeat.sound.arguments import Source
from musicfeat.sound.loss import Loss, check_length
from musicfeat.sound.waveform import BLOCK_FRAMES, MAX_RATE, MIN_RATE, Waveform, folded_block

FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,loas,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,ogg,rm,tak,"
    "truehd,tta,w64,wav,webm,wv"
)
"""Formats that PyAV may open, by FFmpeg's names; no playlists, which would make it read other files."""
GUESSING = ("aac", "ac3", "amr", "dts", "eac3", "loas", "mp3", "mpeg", "mpegts", "truehd")
"""Formats that declare no length; FFmpeg estimates it from the bit rate or the last time stamps."""
FROM_ZERO = ("matroska", "mov", "mp4", "webm")
"""Formats whose clock begins at zero; the clock of all others begins with the first sound or picture."""
ENDS_SECONDS = 0.5
"""Greatest distance from the end of the longest stream to the container's length in an undamaged file."""
LEAST_START = 0.05
"""Seconds; a later start is reported, an earlier one is the delay of a coder."""


class Opened(NamedTuple):
    """A container that is ready to be decoded."""

    rate: int
    """Sample rate of the first sound in Hz."""
    start: float
    """Start of the sound in seconds on the player's clock."""
    pieces: Iterator[Waveform]


def opened(source: Source, refusal: Exception | None, loss: Loss, declared: float | None = None) -> Opened:
    """Open a file, or explain the refusal of libsndfile; ``declared`` seconds overrule the container's.

    Raises:
        AudioError: the file cannot be opened; later, from ``pieces``, if too much of it is missing.
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
    codec.thread_count = 1  # threads of a decoder last until the garbage collector finds it
    start = _start(container, stream)
    return Opened(int(codec.sample_rate), start, _pieces(container, stream, source, loss, declared, start))


def _start(container: Any, stream: Any) -> float:
    if stream.start_time is None:
        return 0.0
    start = float(stream.start_time * stream.time_base)
    if not any(name in FROM_ZERO for name in container.format.name.split(",")):
        start -= (container.start_time or 0) / 1e6
    return start if LEAST_START <= start < 1e6 else 0.0


def _pieces(
    container: Any, stream: Any, source: Source, loss: Loss, counted: float | None, start: float
) -> Iterator[Waveform]:
    """Mono blocks of an open container, which is closed. ``counted`` seconds of frames overrule its declared length."""
    import av

    decoder = _Decoder(stream, int(stream.codec_context.sample_rate))
    with container:
        declared = _declared(container, stream, start) if counted is None else counted
        try:
            for packet in container.demux():
                for block in decoder.blocks(packet):
                    yield folded_block(block.T, source)
            for block in decoder.rest():
                yield folded_block(block.T, source)
        except (av.FFmpegError, ValueError) as error:
            raise AudioError(f"{source}: damaged after {decoder.seconds:.1f} s ({error})") from error
        if counted is not None:
            decoder.lost = max(0.0, counted - decoder.seconds) if decoder.lost else 0.0
        elif _reaches_end(container, stream, decoder):
            declared = 0.0
    loss.seconds = decoder.lost
    check_length(source, decoder.seconds, declared, loss)


def _declared(container: Any, stream: Any, start: float) -> float:
    """Seconds of sound that the file declares; 0 if it declares none."""
    if container.format.name.split(",")[0] in GUESSING:
        return 0.0
    if stream.duration:
        return float(stream.duration * stream.time_base)
    tag = stream.metadata.get("DURATION", "")  # written beside each stream of Matroska
    try:
        hours, minutes, seconds = map(float, tag.split(":"))
        return 3600 * hours + 60 * minutes + seconds - start
    except ValueError:
        return (container.duration or 0) / 1e6 - start


def _reaches_end(container: Any, stream: Any, decoder: _Decoder) -> bool:
    """True if another stream reaches the end that the container declares, so that nothing is cut off."""
    end = (container.duration or 0) / 1e6
    return len(container.streams) > 1 and not stream.duration and decoder.end >= end - ENDS_SECONDS


class _Converter:
    """Filter graph from frames of one form to packed float32 at one rate, without the threads of ``AudioResampler``."""

    def __init__(self, frame: Any, rate: int) -> None:
        import av.filter

        self._graph = av.filter.Graph()
        self._graph.threads = 1  # others last until the garbage collector finds the graph
        base = {"time_base": f"{frame.time_base}"} if frame.time_base is not None else {}
        form = {"sample_rate": f"{frame.sample_rate}", "sample_fmt": frame.format.name}
        nodes = (
            self._graph.add("abuffer", **form, channel_layout=frame.layout.name, **base),
            self._graph.add("aformat", sample_rates=f"{rate}", sample_fmts="flt", channel_layouts=frame.layout.name),
            self._graph.add("abuffersink"),
        )
        self._graph.link_nodes(*nodes).configure()

    def converted(self, frame: Any) -> Iterator[Any]:
        """Frames that are ready once ``frame``, or None at the end, has come."""
        import av

        self._graph.push(frame)
        while True:
            try:
                yield self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return


class _Decoder:
    """Decoder from packets to blocks of ``BLOCK_FRAMES`` at one rate; the source's rate and channels may change."""

    def __init__(self, stream: Any, rate: int) -> None:
        self._stream, self._rate = stream, rate
        self._converter: Any = None
        self._form: tuple[Any, ...] = ()
        self._held: list[np.ndarray[Any, np.dtype[np.float32]]] = []
        self._frames, self.decoded = 0, 0
        self.lost = self.end = 0.0

    @property
    def seconds(self) -> float:
        """Seconds decoded so far."""
        return self.decoded / self._rate

    def blocks(self, packet: Any) -> Iterator[Any]:
        """Blocks [frames, channels] that a packet completes."""
        import av

        if packet.pts is not None and packet.duration:
            self.end = max(self.end, float((packet.pts + packet.duration) * packet.time_base))
        if packet.stream.index != self._stream.index:
            return
        try:
            frames = packet.decode()
        except (av.FFmpegError, ValueError):
            self.lost += float((packet.duration or 0) * (packet.time_base or 0))
            return
        for frame in frames:
            yield from self._taken(frame)

    def rest(self) -> Iterator[Any]:
        """The blocks left at the end."""
        if self._converter:
            self._hold(self._converter.converted(None))
        yield from self._joined()

    def _taken(self, frame: Any) -> Iterator[Any]:

        if not MIN_RATE <= frame.sample_rate <= MAX_RATE:
            self.lost += frame.samples / self._rate
            return
        form = frame.sample_rate, frame.format.name, frame.layout.name, frame.layout.nb_channels
        if form != self._form:
            yield from self.rest()
            # Packed samples: with eight or more planar channels PyAV reads planes that do not exist, and may crash.
            self._converter, self._form = _Converter(frame, self._rate), form
        self._hold(self._converter.converted(frame))
        if self._frames >= BLOCK_FRAMES:
            yield from self._joined(BLOCK_FRAMES)

    def _hold(self, parts: Any) -> None:
        for part in parts:
            self._held.append(part.to_ndarray().reshape(-1, part.layout.nb_channels))
            self._frames += part.samples
            self.decoded += part.samples

    def _joined(self, least: int = 1) -> Iterator[Any]:
        """Blocks of equal length, so that a result does not depend on the size of packets."""
        if not self._frames:
            return
        whole = np.concatenate(self._held)
        place = 0
        while len(whole) - place >= least:
            yield whole[place : place + BLOCK_FRAMES]
            place += BLOCK_FRAMES
        rest = whole[place:]
        self._held, self._frames = [rest] if len(rest) else [], len(rest)
