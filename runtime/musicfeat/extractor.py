"""Extractor: a waveform or a file in, features out."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from musicfeat.audio import PathLike, blocks
from musicfeat.card import OUTPUTS, ModelCard
from musicfeat.continuity import Continuity, continuity
from musicfeat.errors import AudioError, InputError, ModelError, MusicfeatError
from musicfeat.features import Features, Order
from musicfeat.joins import Layout, check_pieces, gap_candidates, join_scores
from musicfeat.order import most_probable
from musicfeat.session import Session
from musicfeat.waveform import Waveform, check_rate, ends, resample, to_mono
from musicfeat.windows import Window, batches, cut, pooling_weights

Audio = PathLike | npt.ArrayLike
BATCH = 4
"""Windows in one run of the model; more is no faster on a CPU and only costs memory."""
DECISIVE_SECONDS = 1.0
AHEAD_WINDOWS = 32
"""Windows that ``map`` decodes ahead for one file; longer files are decoded as they are used."""


class Extractor:
    """Finds embeddings, time reversal, order and tags in music.

    Args:
        model: path of a model file, or the name of a bundled model; None is the default model.
        device: "cpu" or "cuda:INDEX". A device that cannot be used is an error, never a silent fall-back.
        threads: threads of the model; None is one for each core that this process may use.
        hop: seconds from one window to the next; None lets windows touch without overlap.
        outputs: what to compute beside the embedding, of "reversal", "jigsaw", "successor" (for ``order``), "tags"
            and "frames" (a finer step, ``Features.frames``). None is all that the model has but frames. What is
            left out costs nothing and is undecided in the result.

    Raises:
        ModelError: the model is missing, damaged or of another kind.
        DeviceError: the device is not there or was not enabled.
        InputError: an argument is out of its range.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        device: str = "cpu",
        threads: int | None = None,
        hop: float | None = None,
        *,
        outputs: Sequence[str] | None = None,
    ) -> None:
        self.session = Session(model, device, threads, _checked_outputs(outputs))
        self.card: ModelCard = self.session.card
        self._hop = self._hop_samples(hop)
        unused = {"successor"} if outputs else {"successor", "frames"}
        self._outputs = tuple(name for name in self.session.outputs if name not in unused)

    @property
    def window(self) -> float:
        """Seconds of a window."""
        return self.card.window / self.card.sample_rate

    @property
    def hop(self) -> float:
        """Seconds from one window's start to the next one's."""
        return self._hop / self.card.sample_rate

    def __call__(self, audio: Audio, sr: float | None = None) -> Features:
        """Features of one recording, in memory that does not grow with its length.

        Args:
            audio: path of a file; or array of [samples] or [channels, samples], float or int16 / int32.
            sr: sample rate of an array in Hz, required; left out for files.

        Raises:
            InputError: the array or its rate is unusable.
            AudioError: the file cannot be decoded.
        """
        sound = blocks(audio, sr, rate=self.card.sample_rate)
        path = os.fspath(audio) if isinstance(audio, (str, os.PathLike)) else None
        return self._features(self._cut(sound), path)

    def reversed(self, audio: Audio, sr: float | None = None) -> float:
        """One P(plays backwards) for the whole clip, pooled over its windows."""
        self._require("reversal")
        return self(audio, sr).reversed

    def order(self, pieces: list[Audio] | tuple[Audio, ...], sr: float | None = None, gap: float | None = 0.0) -> Order:
        """Put pieces of one recording in playing order.

        Args:
            pieces: two or more files or arrays, each at least a second; of longer ones the ends are used.
            sr: sample rate of the arrays in Hz; left out for files.
            gap: seconds missing at each join, up to about half a second; None if unknown.

        Raises:
            InputError: too few or too short pieces, or a gap out of range.
            ModelError: the model has no ``successor``, or it was left out.
        """
        self._require("successor")
        if not isinstance(pieces, (list, tuple)):
            raise InputError(f"order takes a list of pieces, got {type(pieces).__name__}")
        layout = Layout.of(self.card)
        gaps = gap_candidates(gap, layout)
        rate = self.card.sample_rate
        waves = [ends(blocks(piece, sr, rate=rate), layout.longest) for piece in pieces]
        check_pieces(waves, layout)
        tables = [join_scores(waves, g, layout, self._successor, BATCH) for g in gaps]
        return most_probable(gaps, tables)

    def continuity(self, audio: Audio, sr: float | None = None) -> Continuity:
        """Where a recording of at least one window runs straight on, and where something was cut.

        Raises:
            ModelError: the model has no ``successor``, or it was left out.
            InputError, AudioError: as for calling; or the recording is shorter than a window.
        """
        self._require("successor")
        return continuity(blocks(audio, sr, rate=self.card.sample_rate), self.card, self._successor, BATCH)

    def map(self, paths: Iterable[PathLike]) -> Iterator[Features | MusicfeatError]:
        """Features of many files, in their order, lazily; the next file decodes while the model runs.

        A file that fails comes back as its error, with the file as ``error.path``, and stops nothing.
        """
        if isinstance(paths, (str, os.PathLike)):
            raise InputError(f"map takes many paths, got the single one {os.fspath(paths)!r}")
        with ThreadPoolExecutor(1) as pool:
            waiting: list[tuple[PathLike, Future[Iterator[Window] | MusicfeatError]]] = []
            for path in paths:
                waiting.append((path, pool.submit(self._decoded, path)))
                if len(waiting) > 1:
                    yield self._finished(*waiting.pop(0))
            for item in waiting:
                yield self._finished(*item)

    def stream(self, blocks: Iterable[npt.ArrayLike], sr: float | None = None) -> Iterator[Features]:
        """Features of live or endless sound: one row as soon as a window's samples are there.

        Args:
            blocks: consecutive arrays of [samples] or [channels, samples], of any length.
            sr: their sample rate in Hz.
        """
        if isinstance(blocks, (str, os.PathLike, np.ndarray)):
            raise InputError(f"stream takes an iterable of arrays, got a single {type(blocks).__name__}")
        rate = check_rate(sr)
        mono = (to_mono(block) for block in blocks if np.size(block))
        for window in self._cut(resample(mono, rate, self.card.sample_rate)):
            yield self._features([window], None)

    def _require(self, output: str) -> None:
        if output not in self.session.outputs:
            raise ModelError(f"model {self.card.name}, as opened, has no {output}, only {self.session.outputs}")

    def _hop_samples(self, hop: float | None) -> int:
        if hop is None:
            return self.card.hop
        if isinstance(hop, bool) or not isinstance(hop, (int, float, np.floating)) or not math.isfinite(hop):
            raise InputError(f"hop must be a number of seconds, got {hop!r}")
        samples = round(hop * self.card.sample_rate)
        if not 1 <= samples <= self.card.window:
            raise InputError(f"hop must be above 0 and at most the window of {self.window:g} s, got {hop!r}")
        return samples

    def _cut(self, sound: Iterable[Waveform]) -> Iterator[Window]:
        return cut(sound, self.card.window, self._hop)

    def _features(self, windows: Iterable[Window], path: str | None) -> Features:
        """Run windows in small batches and keep only what comes out."""
        rows: list[tuple[int, int, bool]] = []
        outputs: dict[str, list[npt.NDArray[np.float32]]] = {name: [] for name in self._outputs}
        for batch in batches(windows, BATCH):
            values = self.session.run(np.stack([window.samples for window in batch]), self._outputs)
            for name, value in values.items():
                outputs[name].append(value)
            rows += [(window.start, window.valid, window.silent) for window in batch]
        joined = {name: np.concatenate(parts) for name, parts in outputs.items()}
        return self._result(np.array(rows, dtype=np.int64), joined, path)

    def _result(
        self, rows: npt.NDArray[np.int64], values: dict[str, npt.NDArray[np.float32]], path: str | None
    ) -> Features:
        start, valid, silent = rows[:, 0], rows[:, 1], rows[:, 2].astype(bool)
        undecided = np.full(len(rows), 0.5, dtype=np.float32)
        padded, brief = valid < self.card.window, valid < DECISIVE_SECONDS * self.card.sample_rate
        tags, frames = values.get("tags"), values.get("frames")
        weights = pooling_weights(valid, self._hop) * (~silent | silent.all())
        return Features(
            starts=start / self.card.sample_rate,
            ends=(start + valid) / self.card.sample_rate,
            embeddings=np.where(silent[:, None], 0, values["embedding"]).astype(np.float32),
            reversal=np.where(silent | brief, undecided, values.get("reversal", undecided)),
            jigsaw=np.where(silent | padded, undecided, values.get("jigsaw", undecided)),
            weights=weights / weights.sum(),
            silent=silent,
            tag_curve=None if tags is None else np.where(silent[:, None], 0, tags),
            labels=self.card.labels,
            frames=None if frames is None else np.where(silent[:, None, None], 0, frames),
            path=path,
        )

    def _successor(self, windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return self.session.run(windows, ("successor",))["successor"]

    def _decoded(self, path: PathLike) -> Iterator[Window] | MusicfeatError:
        """The first windows of a file, decoded now, and the rest when they are asked for."""
        try:
            if not isinstance(path, (str, os.PathLike)):
                raise InputError(f"map takes paths, got {type(path).__name__}")
            windows = self._cut(blocks(path, rate=self.card.sample_rate))
            ready = [window for _, window in zip(range(AHEAD_WINDOWS), windows, strict=False)]
            return _chained(ready, windows)
        except MusicfeatError as error:
            return error

    def _finished(
        self, path: PathLike, decoded: Future[Iterator[Window] | MusicfeatError]
    ) -> Features | MusicfeatError:
        try:
            windows = decoded.result()
            result = windows if isinstance(windows, MusicfeatError) else self._features(windows, str(path))
        except MusicfeatError as error:
            result = error
        except Exception as error:  # a file must not stop the others, whatever a decoder raises
            result = AudioError(f"{path}: {type(error).__name__}: {error}")
        if isinstance(result, MusicfeatError):
            result.path = str(path)
        return result


def _checked_outputs(outputs: Sequence[str] | None) -> tuple[str, ...] | None:
    if outputs is None:
        return None
    if isinstance(outputs, str) or not set(outputs) <= set(OUTPUTS):
        raise InputError(f"outputs must be names out of {OUTPUTS}, got {outputs!r}")
    return tuple({"embedding", *outputs})


def _chained(ready: list[Window], rest: Iterator[Window]) -> Iterator[Window]:
    while ready:
        yield ready.pop(0)
    yield from rest
