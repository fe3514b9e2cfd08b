"""Packets of FFmpeg's containers, decoded to blocks of equal length at one rate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from musicfeat.sound.loss import TRUNCATION_SECONDS
from musicfeat.sound.waveform import BLOCK_FRAMES, MAX_RATE, MIN_RATE


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


def _is_ready(frame: Any, rate: int) -> bool:
    """True for frames whose samples can be read as they are.

    With eight or more planar channels PyAV reads planes that do not exist, and may crash.
    """
    return bool(frame.format.name == "fltp" and frame.sample_rate == rate and frame.layout.nb_channels < 8)


class Decoder:
    """Decoder from packets to blocks of ``BLOCK_FRAMES`` at one rate; the source's rate and channels may change."""

    def __init__(self, stream: Any, rate: int) -> None:
        self._stream, self._rate = stream, rate
        self._converter: Any = None
        self._form: tuple[Any, ...] = ()
        self._held: list[np.ndarray[Any, np.dtype[np.float32]]] = []
        self._frames, self.decoded, self.place = 0, 0, 0
        self.lost = self.end = 0.0
        self._times = (math.inf, 0.0)

    @property
    def seconds(self) -> float:
        """Seconds decoded so far."""
        return self.decoded / self._rate

    def reaches(self, declared: float) -> bool:
        """True if the packets' time stamps reach the length that the file declares."""
        return self._times[1] - self._times[0] >= declared - TRUNCATION_SECONDS

    def blocks(self, packet: Any) -> Iterator[Any]:
        """Blocks [frames, channels] that a packet completes."""
        import av

        if packet.pts is not None and packet.duration:
            self.end = max(self.end, float((packet.pts + packet.duration) * packet.time_base))
        if packet.stream.index != self._stream.index:
            return
        if packet.pts is not None:
            begin, end = packet.pts, packet.pts + (packet.duration or 0)
            self._times = min(self._times[0], float(begin * packet.time_base)), float(end * packet.time_base)
        if packet.pos is not None:
            self.place = packet.pos + packet.size
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
            self._form = form
            self._converter = None if _is_ready(frame, self._rate) else _Converter(frame, self._rate)
        self._hold(self._converter.converted(frame) if self._converter else [frame])
        if self._frames >= BLOCK_FRAMES:
            yield from self._joined(BLOCK_FRAMES)

    def _hold(self, parts: Any) -> None:
        for part in parts:
            samples = part.to_ndarray()
            self._held.append(samples.T if part.format.is_planar else samples.reshape(-1, part.layout.nb_channels))
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
