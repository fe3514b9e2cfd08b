"""Changes of tempo: faster, slower, and swaying like a performance without a strict pulse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Tempo:
    """Random tempo: with ``probability`` a factor of e^u, u uniform in +-``spread``; with ``rubato`` it also sways."""

    probability: float = 0.6
    spread: float = 0.2
    rubato: float = 0.2
    depth: float = 0.06

    def steps(self, frames: int, generator: np.random.Generator) -> npt.NDArray[np.float64]:
        """Frames to read for each frame of a crop, [frames]; all 1 where nothing changes."""
        changed, swaying = generator.random(2) < (self.probability, self.rubato)
        rate = generator.uniform(-1, 1) * self.spread if changed else 0.0
        cycles, phase = generator.uniform(1.0, 6.0), generator.uniform(0, 2 * np.pi)
        sway = self.depth * np.sin(cycles * 2 * np.pi * np.arange(frames) / frames + phase) if swaying else 0.0
        return np.exp(rate + sway + np.zeros(frames))
