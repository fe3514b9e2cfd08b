from __future__ import annotations

import pytest
import torch

from musicfeat_trainer.bundled.period_breaks import CURVES, PeriodBreaks, PeriodCurves, later, pooled_keys, products

FRAMES, LAGS, MEMORY, HEADS = 30, 8, 10, 3


def unit(*size: int) -> torch.Tensor:
    keys = torch.randn(*size, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.normalize(keys, dim=2)


def test_products_are_those_of_frames_a_lag_apart() -> None:
    keys = torch.randn(2, 3, 5, 7)
    found = products(keys, 4)
    for lag in range(1, 5):
        torch.testing.assert_close(found[..., lag - 1, : 7 - lag], (keys[..., :-lag] * keys[..., lag:]).sum(2))
        assert (found[..., lag - 1, 7 - lag :] == 0).all()


def test_later_rows_are_later_by_their_lag_and_the_frames_asked_for() -> None:
    rows = torch.randn(2, 4, 7)
    found = later(rows, 3)
    for lag in range(1, 5):
        torch.testing.assert_close(found[:, lag - 1, 3 + lag : 10 + lag], rows[:, lag - 1])
        assert (found[:, lag - 1, : 3 + lag] == 0).all()
        assert (found[:, lag - 1, 10 + lag :] == 0).all()


def test_curves_are_means_over_the_pairs_before_behind_and_across_each_moment() -> None:
    keys = unit(2, HEADS, 4, FRAMES)
    products = torch.einsum("bhwi,bhwj->bhij", keys, keys)
    found = PeriodCurves(FRAMES, LAGS, MEMORY)(keys).unflatten(1, (CURVES, HEADS))
    for moment in range(FRAMES):
        for lag in range(1, LAGS + 1):
            pairs = [(i, i + lag) for i in range(FRAMES - lag)]
            kinds = [
                [(i, j) for i, j in pairs if moment - MEMORY <= j < moment],
                [(i, j) for i, j in pairs if moment <= i < moment + MEMORY],
                [(i, j) for i, j in pairs if i < moment <= j],
            ]
            for number, kind in enumerate(kinds):
                expected = torch.stack([products[..., i, j] for i, j in kind] or [torch.zeros(2, HEADS)]).mean(0)
                torch.testing.assert_close(found[:, number, :, lag - 1, moment], expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(found[:, 3], found[:, 2] * (found[:, 0] + found[:, 1]))


def test_a_break_of_the_period_shows_across_its_moment_alone() -> None:
    """A pulse every 6 frames that comes 3 frames late from frame 15 on."""
    pulse = torch.zeros(1, 1, 2, FRAMES)
    pulse[0, 0, 1] = 1.0
    for frame in (*range(0, 15, 6), *range(15, FRAMES, 6)):
        pulse[0, 0, :, frame] = torch.tensor([1.0, 0.0])
    before, behind, across, _ = PeriodCurves(FRAMES, LAGS, MEMORY)(pulse)[0, :, 5, 15]
    assert before == pytest.approx(1.0)
    assert behind == pytest.approx(1.0)
    assert across < 0.7


def test_keys_of_silence_are_zero_and_others_have_length_one() -> None:
    keys, mask = torch.randn(1, HEADS, 4, FRAMES), torch.ones(1, FRAMES)
    mask[0, 20:] = 0
    found = pooled_keys(keys, mask)
    assert (found[..., 10:] == 0).all()
    torch.testing.assert_close(found[..., :10].norm(dim=2), torch.ones(1, HEADS, 10), rtol=0, atol=1e-4)
    torch.testing.assert_close(pooled_keys(keys + 3, mask), found, rtol=0, atol=1e-4)  # the mean does not matter


def test_breaks_have_a_value_for_each_place() -> None:
    breaks = PeriodBreaks(HEADS, 12, 8, 5).eval()
    assert breaks(torch.randn(2, CURVES * HEADS, 12, FRAMES)).shape == (2, 5, 1, 2 * FRAMES)
