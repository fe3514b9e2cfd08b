"""Extractor: features of a waveform or a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from musicfeat.curve_reader import CurveReader
from musicfeat.errors import AudioError, InputError, ModelError, MusicfeatError
from musicfeat.features import Features, Order
from musicfeat.heads import Head, opened_heads
from musicfeat.model.card import ModelCard, checked_outputs
from musicfeat.model.session import Session
from musicfeat.recording import Recording, Step, steps
from musicfeat.sequence.continuity import Continuity, continuity, heard
from musicfeat.sequence.joins import Layout, check_pieces, gap_candidates, join_scores
from musicfeat.sequence.order import most_probable
from musicfeat.sound.ahead import ahead
from musicfeat.sound.arguments import is_source, name_of, real
from musicfeat.sound.audio import Audio, PathLike, Sound, blocks, opened
from musicfeat.sound.waveform import check_rate, ends, resample, stream_blocks
from musicfeat.sound.windows import cut

AHEAD_WINDOWS = 16
"""Number of windows that ``map`` decodes ahead."""


class Extractor:
    """Extractor of embeddings, time reversal, order and tags from music.

    >>> Extractor()("song.wav")
    <Features of song.wav: 24.0 s, 3 windows, embedding [456], reversed 0.01>

    Args:
        model: path of a model file, or the name of a bundled model; None is the default model. "hf:owner/name" is
            a model of the Hugging Face Hub, fetched once (``pip install 'musicfeat[hub]'``).
        device: "cpu", "cuda:INDEX", "tensorrt:INDEX", "openvino:CPU" (or GPU, GPU.INDEX, NPU), "coreml",
            "directml:INDEX" or "qnn". A device that cannot be used is an error, never a silent fall-back.
        threads: threads of the model; None is one for each core that this process may use.
        hop: seconds from one window to the next; None lets windows touch without overlap.
        outputs: names of outputs to compute besides the embedding: "reversal", "jigsaw", "successor" (for ``order``),
            "tags", "cut" and "backwards" (curves over time) and "frames" (a finer step, ``Features.frames``). None is
            all that the model has except frames. Outputs left out cost nothing and are undecided in the result.
        heads: files of your own tags, written by `musicfeat teach`; their results are ``Features.heads``.
        memory: limit in bytes on the GPU memory of ONNX Runtime's arena or TensorRT's workspace.
        options: strings by name for ONNX Runtime's execution provider, such as ``{"cache_dir": "compiled"}`` for
            OpenVINO; names that begin with "session." are options of its session.

    Raises:
        ModelError: the model is missing, damaged or of another kind.
        DeviceError: the device is missing or not enabled.
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
        heads: Iterable[Head | PathLike] = (),
        memory: int | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.session = Session(model, device, threads, checked_outputs(outputs), memory, options)
        self._curves = CurveReader(self.session, memory, options)
        self.card: ModelCard = self.session.card
        self.heads = opened_heads(heads, self.card)
        self._batch = self.session.windows
        self._hop = self._hop_samples(hop)
        unused = {"successor"} if outputs else {"successor", "frames"}
        self._outputs = tuple(name for name in self.session.outputs if name not in unused)

    @property
    def window(self) -> float:
        """Seconds of a window."""
        return self.card.window / self.card.sample_rate

    @property
    def hop(self) -> float:
        """Seconds from one window's start to the next."""
        return self._hop / self.card.sample_rate

    @property
    def dimension(self) -> int:
        """Number of values in an embedding."""
        return self.session.dimension

    def __call__(self, audio: Audio, sr: float | None = None) -> Features:
        """Features of one recording, in memory that does not grow with its length.

        Args:
            audio: path of a file, or a file opened in binary mode; or an array, memory map or tensor of [samples] or
                [channels, samples], float or int16 / int32.
            sr: sample rate of an array in Hz, required; left out for files.

        Raises:
            InputError: the array or its rate is unusable.
            AudioError: the file cannot be decoded.
        """
        recording = Recording(self.card, self._hop, name_of(audio), self.heads)
        (found,) = self._run(self._steps(opened(audio, sr), recording))
        if found.error:
            raise found.error
        return found.features()

    def reversed(self, audio: Audio, sr: float | None = None) -> float:
        """One P(plays backwards) for the whole clip, pooled over its windows."""
        self._require("reversal")
        return self(audio, sr).reversed

    def order(self, pieces: list[Audio] | tuple[Audio, ...], sr: float | None = None, gap: float | None = 0.0) -> Order:
        """Put pieces of one recording in playing order.

        Args:
            pieces: two or more files or arrays, each at least a second long; only the ends of long ones are used.
            sr: sample rate of the arrays in Hz; left out for files.
            gap: seconds missing at each join, up to about half a second; None if unknown. At 0, the model's
                curve of cuts is heard at the joins, too, unless ``outputs`` leaves it out.

        Raises:
            InputError: too few or too short pieces, or a gap out of range.
            ModelError: the model has no ``successor``, or ``outputs`` leaves it out.
        """
        self._require("successor")
        if not isinstance(pieces, (list, tuple)):
            raise InputError(f"order takes a list of pieces, got {type(pieces).__name__}")
        layout = Layout.of(self.card, self.session.outputs)
        gaps = gap_candidates(gap, layout)
        rate = self.card.sample_rate
        waves = [ends(blocks(piece, sr, rate=rate), layout.longest) for piece in pieces]
        check_pieces(waves, layout)
        tables = [join_scores(waves, g, layout, self._joins, self._batch) for g in gaps]
        return most_probable(gaps, tables)

    def continuity(self, audio: Audio, sr: float | None = None) -> Continuity:
        """Probability over time that a recording runs straight on, by a model's curves or else by its joins.

        Curves are read in windows that overlap by half; those that seem to hold a cut are heard twice.

        Raises:
            ModelError: the model has neither ``cut`` nor ``successor``, or ``outputs`` leaves them out.
            InputError, AudioError: as for ``__call__``; or, without curves, the recording is shorter than a window.
        """
        self._require("cut" if self._curves.there else "successor")
        sound = opened(audio, sr)
        mono = resample(sound.blocks, sound.sr, self.card.sample_rate)
        if self._curves.there:
            return heard(mono, self.card, self._curves, self._batch).later(sound.start)
        return continuity(mono, self.card, self._joins, self._batch).later(sound.start)

    def map(self, paths: Iterable[PathLike], *, decode_ahead: bool = True) -> Iterator[Features | MusicfeatError]:
        """Features of many files, in their order, lazily; short files share the model's batches.

        A file that fails yields its error, with the file as ``error.path``, and does not stop the others.

        Args:
            paths: the files.
            decode_ahead: True decodes in a thread while the model runs.
        """
        if is_source(paths):
            raise InputError(f"map takes many paths, got the single one {paths!r}")
        windows = (step for path in paths for step in self._file_steps(path))
        for recording in self._run(ahead(windows, AHEAD_WINDOWS) if decode_ahead else windows):
            yield recording.result()

    def stream(self, blocks: Iterable[npt.ArrayLike], sr: float | None = None) -> Iterator[Features]:
        """Features of live or endless sound: one row for each window as soon as it is complete.

        Args:
            blocks: consecutive arrays of [samples] or [channels, samples], of any length.
            sr: their sample rate in Hz.
        """
        if is_source(blocks) or isinstance(blocks, np.ndarray):
            raise InputError(f"stream takes an iterable of arrays, got a single {type(blocks).__name__}")
        rate = check_rate(sr)
        for window in cut(resample(stream_blocks(blocks), rate, self.card.sample_rate), self.card.window, self._hop):
            recording = Recording(self.card, self._hop, heads=self.heads)
            recording.sr = rate
            self._add([(recording, window)])
            yield recording.features()

    def _require(self, output: str) -> None:
        if output not in self.session.outputs:
            raise ModelError(f"model {self.card.name}, as opened, has no {output}, only {self.session.outputs}")

    def _hop_samples(self, hop: float | None) -> int:
        if hop is None:
            return self.card.hop
        seconds = real(hop)
        if seconds is None:
            raise InputError(f"hop must be a number of seconds, got {hop!r}")
        samples = round(seconds * self.card.sample_rate)
        if not 1 <= samples <= self.card.window:
            raise InputError(f"hop must be above 0 and at most the window of {self.window:g} s, got {hop!r}")
        return samples

    def _steps(self, sound: Sound, recording: Recording) -> Iterator[Step]:
        recording.sr, recording.loss, recording.start = sound.sr, sound.loss, sound.start
        mono = resample(sound.blocks, sound.sr, self.card.sample_rate)
        return steps(recording, cut(mono, self.card.window, self._hop))

    def _file_steps(self, path: PathLike) -> Iterator[Step]:
        """The steps of a file; an error of its decoder is recorded and does not stop the other files."""
        recording = Recording(self.card, self._hop, name_of(path) or str(path), self.heads)
        try:
            if not is_source(path):
                raise InputError(f"map takes paths, got {type(path).__name__}")
            yield from self._steps(opened(path), recording)
            return
        except MusicfeatError as error:
            recording.error = error
        except Exception as error:
            recording.error = AudioError(f"{path}: {type(error).__name__}: {error}")
        yield recording, None

    def _run(self, windows: Iterable[Step]) -> Iterator[Recording]:
        """Run windows in batches that may mix recordings; yield each recording when it is complete."""
        waiting: list[Step] = []
        ended: list[Recording] = []
        for recording, window in windows:
            if window is None:
                ended.append(recording)
            else:
                waiting.append((recording, window))
            if len(waiting) == self._batch or not waiting:
                self._add(waiting)
                yield from ended
                waiting, ended = [], []
        self._add(waiting)
        yield from ended

    def _add(self, batch: list[Step]) -> None:
        if not batch:
            return
        sound = np.stack([window.samples for _, window in batch if window])
        values = self.session.run(sound, self._outputs)
        for i, (recording, window) in enumerate(batch):
            if window:
                recording.add(window, {name: value[i] for name, value in values.items()})

    def _joins(self, windows: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.float32]]:
        return self.session.run(windows, tuple(name for name in ("successor", "cut") if name in self.session.outputs))
