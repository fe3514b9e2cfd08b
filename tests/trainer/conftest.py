from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch", reason="the train extra is not installed")

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
