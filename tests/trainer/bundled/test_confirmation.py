from __future__ import annotations

import torch

from musicfeat_trainer.bundled.confirmation import AROUND, confirmation, runs_on
from musicfeat_trainer.bundled.lag_profiles import Keys, LagProfiles

PIECE, HEADS, WIDTH = 60, 2, 4


def profiles() -> LagProfiles:
    torch.manual_seed(0)
    return LagProfiles(8, PIECE, cut=6, heads=HEADS, width=WIDTH, hidden=(16, 8), local=8).eval()


def keys(frames: int, batch: int = 2) -> Keys:
    generator = torch.Generator().manual_seed(1)
    return Keys(torch.randn(batch, HEADS, WIDTH, frames, generator=generator), torch.ones(batch, frames))


def test_a_place_between_two_pieces_is_scored_as_their_join_is() -> None:
    joins, sound = profiles(), keys(2 * PIECE)
    expected, _ = joins.of_keys(sound.values, sound.mask.unflatten(1, (2, PIECE)))
    found = runs_on(torch.full((2, 1), PIECE), sound, joins)
    torch.testing.assert_close(found, expected[:, 0, 1])
    assert found[0] != found[1]


def test_each_place_is_scored_by_the_sound_around_it_alone() -> None:
    joins, sound, places = profiles(), keys(4 * PIECE), (2 * PIECE, 170)
    found = runs_on(torch.tensor(places)[:, None], sound, joins)
    for row, place in enumerate(places):
        around = slice(place - PIECE, place + PIECE)
        part = Keys(sound.values[row : row + 1, ..., around], torch.ones(1, 2 * PIECE))
        torch.testing.assert_close(found[row], runs_on(torch.tensor([[PIECE]]), part, joins)[0])


def test_the_edge_of_a_window_and_silence_say_nothing() -> None:
    joins, sound = profiles(), keys(3 * PIECE, batch=3)
    sound.mask[2, PIECE:] = 0
    found = runs_on(torch.tensor([[0], [3 * PIECE], [PIECE]]), sound, joins)
    assert (found == 0).all()


def test_evidence_lies_around_the_likeliest_place() -> None:
    joins, sound, logits = profiles(), keys(2 * PIECE), torch.zeros(2, 2 * PIECE)
    logits[0, 70] = logits[1, 58] = 1.0
    found = confirmation(logits, sound, joins)
    heard = -runs_on(torch.tensor([[70], [58]]), sound, joins)
    expected = torch.zeros(2, 2 * PIECE)
    expected[0, 70 - AROUND : 70 + AROUND + 1] = heard[0]
    expected[1, 58 - AROUND : 58 + AROUND + 1] = heard[1]
    torch.testing.assert_close(found, expected)
