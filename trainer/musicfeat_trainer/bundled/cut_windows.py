"""Windows of edited and of clean music, from which a network of cuts learns and by which it is judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from musicfeat_trainer.bundled.cut_curves import Cuts
from musicfeat_trainer.bundled.cut_marks import backwards_marks, cut_marks, middles
from musicfeat_trainer.bundled.cut_net import BACKWARDS_FRAMES, CUT_FRAMES
from musicfeat_trainer.bundled.joins import Joins
from musicfeat_trainer.bundled.lag_profiles import Keys
from musicfeat_trainer.bundled.splices import Splicer
from musicfeat_trainer.bundled.splicing import Edited, Wave
from musicfeat_trainer.bundled.wear import coded, crackled, mixed
from musicfeat_trainer.recipe.bundled import CutsConfig

Draw = Callable[[np.random.Generator], Edited]
GROUP = 8
"""Windows whose spectra are computed together."""
Alarm = tuple[int, int]
"""Number of a recording, and the sample of it where a network hears a cut that is none."""


class Windows(NamedTuple):
    """Windows with the answers for their curves; all in the order of the windows."""

    power: Tensor  # [n, T, bands]
    periods: Tensor  # [n, 4 * heads, lags, T // 4]
    keys: Keys  # of the joins, T // 2 frames, in half precision
    cut: Tensor  # [2, n, T // 2] there, and 1 where the answer counts
    backwards: Tensor  # [2, n, T // 12], the same
    places: list[list[int]]  # of the cuts in the cut curve

    def chosen(self, numbers: Tensor) -> Windows:
        """Some of the windows, by their numbers."""
        places = [self.places[i] for i in numbers.tolist()]
        power, periods = self.power[numbers], self.periods[numbers].float()
        keys = Keys(*(part[numbers] for part in self.keys))
        return Windows(power, periods, keys, self.cut[:, numbers], self.backwards[:, numbers], places)


class WindowMaker:
    """Maker of windows, with the spectrum of a network and with the answers for it.

    Args:
        splicer: recordings and edits.
        config: shares of the kinds of windows, and their wear.
        module: the network; only its spectrum and its device matter.
        joins: the finished joins, for their keys.
    """

    def __init__(self, splicer: Splicer, config: CutsConfig, module: Cuts, joins: Joins) -> None:
        self.splicer, self.config, self.module, self.joins = splicer, config, module, joins

    def made(self, generator: np.random.Generator, count: int) -> Windows:
        """Windows of all kinds to learn from."""
        return self._all(self.drawn, generator, count)

    def around(self, alarms: Sequence[Alarm], generator: np.random.Generator, count: int) -> Windows:
        """Windows of clean music around some of these places."""

        def drawn(own: np.random.Generator) -> Edited:
            return self.splicer.around(*alarms[int(own.integers(len(alarms)))], own)

        return self._all(drawn, generator, count)

    def _all(self, draw: Draw, generator: np.random.Generator, count: int) -> Windows:
        """Worn windows, made on all cores; each has a generator of its own."""

        def group(generators: Sequence[np.random.Generator]) -> Windows:
            return self.windows([self.worn(draw(own), own) for own in generators])

        generators = generator.spawn(count)
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            return joined(list(pool.map(group, [generators[i : i + GROUP] for i in range(0, count, GROUP)])))

    def drawn(self, generator: np.random.Generator) -> Edited:
        """A window of one of the kinds that the recipe has."""
        config, drawn = self.config, generator.random()
        if drawn < config.edited:
            return self.splicer.edited(generator, config.most_edits)
        if drawn < config.edited + config.ended:
            return self.splicer.ended(generator)
        return self.splicer.clean(generator)

    def worn(self, edited: Edited, generator: np.random.Generator) -> Edited:
        """A window turned round, mixed, crackling or coded at random."""
        config = self.config
        if generator.random() < config.backwards:
            edited = edited.reversed()
        if generator.random() < config.mix:
            edited = mixed(edited, self.splicer.clean(generator).wave, generator)
        if generator.random() < config.crackle:
            edited.wave = crackled(edited.wave, generator)
        if generator.random() < config.coded:
            edited.wave = coded(edited.wave, config.frontend.sample_rate, generator)
        return edited

    def windows(self, drawn: Sequence[Edited]) -> Windows:
        """Spectra and answers of some windows."""
        frames = self.splicer.size // self.config.frontend.step
        cut, backwards = frames // CUT_FRAMES, frames // BACKWARDS_FRAMES
        step = self.splicer.size / cut
        groups = [drawn[i : i + GROUP] for i in range(0, len(drawn), GROUP)]
        sounds = [self.sound(np.stack([edited.wave for edited in group])) for group in groups]
        power, periods, keys = zip(*sounds, strict=True)
        return Windows(
            torch.cat(power),
            torch.cat(periods),
            _together(keys),
            _stacked([cut_marks(edited, cut) for edited in drawn]),
            _stacked([backwards_marks(edited, backwards) for edited in drawn]),
            [[place for place in middles(edited.cuts, step) if place < cut] for edited in drawn],
        )

    @torch.no_grad()
    def sound(self, waves: Wave) -> tuple[Tensor, Tensor, Keys]:
        """Mel power [n, T, bands] of windows [n, samples], their curves of periods and the joins' keys, both in half
        precision.
        """
        waveform = torch.from_numpy(waves).to(self.module.cut_weights.device)
        own = self.module.frontend
        spectrum = own.spectrum(waveform)
        keys = self.joins.heard(waveform, spectrum, own)
        periods = self.module.periods(keys)
        kept = Keys(*(part.half().cpu() for part in keys))
        return own.bands(spectrum).transpose(1, 2).cpu(), periods.half().cpu(), kept


def joined(parts: Sequence[Windows]) -> Windows:
    """Windows of several groups as one group."""
    power, periods, keys, cut, backwards, places = zip(*parts, strict=True)
    marks = torch.cat(cut, 1), torch.cat(backwards, 1)
    known = [one for part in places for one in part]
    return Windows(torch.cat(power), torch.cat(periods), _together(keys), *marks, known)


def _together(keys: Sequence[Keys]) -> Keys:
    return Keys(*(torch.cat(part) for part in zip(*keys, strict=True)))


def _stacked(marks: Sequence[tuple[np.ndarray, np.ndarray]]) -> Tensor:
    return torch.from_numpy(np.stack(marks, 1))
