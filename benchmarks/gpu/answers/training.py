"""Training steps a second of the bundled model's parts at the size of its recipe, data and all, on sound made here."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np
import soundfile
from _table import markdown
from question import Question, seconds

from answers.network import recipe, seen
from musicfeat_trainer.bundled.joins import PIECES
from musicfeat_trainer.bundled.model import PARTS
from musicfeat_trainer.recipe.bundled import Recipe
from musicfeat_trainer.training.loop import Trainer

SOURCES, SECONDS = ("made", "other", "held"), 45
TRACKS = 4


def answer(question: Question) -> str:
    """A table with a row for each part and precision."""
    seen(question.device)
    sounds(question.folder / "music")
    rows = []
    for name in ("trunk", "joins"):
        for bfloat16 in (False, True):
            taken, music = step(name, question, bfloat16)
            rows.append([name, "bf16" if bfloat16 else "fp32", f"{1 / taken:.2f}", f"{music / taken:.0f}"])
    header = ["part", "precision", "steps a second", "seconds of music a second"]
    return markdown(header, rows)


def sounds(folder: Path) -> None:
    """Write tracks of decaying tones, four of each source."""
    rate, generator = 22050, np.random.default_rng(0)
    time = np.arange(SECONDS * rate) / rate
    for source in SOURCES:
        (folder / source).mkdir(parents=True, exist_ok=True)
        for number in range(TRACKS):
            pitch, beat = generator.uniform(60, 2000), generator.uniform(0.2, 0.9)
            tone = 0.5 * np.sin(2 * np.pi * pitch * time) * np.exp(-8 * (time % beat))
            soundfile.write(folder / source / f"{number}.wav", tone, rate)


def plan(folder: Path, name: str, bfloat16: bool) -> Recipe:
    """The bundled model's recipe on the sounds of a folder, without what only data of others would bring."""
    table = recipe().model_dump(exclude={"rendered", "notes", "openmic", "teachers", "taught"})
    table["data"] = {"audio": folder / "music", "store": folder / "store", "validation_sources": SOURCES[-1:]}
    table[name]["bfloat16"] = bfloat16
    return Recipe.model_validate(table)


def step(name: str, question: Question, bfloat16: bool) -> tuple[float, float]:
    """Seconds that a step takes, and seconds of music in it."""
    chosen = plan(question.folder, name, bfloat16)
    part = PARTS[name](chosen, question.folder / f"{name}-{bfloat16}")
    trainer = Trainer(part, question.device)
    part.open_training()
    numbers = count()
    taken = seconds(lambda: trainer.step(next(numbers)), max(1, question.rounds // 2))
    trunk, joins = chosen.trunk, chosen.joins
    windows = 2 * trunk.pairs + trunk.flipped if name == "trunk" else joins.groups * joins.pieces / PIECES
    return taken, windows * chosen.window / trunk.frontend.sample_rate
