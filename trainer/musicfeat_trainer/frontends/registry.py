"""Frontends by the name that a recipe calls them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from musicfeat.sound.log_mel import LogMelSpec
from musicfeat_trainer.data.contents import Waveform
from musicfeat_trainer.data.piano_roll import PianoRoll
from musicfeat_trainer.frontends.cqt import CQT
from musicfeat_trainer.frontends.cqt_kernels import CQTSpec
from musicfeat_trainer.frontends.frontend import Frontend
from musicfeat_trainer.frontends.log_mel import LogMel
from musicfeat_trainer.frontends.log_mel_stack import LogMelStack, LogMelStackSpec
from musicfeat_trainer.frontends.mel_decibels import MelDecibels, MelDecibelsSpec
from musicfeat_trainer.frontends.piano_roll import PianoRollPicture, PianoRollSpec
from musicfeat_trainer.frontends.torchaudio_mel import TorchaudioMel
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
    """A log-mel spectrogram as three channels, or of three lengths of frames."""

    name: Literal["log_mel_stack"] = "log_mel_stack"
    spec: LogMelStackSpec = LogMelStackSpec()

    def build(self) -> Frontend:
        return Frontend(LogMelStack(self.spec), Waveform(self.spec.base.sample_rate))


class MelDecibelsConfig(Section):
    """Mel spectrogram in decibels, to torchaudio's values. Siamusic 2022."""

    name: Literal["mel_decibels"] = "mel_decibels"
    spec: MelDecibelsSpec = MelDecibelsSpec()

    def build(self) -> Frontend:
        return Frontend(MelDecibels(self.spec), Waveform(self.spec.sample_rate))


class TorchaudioMelConfig(Section):
    """Mel spectrogram in decibels by torchaudio itself, if that is installed. Siamusic 2022."""

    name: Literal["torchaudio_mel"] = "torchaudio_mel"
    spec: MelDecibelsSpec = MelDecibelsSpec()

    def build(self) -> Frontend:
        return Frontend(TorchaudioMel(self.spec), Waveform(self.spec.sample_rate))

    def exportable(self) -> MelDecibelsConfig:
        """Frontend with the same values for exported files."""
        return MelDecibelsConfig(spec=self.spec)


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
    WaveformConfig
    | LogMelConfig
    | LogMelStackConfig
    | MelDecibelsConfig
    | TorchaudioMelConfig
    | CQTConfig
    | PianoRollConfig,
    Field(discriminator="name"),
]
"""One of the frontends; the first line of its docstring is what ``musicfeat-train list`` says of it."""
