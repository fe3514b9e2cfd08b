from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch", reason="the train extra is not installed")

SMALL_RECIPE = """
name = "tiny"
[data]
audio = "{folder}/audio"
store = "{folder}/store"
validation_sources = ["c"]
test_sources = ["d"]
[encoder]
stem = 4
early = 4
widths = [4, 4, 8]
frames = 8
cut = 2
[training]
steps = 6
piece_frames = 40
groups = 4
evaluate_every = 2
checkpoint_seconds = 0.001
warmup = 2
clips_per_track = 2
"""


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int) -> Path:
    """A folder with four sources of sound and a recipe of a few seconds."""
    folder = tmp_path_factory.mktemp("run")
    for i, source in enumerate("abcd"):
        (folder / "audio" / source).mkdir(parents=True)
        shift = i * rate
        soundfile.write(folder / "audio" / source / "song.wav", np.roll(clip, shift)[: 15 * rate], rate)
        soundfile.write(folder / "audio" / source / "other.flac", clip[shift : shift + 12 * rate] * 0.5, rate)
    (folder / "audio" / "a" / "broken.wav").write_text("no sound")
    soundfile.write(folder / "audio" / "a" / "short.wav", clip[:100], rate)
    (folder / "recipe.toml").write_text(SMALL_RECIPE.format(folder=folder))
    return folder
