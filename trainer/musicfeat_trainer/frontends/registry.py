"""Frontends by the name that a recipe calls them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from musicfeat.log_mel import LogMelSpec
from musicfeat_trainer.data.contents import Waveform
from musicfeat_trainer.data.piano_roll import PianoRoll
from musicfeat_trainer.frontends.cqt import CQT
from musicfeat_trainer.frontends.cqt_kernels import CQTSpec
from musicfeat_trainer.frontends.frontend import Frontend
from musicfeat_trainer.frontends.log_mel import LogMel
from musicfeat_trainer.frontends.log_mel_stack import LogMelStack, LogMelStackSpec
from musicfeat_trainer.frontends.piano_roll import PianoRollPicture, PianoRollSpec
from musicfeat_trainer.section import Section


class WaveformConfig(Section):
    """Raw samples."""

    name: Literal["waveform"] = "waveform"
    sample_rate: int = Field(22050, gt=0)

    def build(self) -> Frontend:
        return Frontend(None, Waveform(self.sample_rate))


class LogMelConfig(Section):
    """Log-mel spectrogram, relative to the clip's level."""

    name: Literal["log_mel"] = "log_mel"
    spec: LogMelSpec = LogMelSpec()

    def build(self) -> Frontend:
        return Frontend(LogMel(self.spec), Waveform(self.spec.sample_rate))


class LogMelStackConfig(Section):
    """Three log-mel spectrograms of different frames as channels."""

    name: Literal["log_mel_stack"] = "log_mel_stack"
    spec: LogMelStackSpec = LogMelStackSpec()

    def build(self) -> Frontend:
        return Frontend(LogMelStack(self.spec), Waveform(self.spec.base.sample_rate))


class CQTConfig(Section):
    """Constant-Q spectrogram in decibels, 84 bins."""

    name: Literal["cqt"] = "cqt"
    spec: CQTSpec = CQTSpec()

    def build(self) -> Frontend:
        return Frontend(CQT(self.spec), Waveform(self.spec.sample_rate))


class PianoRollConfig(Section):
    """Piano roll of MIDI files, eight octaves."""

    name: Literal["piano_roll"] = "piano_roll"
    spec: PianoRollSpec = PianoRollSpec()

    def build(self) -> Frontend:
        return Frontend(PianoRollPicture(self.spec), PianoRoll(self.spec.frame_rate))


AnyFrontend = Annotated[
    WaveformConfig | LogMelConfig | LogMelStackConfig | CQTConfig | PianoRollConfig, Field(discriminator="name")
]
"""One of the frontends; the first line of its docstring is what ``musicfeat-train list`` says of it."""
