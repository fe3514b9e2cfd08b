"""Shared sounds and paths. Tests make their own sound; real music is used where its folder exists."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from musicfeat import Extractor
from musicfeat.demo import RATE, synthesise

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def clip() -> np.ndarray:
    """24 s of synthesised music, [samples] at ``rate``."""
    return synthesise()


@pytest.fixture(scope="session")
def rate() -> int:
    return RATE


@pytest.fixture(scope="session")
def extractor() -> Extractor:
    return Extractor(threads=1)


@pytest.fixture(scope="session")
def music_folder() -> Path:
    """The folder of real music: $MUSICFEAT_DATA/music, by default ../shared/data/music."""
    folder = Path(os.environ.get("MUSICFEAT_DATA", ROOT.parent / "shared" / "data")) / "music"
    if not (folder / "tracks.csv").is_file():
        pytest.skip(f"no real music at {folder}: set MUSICFEAT_DATA to a folder that holds music/tracks.csv")
    return folder
