from __future__ import annotations

import csv
import shutil
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
def small_run(tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int) -> Path:
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


def write_notes(folder: Path, rate: int) -> None:
    """Plucked and bowed tones, two of each for training and one that is held out."""
    folder.mkdir()
    time = np.arange(rate) / rate
    with (folder / "notes.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "instrument", "split"])
        for instrument, decay in (("banjo", 6.0), ("cello", 0.5), ("oboe", 1.0)):
            for number, split in enumerate(("train", "train", "heldout")):
                name = f"{instrument}{number}.wav"
                tone = np.sin(2 * np.pi * 220 * (1 + number / 3) * time) * np.exp(-decay * time)
                soundfile.write(folder / name, 0.5 * tone, rate)
                table.writerow([name, instrument, split])


@pytest.fixture(scope="session")
def fluidsynth() -> Path:
    """A General MIDI sound font, where FluidSynth can play one."""
    fonts = sorted(Path("/usr/share/sounds/sf2").glob("*.sf2"), key=lambda path: path.stat().st_size)
    if not shutil.which("fluidsynth") or not fonts:
        pytest.skip("FluidSynth and a sound font are not installed (Debian: fluidsynth, timgm6mb-soundfont)")
    return fonts[0]
