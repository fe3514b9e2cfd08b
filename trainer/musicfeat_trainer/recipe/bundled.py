"""Recipe of the bundled model: all settings of a training run, read from one TOML file and checked first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from musicfeat.sound.log_mel import LogMelSpec
from musicfeat_trainer.augment.spectrogram import SpectrogramAugment
from musicfeat_trainer.augment.tempo import Tempo
from musicfeat_trainer.data.teachers import TeacherConfig
from musicfeat_trainer.instruments import OPENMIC
from musicfeat_trainer.optimisation import Optimisation
from musicfeat_trainer.recipe.recipe import AnyRecipe
from musicfeat_trainer.section import Section


class DataConfig(Section):
    """Folders of music and the sources kept from training; ``~`` and ``$VARIABLES`` are expanded."""

    audio: Path | tuple[Path, ...]
    """A folder of audio, or several; the first folder of a path names its source.

    The discriminant is fitted to the tracks of the first folder alone.
    """
    table: Path | None = None
    """Optional CSV with columns path, source, noncommercial; in each folder of ``audio``."""
    store: Path
    """Folder for spectrograms."""
    validation_sources: tuple[str, ...]
    """Sources used for early stopping."""
    test_sources: tuple[str, ...] = ()
    """Sources used by the benchmarks alone."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """Folders of audio."""
        return self.audio if isinstance(self.audio, tuple) else (self.audio,)


class RenderedConfig(Section):
    """MIDI files to render through sound fonts, for exact labels and lossless music."""

    midi: Path
    """Folder with midi.csv."""
    fonts: tuple[Path, ...]
    folder: Path
    """Folder for the rendered FLAC files."""
    validation_sources: tuple[str, ...]
    test_sources: tuple[str, ...] = ()
    """MIDI sources that are neither rendered nor trained on."""
    seconds: float = Field(110.0, gt=0)
    """Greatest length of a rendering that is kept."""
    renditions: int = Field(1, gt=0)
    """Number of renderings of each file through each font, with other instruments each time."""
    share: float = Field(0.4, gt=0, lt=1)
    """Share of rendered music among all crops."""
    stem_seconds: float = Field(30.0, gt=0)
    """Length of the part of each file whose channels are rendered one by one, for tags."""
    stem_fonts: tuple[Path, ...] = ()
    """Further fonts, through which channels alone are rendered."""


class NotesConfig(Section):
    """Recorded single notes; a CSV with columns path, instrument, split lists them."""

    folder: Path
    table: Path = Path("notes.csv")


def _instrument(name: str) -> str:
    if name not in OPENMIC:
        raise ValueError(f"{name!r} is none of {', '.join(OPENMIC)}")
    return name


class TrunkConfig(Optimisation):
    """The encoder that yields embedding, frames and reversal, and that tags build on."""

    frontend: LogMelSpec = LogMelSpec()
    stem: tuple[int, int] = (16, 32)
    widths: tuple[int, int, int] = (48, 64, 128)
    frames: int = 160
    dropout: float = Field(0.2, ge=0, lt=1)
    labels: tuple[Annotated[str, AfterValidator(_instrument)], ...] = ()
    """Instruments of OpenMIC-2018 that an extra head, not exported, learns; empty: no such head."""
    pairs: int = Field(36, gt=0)
    """Tracks in a step, each with two crops for the contrastive loss."""
    flipped: int = Field(36, gt=0)
    """Windows in a step that play backwards."""
    collages: int = Field(6, ge=0)
    """Pairs of collages of recorded notes in a step, if the recipe has such notes."""
    apart: float = Field(9.0, ge=0)
    """Greatest distance in seconds between the beginnings of two crops of a track."""
    temperature: float = Field(0.15, gt=0)
    label_smoothing: float = Field(0.02, ge=0, lt=1)
    reversal_weight: float = Field(1.0, ge=0)
    contrastive_weight: float = Field(0.5, ge=0)
    tags_weight: float = Field(2.0, ge=0)
    discriminants: int = Field(128, gt=0)
    """Numbers of the embedding in which tracks differ more than clips of one track."""
    knowledge: int = Field(128, gt=0)
    """Numbers of the embedding that are learned from teachers, if the recipe has any."""
    distillation_weight: float = Field(2.0, ge=0)


class TagsConfig(Optimisation):
    """The late layers that yield tags, trained on the finished trunk."""

    labels: tuple[Annotated[str, AfterValidator(_instrument)], ...] = Field(min_length=1)
    """Instruments of OpenMIC-2018 that tags name."""
    early_width: int = Field(48, gt=0)
    """Channels of the first block."""
    width: int = Field(96, gt=0)
    """Channels of the second block and the convolution behind it."""
    dropout: float = Field(0.2, ge=0, lt=1)
    windows: int = Field(96, gt=0)
    """Windows of music in a step: mixes of stems, and where OpenMIC-2018 is, half of them its clips."""
    collages: int = Field(16, ge=0)
    """Collages of recorded notes in a step, if the recipe has such notes."""
    label_smoothing: float = Field(0.02, ge=0, lt=1)


class JoinsConfig(Optimisation):
    """The encoder that yields successor scores and jigsaw."""

    frontend: LogMelSpec = LogMelSpec(n_mels=128, pool=2)
    stem: int = 16
    width: int = 32
    dropout: float = Field(0.2, ge=0, lt=1)
    cut: int = Field(6, ge=1)
    """Frames not compared at each edge of a piece."""
    pieces: int = Field(4, ge=3, le=6)
    groups: int = Field(16, gt=0)
    """Groups of consecutive pieces in a step."""
    backwards: float = Field(0.2, ge=0, le=1)
    """Share of groups that play backwards: periods survive reversal, and it adds music to learn from."""
    continuity_weight: float = Field(0.25, ge=0)


class CutsConfig(Optimisation):
    """The small encoder that hears cuts and backward stretches, over the trunk's own spectrum."""

    frontend: LogMelSpec = LogMelSpec()
    """Settings of the spectrum, those of the trunk."""
    stem: int = 16
    """Channels of the first convolution over the spectrogram."""
    width: int = 16
    """Channels of the second."""
    lags: int = Field(48, ge=6, multiple_of=6)
    """Greatest lag of the periods in steps of 96 ms."""
    memory: int = Field(32, gt=0)
    """Steps of 96 ms before and behind a moment whose periods are compared with those across it."""
    periods: int = 16
    """Channels of the convolutions over lags."""
    channels: int = 48
    """Channels of the convolutions over time."""
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 24)
    """Dilations of the convolutions over time; their sum in steps of 48 ms is how far the encoder looks."""
    dropout: float = Field(0.05, ge=0, lt=1)
    windows: int = Field(32, gt=0)
    """Windows in a step."""
    made: int = Field(2048, gt=0)
    """Windows made in a round, from which steps draw: making one takes several times as long as learning from it."""
    rounds: int = Field(4, gt=0)
    """Rounds whose windows are kept; each window takes 0.4 MB of memory."""
    renew_every: int = Field(250, gt=0)
    """Steps of a round, after which windows are made and false alarms looked for; it divides ``evaluate_every``."""
    edited: float = Field(0.6, ge=0, le=1)
    """Share of a round's windows with an edit."""
    most_edits: int = Field(10, ge=1, le=20)
    """Most edits in such a window; those that judge the encoder have one."""
    ended: float = Field(0.06, ge=0, le=1)
    """Share of a round's windows in which a recording ends."""
    mined: float = Field(0.15, ge=0, lt=1)
    """Share of a step's windows that lie around the encoder's own false alarms on clean music."""
    mine_windows: int = Field(512, gt=0)
    """Windows of clean music that are searched for false alarms."""
    backwards: float = Field(0.3, ge=0, le=1)
    """Share of windows that play backwards as a whole."""
    mix: float = Field(0.1, ge=0, le=1)
    """Share of windows with another recording mixed in."""
    crackle: float = Field(0.1, ge=0, le=1)
    coded: float = Field(0.025, ge=0, le=1)
    """Share of windows coded to MP3, Vorbis or Opus after the edit."""
    cut_weight: float = Field(2.0, gt=0)
    """Weight of a place with a cut, beside 1 for a place without."""
    backwards_weight: float = Field(0.5, ge=0)
    judged: int = Field(768, gt=1)
    """Windows of held-out music in an evaluation, half of them with edits."""

    @model_validator(mode="after")
    def _shares_fit(self) -> CutsConfig:
        if self.edited + self.ended > 1:
            raise ValueError("the shares edited and ended must be at most 1 together")
        return self


