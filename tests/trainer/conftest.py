from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch", reason="the train extra is not installed")
import torch

from musicfeat_trainer.objectives.objective import Objective, Views
from support import teacher

torch.set_num_threads(1)  # the networks are too small for more

SMALL_RECIPE = """
name = "tiny"
window = 63000
[data]
audio = "{folder}/audio"
store = "{folder}/store"
validation_sources = ["c"]
test_sources = ["d"]
[trunk]
steps = 6
stem = [4, 4]
widths = [4, 4, 8]
frames = 8
pairs = 4
flipped = 4
collages = 2
labels = ["banjo", "cello"]
evaluate_every = 2
checkpoint_seconds = 0.001
warmup = 2
clips_per_track = 2
[tags]
steps = 4
width = 4
windows = 4
collages = 4
labels = ["banjo", "cello"]
evaluate_every = 2
checkpoint_seconds = 0.001
warmup = 2
[joins]
steps = 4
stem = 4
width = 4
cut = 2
groups = 4
evaluate_every = 2
checkpoint_seconds = 0.001
warmup = 2
clips_per_track = 2
[cuts]
steps = 4
stem = 4
width = 4
channels = 8
dilations = [1, 2]
windows = 4
evaluate_every = 2
renew_every = 2
made = 8
mine_windows = 4
judged = 8
checkpoint_seconds = 0.001
warmup = 2
[notes]
folder = "{folder}/notes"
"""


@pytest.fixture(scope="session")
def small_run(
    tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int, write_notes: Callable[[Path, int], None]
) -> Path:
    """A folder with four sources of sound, a few notes, and a recipe of a few seconds."""
    folder = tmp_path_factory.mktemp("run")
    for i, source in enumerate("abcd"):
        (folder / "audio" / source).mkdir(parents=True)
        shift = i * rate
        soundfile.write(folder / "audio" / source / "song.wav", np.roll(clip, shift)[: 15 * rate], rate)
        soundfile.write(folder / "audio" / source / "other.flac", clip[shift : shift + 12 * rate] * 0.5, rate)
    (folder / "audio" / "a" / "broken.wav").write_text("no sound")
    soundfile.write(folder / "audio" / "a" / "short.wav", clip[:100], rate)
    write_notes(folder / "notes", rate)
    (folder / "recipe.toml").write_text(SMALL_RECIPE.format(folder=folder))
    return folder


@pytest.fixture
def views() -> Views:
    """Two noisy looks at twelve things."""
    generator = torch.Generator().manual_seed(1)
    things = torch.randn(12, 4, generator=generator)
    first, second = things + torch.randn(2, 12, 4, generator=generator) / 10
    return Views((first, second), torch.arange(12))


@pytest.fixture(scope="session")
def descent() -> Callable[..., list[float]]:
    """The losses of some steps on an objective, taken as the training loop takes them."""

    def run(
        objective: Objective,
        views: Callable[[int], Views],
        steps: int,
        optimizer: torch.optim.Optimizer,
        seeded: bool = False,
    ) -> list[float]:
        losses = []
        for step in range(steps):
            if seeded:
                torch.manual_seed(step)
            loss = torch.stack(list(objective.losses(views(step)).values())).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            objective.after_step()
            losses.append(loss.item())
        return losses

    return run


@pytest.fixture(scope="session")
def killed_when() -> Callable[[list[str], Path], None]:
    """Runs a command in a process of its own, and kills it as soon as a file is there."""

    def run(command: list[str], file: Path) -> None:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 600
        while not file.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    return run


@pytest.fixture(scope="session")
def write_teacher() -> Callable[[Path], np.ndarray]:
    """Writes a small teacher, see ``support.teacher``."""
    pytest.importorskip("onnx", reason="the export extra is not installed")
    return teacher.write
