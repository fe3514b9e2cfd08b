"""Pool of windows from which steps of training draw: making a window takes longer than learning from it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from musicfeat_trainer.bundled.cut_windows import Alarm, WindowMaker, Windows, joined
from musicfeat_trainer.distributed import rank
from musicfeat_trainer.recipe.bundled import CutsConfig
from musicfeat_trainer.training.part import step_generators


class WindowPool:
    """Windows of the last rounds, and those around the false alarms of this round.

    What a round makes depends on its number alone, so that a run that was stopped goes on with the same windows.

    Args:
        maker: maker of the windows.
        config: how many are made and for how long they are kept.
    """

    def __init__(self, maker: WindowMaker, config: CutsConfig) -> None:
        self.maker, self.config = maker, config
        self.rounds: dict[int, Windows] = {}
        self.mined: Windows | None = None

    def renew(self, number: int, alarms: Sequence[Alarm]) -> None:
        """Begin a round: forget the oldest windows and make new ones."""
        config = self.config
        kept = range(max(0, number - config.rounds + 1), number + 1)
        self.rounds = {one: self.rounds.get(one) or self._made(one) for one in kept}
        generator = step_generators(config.seed + 3, number, rank())[0]
        self.mined = self.maker.around(alarms, generator, round(config.made * config.mined)) if alarms else None

    def drawn(self, generator: torch.Generator) -> Windows:
        """Windows of one step."""
        mined = round(self.config.windows * self.config.mined) if self.mined else 0
        usual = _some(list(self.rounds.values()), self.config.windows - mined, generator)
        return joined([usual, _some([self.mined], mined, generator)]) if self.mined else usual

    def _made(self, number: int) -> Windows:
        return self.maker.made(step_generators(self.config.seed + 2, number, rank())[0], self.config.made)


def _some(rounds: Sequence[Windows], count: int, generator: torch.Generator) -> Windows:
    """Some windows of rounds of the same size, drawn where they lie: all of them joined would take as much again."""
    size = len(rounds[0].power)
    numbers = torch.randperm(len(rounds) * size, generator=generator)[:count].tolist()
    return joined([rounds[number // size].chosen(torch.tensor([number % size])) for number in numbers])
