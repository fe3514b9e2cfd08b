"""Windows of edited and of clean music, from which a network of cuts learns and by which it is judged."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from musicfeat_trainer.bundled.cut_curves import Cuts
from musicfeat_trainer.bundled.cut_marks import backwards_marks, cut_marks, middles
from musicfeat_trainer.bundled.cut_net import BACKWARDS_FRAMES, CUT_FRAMES
from musicfeat_trainer.bundled.joins import Joins
from musicfeat_trainer.bundled.splices import Splicer
from musicfeat_trainer.bundled.splicing import Edited, Wave
from musicfeat_trainer.bundled.wear import coded, crackled, mixed
from musicfeat_trainer.recipe.bundled import CutsConfig

Alarm = tuple[int, int]
"""Number of a recording, and the sample of it where a network hears a cut that is none."""


class Windows(NamedTuple):
    """Windows with the answers for their curves; all in the order of the windows."""

    power: Tensor  # [n, T, bands]
    periods: Tensor  # [n, 4 * heads, lags, T // 4]
    cut: Tensor  # [2, n, T // 2] there, and 1 where the answer counts
    backwards: Tensor  # [2, n, T // 12], the same
    places: list[list[int]]  # of the cuts in the cut curve

    def chosen(self, numbers: Tensor) -> Windows:
        """Some of the windows, by their numbers."""
        places = [self.places[i] for i in numbers.tolist()]
        power, periods = self.power[numbers], self.periods[numbers].float()
        return Windows(power, periods, self.cut[:, numbers], self.backwards[:, numbers], places)


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

    def made(self, generator: np.random.Generator, alarms: Sequence[Alarm]) -> Windows:
        """Windows to learn from, as many as the recipe says, made on all cores; each has a generator of its own."""
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            parts = pool.map(
                lambda own: self.windows([self.worn(self.drawn(own, alarms), own)]), generator.spawn(self.config.made)
            )
            return joined(list(parts))

    def drawn(self, generator: np.random.Generator, alarms: Sequence[Alarm]) -> Edited:
        """A window of one of the kinds that the recipe has."""
        config, drawn = self.config, generator.random()
        if drawn < config.edited:
            return self.splicer.edited(generator, config.most_edits)
        if drawn < config.edited + config.ended:
            return self.splicer.ended(generator)
        if drawn < config.edited + config.ended + config.mined and alarms:
            recording, at = alarms[int(generator.integers(len(alarms)))]
            return self.splicer.around(recording, at, generator)
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
        power, periods = zip(*(self.sound(edited.wave) for edited in drawn), strict=True)
        return Windows(
            torch.cat(power),
            torch.cat(periods),
            _stacked([cut_marks(edited, cut) for edited in drawn]),
            _stacked([backwards_marks(edited, backwards) for edited in drawn]),
            [[place for place in middles(edited.cuts, step) if place < cut] for edited in drawn],
        )

    @torch.no_grad()
    def sound(self, wave: Wave) -> tuple[Tensor, Tensor]:
        """Mel power of a window, [1, T, bands], and the curves of its periods in half precision."""
        waveform = torch.from_numpy(wave)[None].to(self.module.calibrated.device)
        own, narrow = self.module.frontend, self.joins.frontend
        spectrum = own.spectrum(waveform)
        log_mel = narrow.log_mel(spectrum) if narrow.shares_spectrum(own) else narrow(waveform).transpose(1, 2)
        periods = self.module.periods(*self.joins.keys(log_mel.transpose(1, 2)))
        return own.bands(spectrum).transpose(1, 2).cpu(), periods.half().cpu()


def joined(parts: Sequence[Windows]) -> Windows:
    """Windows of several groups as one group."""
    power, periods, cut, backwards, places = zip(*parts, strict=True)
    marks = torch.cat(cut, 1), torch.cat(backwards, 1)
    return Windows(torch.cat(power), torch.cat(periods), *marks, [one for part in places for one in part])


def _stacked(marks: Sequence[tuple[np.ndarray, np.ndarray]]) -> Tensor:
    return torch.from_numpy(np.stack(marks, 1))