class CardConfig(Section):
    """Facts that a model file must state and that training cannot know."""

    licence: str = ""
    training_data: str = ""


class Recipe(AnyRecipe):
    """Recipe of a run of all parts of a model that is exported whole."""

    data: DataConfig
    rendered: RenderedConfig | None = None
    notes: NotesConfig | None = None
    teachers: tuple[TeacherConfig, ...] = ()
    taught: dict[str, dict[str, tuple[str, ...]]] = Field(default_factory=dict)
    """Tags that the teachers' answers become: kind -> label -> the answers that mean it, each ``TEACHER/LABEL``."""
    openmic: Path | None = None
    """Folder of OpenMIC-2018 as published; trained on if it exists."""
    tempo: Tempo = Tempo()
    augment: SpectrogramAugment = SpectrogramAugment()
    window: int = Field(220500, gt=0)
    """Samples of a window of the model; joins read it as three equal pieces."""
    trunk: TrunkConfig
    tags: TagsConfig | None = None
    """Section of the tags; without it a model has none."""
    joins: JoinsConfig
    cuts: CutsConfig | None = None
    """Section of the curves of cuts and backward music; without it a model has none."""
    card: CardConfig = CardConfig()

    @model_validator(mode="after")
    def _taught_labels_are_new(self) -> Recipe:
        if self.taught and not self.teachers:
            raise ValueError("[taught] needs [[teachers]], whose answers become tags")
        labels = [*(self.tags.labels if self.tags else ()), *(label for kind in self.taught.values() for label in kind)]
        if len(set(labels)) < len(labels):
            twice = sorted({label for label in labels if labels.count(label) > 1})
            raise ValueError(f"{', '.join(twice)}: a label may stand once in [tags] and [taught]")
        return self

    @model_validator(mode="after")
    def _one_spectrum(self) -> Recipe:
        if self.cuts and self.cuts.frontend != self.trunk.frontend:
            raise ValueError("cuts.frontend must be the same as trunk.frontend: they share one spectrum")
        if self.cuts and self.joins.frontend.step != 2 * self.cuts.frontend.step:
            raise ValueError("a frame of joins.frontend must last as long as two of cuts.frontend")
        return self
