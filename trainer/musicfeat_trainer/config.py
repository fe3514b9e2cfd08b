"""A recipe: everything that makes a training run, read from one TOML file and checked before it starts."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from musicfeat.errors import InputError
from musicfeat.log_mel import LogMelSpec
from musicfeat_trainer.augment.spectrogram import SpectrogramAugment
from musicfeat_trainer.data.sampler import Tempo


class Section(BaseModel):
    """A table of a recipe; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(Section):
    """Where the music is, and which sources are kept from training."""

    audio: Path
    """Folder of audio; the first folder of a path names its source. ``~`` and ``$VARIABLES`` are expanded."""
    table: Path | None = None
    """Optional CSV with columns path, source, noncommercial; relative to ``audio``."""
    store: Path
    """Where the spectrograms are kept."""
    validation_sources: tuple[str, ...]
    """Early stopping looks at these."""
    test_sources: tuple[str, ...] = ()
    """Nothing looks at these before the benchmarks."""

    def expanded(self) -> DataConfig:
        """With ``~`` and environment variables replaced, and the table found inside ``audio``."""
        audio, store = (Path(os.path.expandvars(path)).expanduser() for path in (self.audio, self.store))
        table = audio / self.table if self.table else None
        return self.model_copy(update={"audio": audio, "store": store, "table": table})


class EncoderConfig(Section):
    """Widths of TemporalNet and its heads."""

    stem: int = 16
    early: int = 32
    widths: tuple[int, int, int] = (48, 64, 128)
    frames: int = 160
    dropout: float = Field(default=0.2, ge=0, lt=1)
    cut: int = Field(default=6, ge=1)
    """Frames (of half the spectrogram's rate) not compared at each edge of a piece."""


class TrainingConfig(Section):
    """The loop."""

    steps: int = Field(gt=0)
    seed: int = 7
    piece_frames: int = Field(140, gt=0)
    pieces: int = Field(4, ge=3, le=6)
    groups: int = Field(16, gt=0)
    """Groups of consecutive pieces in a step, and as many flipped windows."""
    learning_rate: float = Field(2.5e-3, gt=0)
    warmup: int = Field(200, ge=0)
    weight_decay: float = Field(0.03, ge=0)
    label_smoothing: float = Field(0.05, ge=0, lt=1)
    jigsaw_weight: float = Field(1.0, ge=0)
    average: float = Field(0.998, ge=0, lt=1)
    """Decay of the moving average of weights that is evaluated and kept."""
    evaluate_every: int = Field(500, gt=0)
    checkpoint_seconds: float = Field(120.0, gt=0)
    patience: int = Field(12, gt=0)
    """Evaluations without a better score before training stops."""
    clips_per_track: int = Field(6, gt=0)


class CardConfig(Section):
    """What a model file must say of itself and training cannot know."""

    licence: str = ""
    training_data: str = ""


class Recipe(Section):
    """A whole training run."""

    name: str
    version: str = "0.1.0"
    data: DataConfig
    frontend: LogMelSpec = LogMelSpec()
    encoder: EncoderConfig = EncoderConfig()
    tempo: Tempo = Tempo()
    augment: SpectrogramAugment = SpectrogramAugment()
    training: TrainingConfig
    card: CardConfig = CardConfig()


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        InputError: no such file, not TOML, a misspelt key, or a value out of range.
    """
    try:
        with path.open("rb") as file:
            return parse_recipe(tomllib.load(file), str(path))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"cannot read recipe {path}: {error}") from error


def parse_recipe(data: dict[str, Any], where: str) -> Recipe:
    """A recipe from nested dictionaries; ``where`` names them in errors."""
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise InputError(f"{where}: " + "; ".join(lines)) from error
