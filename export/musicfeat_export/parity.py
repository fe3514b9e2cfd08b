"""Parity check: the exported file must answer as the model in torch does."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from musicfeat.errors import ModelError
from musicfeat.model.card import ModelCard
from musicfeat.model.session import Session, levelled

TOLERANCE = 1e-4
ROUNDING = 4.0
BATCHES = (1, 2, 5)
SOUNDING = (1.0, 0.7, 0.31, 0.02)
"""Shares of a window that hold sound; the rest is padding."""


def check_parity(model: nn.Module, path: Path, *, relative: bool = False) -> dict[str, float]:
    """Greatest difference of each output between torch and the file on a CPU.

    The probes are noise, tones and decays of several lengths, levels and batch sizes, and silence.

    Args:
        model: the model in torch.
        path: the exported file.
        relative: for networks without standardisation and with unbounded input: outputs beyond 1
            may differ in proportion, and by up to ``ROUNDING`` times torch's own distance from its result in double
            precision, since decibels of almost silent sound magnify the rounding of either.

    Raises:
        ModelError: an output differs by more than ``TOLERANCE``.
    """
    session = Session(path, threads=1)
    worst = dict.fromkeys(session.card.outputs, 0.0)
    for batch in BATCHES:
        for share in SOUNDING:
            windows = probe_windows(session.card, batch, share)
            if relative and not session.card.level_matters:
                windows = levelled(windows)  # as the session passes them on: silence starts at a fixed level
            expected = answers(model, torch.from_numpy(windows), session.card.outputs)
            found = session.run(windows, session.card.outputs)
            for name, value in found.items():
                scale = max(1.0, float(np.abs(expected[name]).max())) if relative else 1.0
                difference = float(np.abs(value - expected[name]).max()) / scale
                difference = difference if np.isfinite(difference) else np.inf
                worst[name] = max(worst[name], difference)
                if difference > TOLERANCE:
                    allowed = ROUNDING * rounding(model, windows, name) / scale if relative else 0.0
                    _refuse(path, name, difference, max(TOLERANCE, allowed))
    return worst


def _refuse(path: Path, name: str, difference: float, allowed: float) -> None:
    if difference > allowed:
        raise ModelError(
            f"{path}: {name} differs from the model in torch by {difference:.2g}, at most {allowed:.2g} is allowed"
        )


@torch.no_grad()
def answers(model: nn.Module, windows: Tensor, outputs: Sequence[str]) -> dict[str, npt.NDArray[np.floating]]:
    """The outputs of a model in torch for windows."""
    found = model.eval()(windows)
    return {name: getattr(found, name).numpy() for name in outputs}


def rounding(model: nn.Module, windows: npt.NDArray[np.float32], name: str) -> float:
    """Greatest difference between torch's results in float32 and in double precision."""
    exact = answers(deepcopy(model).double(), torch.from_numpy(windows).double(), (name,))
    return float(np.abs(answers(model, torch.from_numpy(windows), (name,))[name] - exact[name]).max())


def probe_windows(card: ModelCard, batch: int, share: float) -> npt.NDArray[np.float32]:
    """[batch, window] of decaying tones over noise, each row at a different level; the last row is silent."""
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
