from __future__ import annotations

import numpy as np
import pytest
import torch

from musicfeat_trainer.encoders.lag_profiles import LagProfiles, diagonal_sums
from musicfeat_trainer.encoders.temporal_net import TemporalNet, masked_statistics


@pytest.fixture
def net() -> TemporalNet:
    torch.manual_seed(0)
    net = TemporalNet(stem=4, early=4, widths=(4, 4, 8), frames=8).eval()
    for module in net.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            module.running_mean.uniform_(-0.1, 0.1)  # type: ignore[operator, union-attr]
    return net


@pytest.fixture
def joins() -> LagProfiles:
    torch.manual_seed(0)
    return LagProfiles(inputs=8, piece_frames=40, cut=3).eval()


@pytest.mark.parametrize("n", [1, 2, 5, 58])
def test_diagonal_sums_written_out(n: int) -> None:
    matrix = torch.randn(2, 3, n, n)
    expected = [matrix.diagonal(offset=d, dim1=2, dim2=3).sum(-1) for d in range(-n + 1, n)]
    torch.testing.assert_close(diagonal_sums(matrix), torch.stack(expected, -1))


def test_masked_statistics() -> None:
    x, mask = torch.tensor([[[1.0, 5.0, 9.0]]]), torch.tensor([[[1.0, 1.0, 0.0]]])
    mean, largest = masked_statistics(x, mask)
    assert (mean.item(), largest.item()) == (3.0, 5.0)
    mean, largest = masked_statistics(x, 0 * mask)
    assert (mean.item(), largest.item()) == (0.0, 0.0)


def test_trunk_shapes(net: TemporalNet) -> None:
    out = net(torch.rand(2, 120, 64) + 0.1)
    assert out.embedding.shape == (2, net.dimension)
    assert out.frames.shape == (2, 8, 8)
    assert out.early.shape == (2, 3, 4, 20, 16)
    assert out.early_mask.shape == (2, 3, 20)


def test_early_layers_never_look_across_a_join(net: TemporalNet) -> None:
    a, b = torch.rand(1, 120, 64) + 0.1, torch.rand(1, 120, 64) + 0.1
    b[:, 40:80] = a[:, 40:80]
    torch.testing.assert_close(net(a).early[:, 1], net(b).early[:, 1])


def test_padding_is_masked(net: TemporalNet) -> None:
    spectrogram = torch.rand(1, 120, 64) + 0.1
    spectrogram[:, 60:] = 0
    mask = net(spectrogram).early_mask.flatten()
    np.testing.assert_array_equal(mask[:30], 1.0)
    np.testing.assert_array_equal(mask[30:], 0.0)


def test_scores_follow_the_pieces(joins: LagProfiles) -> None:
    early, mask = torch.randn(2, 4, 2, 40, 4), torch.ones(2, 4, 40)
    order = torch.tensor([2, 0, 3, 1])
    scores = joins(early, mask)
    torch.testing.assert_close(joins(early[:, order], mask), scores[:, order][:, :, order], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(scores.diagonal(dim1=1, dim2=2), torch.zeros(2, 4))


def test_cut_edges_are_not_read(joins: LagProfiles) -> None:
    early, mask = torch.randn(1, 3, 2, 40, 4), torch.ones(1, 3, 40)
    other = early.clone()
    other[:, :, :, :3] = other[:, :, :, -3:] = 7.0
    torch.testing.assert_close(joins(early, mask), joins(other, mask))


def test_profiles_written_out(joins: LagProfiles) -> None:
    keys = torch.nn.functional.normalize(torch.randn(1, 2, 4, 34, 16), dim=-1)
    mask = torch.ones(1, 2, 34)
    mask[0, 1, 30:] = 0
    keys = keys * mask[:, :, None, :, None]
    found = joins.profiles(keys, mask)
    for a, b, distance in ((0, 1, 0), (0, 1, 5), (1, 0, -7), (1, 1, 3)):
        pairs = [(i, i + distance) for i in range(34) if 0 <= i + distance < 34]
        pairs = [(i, j) for i, j in pairs if mask[0, a, i] and mask[0, b, j]]
        expected = torch.stack([(keys[0, a, :, i] * keys[0, b, :, j]).sum(-1) for i, j in pairs]).mean(0)
        torch.testing.assert_close(found[0, a, b, :, 33 + distance], expected)


def test_absent_pieces_give_finite_scores(joins: LagProfiles) -> None:
    scores = joins(torch.randn(1, 3, 2, 40, 4), torch.tensor([1.0, 1.0, 0.0])[None, :, None].expand(1, 3, 40))
    assert torch.isfinite(scores).all()
