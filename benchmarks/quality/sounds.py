"""Test sounds: tracks that training never saw, recorded and rendered, and clips of them."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from musicfeat.model.card import ModelCard
from musicfeat.sound.audio import load

Wave = npt.NDArray[np.float32]
CLIP_SECONDS = 10
CLIPS_PER_TRACK = 6
AUDIBLE = 1e-3


@dataclass(frozen=True)
class Track:
    """A whole track, mono, at the model's rate."""

    source: str
    name: str
    wave: Wave


def recipe_of(card: ModelCard) -> dict[str, Any]:
    """The recipe of a model's training, which names the held-out sources."""
    recipe = json.loads(card.recipe)
    if not recipe["data"]["test_sources"]:
        raise SystemExit(f"{card.name} names no sources that it was not trained on")
    return recipe


def unseen_tracks(card: ModelCard, root: Path, limit: int) -> list[Track]:
    """Tracks of the sources that the model's recipe kept from training, at most ``limit`` per source."""
    rows = unseen_rows(card, root, limit)
    return [Track(row["source"], row["path"], load(root / row["path"], rate=card.sample_rate)) for row in rows]


def unseen_rows(card: ModelCard, root: Path, limit: int) -> list[dict[str, str]]:
    """The same tracks as rows of their table."""
    rows, sources = free_rows(root), recipe_of(card)["data"]["test_sources"]
    return [row for source in sources for row in [row for row in rows if row["source"] == source][:limit]]


def free_rows(root: Path) -> list[dict[str, str]]:
    """Rows of the tracks that anyone may use, of the table in a folder of music."""
    return [row for row in table(root / "tracks.csv") if row["noncommercial"] != "yes"]


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def clips_of(wave: Wave, seconds: float, rate: int, most: int = CLIPS_PER_TRACK) -> list[Wave]:
    """Evenly spread clips of a track that do not overlap; nearly silent ones are left out."""
    size = round(seconds * rate)
    count = min(most, len(wave) // size)
    starts = np.linspace(0, len(wave) - size, count).astype(int) if count else []
    clips = [wave[start : start + size] for start in starts]
    return [clip for clip in clips if np.sqrt(np.mean(clip**2)) > AUDIBLE]


def back_to_back(wave: Wave, rate: int) -> list[Wave]:
    """The first clips of a track, without gaps between them."""
    size = CLIP_SECONDS * rate
    return [wave[i * size : (i + 1) * size] for i in range(min(CLIPS_PER_TRACK, len(wave) // size))]


def held_out_midi(card: ModelCard, root: Path) -> list[Path]:
    """The MIDI files of the sources that the model's recipe neither rendered nor trained on."""
    from musicfeat_trainer.data.render import list_midi

    rendered = recipe_of(card).get("rendered")
    if not rendered or not (root / "midi.csv").is_file():
        return []
    return [root / path for path, source in list_midi(root) if source in rendered["test_sources"]]


def held_out_font(card: ModelCard, font: Path) -> Path | None:
    """The font, if it can be played here and was not used in training."""
    rendered = recipe_of(card).get("rendered") or {"fonts": []}
    if font.name in {Path(used).name for used in rendered["fonts"]}:
        raise SystemExit(f"{card.name} was trained on {font.name}: name another --font")
    return font if shutil.which("fluidsynth") and font.is_file() else None


def rendered(files: list[Path], font: Path, rate: int, kind: str) -> Iterator[Track]:
    """Files rendered losslessly with a sound font; those that cannot be rendered are left out."""
    from musicfeat_trainer.data.render import synthesise

    for path in files:
        with tempfile.TemporaryDirectory() as folder:
            try:
                wave = synthesise(path, font, rate, Path(folder))
            except subprocess.SubprocessError:
                continue
        yield Track(kind, path.name, wave)


def spread(files: list[Path], limit: int) -> list[Path]:
    """At most ``limit`` files, spread evenly over the list."""
    return files[:: max(1, len(files) // limit)][:limit] if limit else []
