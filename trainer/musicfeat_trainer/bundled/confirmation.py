"""Confirmation of a window's likeliest cut by the joins of the music before and behind it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from musicfeat_trainer.bundled.lag_profiles import Keys, LagProfiles, unit_keys

AROUND = 5
"""Places to either side of the likeliest for which the joins' evidence counts too: a quarter of a second."""


def confirmation(logits: Tensor, keys: Keys, profiles: LagProfiles) -> Tensor:
    """Nats that the joins give for a cut, [batch, T]: 0 but around the highest of ``logits`` [batch, T].

    The curve hears a few seconds around a place; joins compare whole pieces. To ask them everywhere would cost too
    much, and in windows that overlap one place each is enough.
    """
    place = logits.argmax(dim=1, keepdim=True)
    near = (torch.arange(logits.shape[1], device=logits.device) - place).abs() <= AROUND
    return near * -runs_on(place, keys, profiles)[:, None]


def runs_on(place: Tensor, keys: Keys, profiles: LagProfiles) -> Tensor:
    """Nats that the joins give for music that runs on over a place, [batch], of places [batch, 1] counted in frames.

    The piece before a place and the one behind it are read like two neighbouring pieces in ``LagProfiles``; what lies
    outside the window counts as silence. 0 where one of them is silent.
    """
    reach = profiles.cut + profiles.length
    frames = torch.arange(2 * reach, device=place.device)
    read = torch.cat([frames[: profiles.length], frames[-profiles.length :]])  # of ``padded``, from the place on
    rows = torch.cat([keys.values.flatten(1, 2), keys.mask[:, None]], dim=1).transpose(1, 2)
    padded = nn.functional.pad(rows, (0, 0, reach, reach))
    # All windows in a row, as ONNX's Gather takes one list of numbers. They are counted by cumsum, since arange would
    # leave the exported shape unknown even for a fixed batch.
    window = torch.ones_like(place, dtype=torch.float32).cumsum(0).long() - 1
    numbers = (padded.shape[1] * window + place + read).flatten()
    found = padded.flatten(0, 1).index_select(0, numbers).unflatten(0, (-1, len(read))).transpose(1, 2)
    mask, pieces = found[:, -1], (2, profiles.length)
    unit = unit_keys(found[:, :-1].unflatten(1, keys.values.shape[1:3]), mask)
    return profiles.runs_on(unit.unflatten(3, pieces), mask.unflatten(1, pieces))
