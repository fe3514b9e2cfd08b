"""Does the exported file give the same answer as the model in torch?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from musicfeat.errors import ModelError
from musicfeat.model.card import ModelCard
from musicfeat.model.session import Session

TOLERANCE = 1e-4
BATCHES = (1, 2, 5)
SOUNDING = (1.0, 0.7, 0.31, 0.02)
"""Shares of a window that hold sound; the rest is padding."""


def check_parity(model: nn.Module, path: Path, *, relative: bool = False) -> dict[str, float]:
    """Greatest difference of each output between torch and the file on a CPU.

    Noise, tones and decays of several lengths and levels, in several batch sizes, and silence.

    Args:
        model: in torch.
        path: the file.
        relative: whether outputs that reach beyond 1 may differ in proportion, as those of methods that nothing
            standardises.

    Raises:
        ModelError: an output differs by more than ``TOLERANCE``.
    """
    session = Session(path, threads=1)
    worst = dict.fromkeys(session.card.outputs, 0.0)
    for batch in BATCHES:
        for share in SOUNDING:
            windows = probe_windows(session.card, batch, share)
            with torch.no_grad():
                expected = model.eval()(torch.from_numpy(windows))
            for name, value in session.run(windows, session.card.outputs).items():
                wanted = getattr(expected, name).numpy()
                scale = max(1.0, float(np.abs(wanted).max())) if relative else 1.0
                difference = float(np.abs(value - wanted).max()) / scale
                worst[name] = max(worst[name], difference if np.isfinite(difference) else np.inf)
    if max(worst.values()) > TOLERANCE:
        raise ModelError(f"{path}: differs from the model in torch by {worst}, at most {TOLERANCE} is allowed")
    return worst


def probe_windows(card: ModelCard, batch: int, share: float) -> npt.NDArray[np.float32]:
    """[batch, window] of decaying tones over noise, each row at another level; the last row is silent."""
    generator = np.random.default_rng([batch, round(share * 1000)])
    time = np.arange(card.window) / card.sample_rate
    windows = np.zeros((batch, card.window), dtype=np.float32)
    for row in range(batch if batch == 1 else batch - 1):
        pitch, beat = generator.uniform(60, 2000), generator.uniform(0.2, 0.9)
        tone = np.sin(2 * np.pi * pitch * time) * np.exp(-8 * (time % beat))
        sound = tone + 0.01 * generator.standard_normal(card.window)
        windows[row] = sound * 10 ** generator.uniform(-3, 1)
    windows[:, round(share * card.window) :] = 0.0
    return windows
