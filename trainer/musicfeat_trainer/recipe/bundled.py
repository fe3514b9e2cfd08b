"""A recipe: everything that makes a training run, read from one TOML file and checked before it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from musicfeat.log_mel import LogMelSpec
from musicfeat_trainer.augment.spectrogram import SpectrogramAugment
from musicfeat_trainer.augment.tempo import Tempo
from musicfeat_trainer.data.teachers import TeacherConfig
from musicfeat_trainer.instruments import OPENMIC
from musicfeat_trainer.optimisation import Optimisation
from musicfeat_trainer.recipe.recipe import AnyRecipe
from musicfeat_trainer.section import Section


class DataConfig(Section):
    """Where the music is, and which sources are kept from training. ``~`` and ``$VARIABLES`` are expanded."""

    audio: Path | tuple[Path, ...]
    """A folder of audio, or several; the first folder of a path names its source."""
    table: Path | None = None
    """Optional CSV with columns path, source, noncommercial; in each folder of ``audio``."""
    store: Path
    """Where spectrograms are kept."""
    validation_sources: tuple[str, ...]
    """Early stopping looks at these."""
    test_sources: tuple[str, ...] = ()
    """Nothing looks at these before the benchmarks."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of audio."""
        return self.audio if isinstance(self.audio, tuple) else (self.audio,)


class RenderedConfig(Section):
    """MIDI files to render through sound fonts, for exact labels and music without loss."""

    midi: Path
    """Folder with midi.csv."""
    fonts: tuple[Path, ...]
    folder: Path
    """Where the rendered FLAC is kept."""
    validation_sources: tuple[str, ...]
    test_sources: tuple[str, ...] = ()
    """MIDI sources that are neither rendered nor trained on."""
    seconds: float = Field(110.0, gt=0)
    """At most so much of each rendering is kept."""
    renditions: int = Field(1, gt=0)
    """Each file is rendered so often through each font, for other instruments each time."""
    share: float = Field(0.4, gt=0, lt=1)
    """Of all crops, so many are rendered music."""


class NotesConfig(Section):
    """Recorded single notes; a CSV with columns path, instrument, split lists them."""

    folder: Path
    table: Path = Path("notes.csv")


def _instrument(name: str) -> str:
    if name not in OPENMIC:
        raise ValueError(f"{name!r} is none of {', '.join(OPENMIC)}")
    return name


class TrunkConfig(Optimisation):
    """The encoder behind embedding, frames and reversal; what tags build on."""

    frontend: LogMelSpec = LogMelSpec()
    stem: tuple[int, int] = (16, 32)
    widths: tuple[int, int, int] = (48, 64, 128)
    frames: int = 160
    dropout: float = Field(0.2, ge=0, lt=1)
    labels: tuple[Annotated[str, AfterValidator(_instrument)], ...] = ()
    """The instruments of OpenMIC-2018 that a head beside the others, not exported, learns; none, no such head."""
    pairs: int = Field(36, gt=0)
    """Tracks in a step, two crops of each for the contrastive loss."""
    flipped: int = Field(36, gt=0)
    """Windows in a step that play backwards."""
    collages: int = Field(6, ge=0)
    """Pairs of collages of recorded notes in a step, where there are such notes."""
    apart: float = Field(9.0, ge=0)
    """Seconds between the beginnings of two crops of a track, at most."""
    temperature: float = Field(0.15, gt=0)
    label_smoothing: float = Field(0.02, ge=0, lt=1)
    reversal_weight: float = Field(1.0, ge=0)
    contrastive_weight: float = Field(0.5, ge=0)
    tags_weight: float = Field(2.0, ge=0)
    knowledge: int = Field(128, gt=0)
    """Numbers of the embedding that are learned from teachers, where there are some."""
    distillation_weight: float = Field(2.0, ge=0)


class TagsConfig(Optimisation):
    """The late layers behind tags, trained on the finished trunk."""

    labels: tuple[Annotated[str, AfterValidator(_instrument)], ...] = Field(min_length=1)
    """The instruments of OpenMIC-2018 that tags name."""
    width: int = 128
    dropout: float = Field(0.2, ge=0, lt=1)
    windows: int = Field(96, gt=0)
    """Labelled windows in a step."""
    collages: int = Field(16, ge=0)
    """Collages of recorded notes in a step, where there are such notes."""
    label_smoothing: float = Field(0.02, ge=0, lt=1)


class JoinsConfig(Optimisation):
    """The encoder behind successor scores and jigsaw."""

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
    """Share of groups that play backwards: periods survive that, and there is more music to learn from."""
    continuity_weight: float = Field(0.25, ge=0)


class CardConfig(Section):
    """What a model file must say of itself and training cannot know."""

    licence: str = ""
    training_data: str = ""


class Recipe(AnyRecipe):
    """A run of all parts of a model that is exported whole."""

    data: DataConfig
    rendered: RenderedConfig | None = None
    notes: NotesConfig | None = None
    teachers: tuple[TeacherConfig, ...] = ()
    openmic: Path | None = None
    """Folder of OpenMIC-2018 as published, trained on where it exists."""
    tempo: Tempo = Tempo()
    augment: SpectrogramAugment = SpectrogramAugment()
    window: int = Field(220500, gt=0)
    """Samples that the model sees at once, of which joins see three equal pieces."""
    trunk: TrunkConfig
    tags: TagsConfig | None = None
    """Without this section a model has no tags."""
    joins: JoinsConfig
    card: CardConfig = CardConfig()
