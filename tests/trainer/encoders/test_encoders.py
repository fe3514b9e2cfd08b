from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from musicfeat import InputError
from musicfeat_trainer.bundled.join_net import JoinNet
from musicfeat_trainer.bundled.joins import Joins
from musicfeat_trainer.bundled.lag_profiles import LagProfiles, ordered_pairs, table
from musicfeat_trainer.encoders.sample_cnn import WINDOW, SampleCNN
from musicfeat_trainer.encoders.temporal_net import (
    CEPSTRUM,
    TemporalNet,
    cosine_transform,
    mean_and_deviation,
    mean_and_maximum,
)
from musicfeat_trainer.encoders.time_last import TimeLastConv, with_plain_convolutions
from musicfeat_trainer.recipe.bundled import JoinsConfig


@pytest.fixture
def net() -> TemporalNet:
    torch.manual_seed(0)
    return TemporalNet(stem=(4, 4), widths=(4, 4, 8), frames=8).eval()


@pytest.fixture
def joins() -> LagProfiles:
    torch.manual_seed(0)
    return LagProfiles(inputs=8, piece_frames=40, cut=3).eval()


@pytest.mark.parametrize("bias", [False, True])
def test_convolutions_with_time_last_are_those_with_time_first(bias: bool) -> None:
    torch.manual_seed(0)
    conv = TimeLastConv(4, 6, (3, 5), (2, 1), (1, 2), (1, 2), groups=2, bias=bias)
    x = torch.randn(2, 4, 11, 20)
    expected = torch.nn.Conv2d.forward(conv, x.transpose(2, 3)).transpose(2, 3)
    torch.testing.assert_close(conv(x), expected)
    whole = with_plain_convolutions(torch.nn.Sequential(torch.nn.Sequential(conv), torch.nn.ReLU()))
    assert not any(isinstance(module, TimeLastConv) for module in whole.modules())
    torch.testing.assert_close(whole(x), expected.relu())


@pytest.mark.parametrize("n", [2, 5, 58])
def test_correlations_are_sums_along_diagonals(n: int) -> None:
    torch.manual_seed(0)
    profiles = LagProfiles(inputs=8, piece_frames=n, cut=0, least_frames=1)
    x = torch.randn(2, 3, 4, 2, n)
    product = x[:, :, :, 0].transpose(2, 3) @ x[:, :, :, 1]
    expected = [product.diagonal(offset=d, dim1=2, dim2=3).sum(-1) for d in range(-n + 1, n)]
    found = profiles.correlations(x, [0], [1])[:, :, 0]
    torch.testing.assert_close(found, torch.stack(expected, -1), atol=1e-5, rtol=1e-4)


def test_masked_statistics() -> None:
    x, mask = torch.tensor([[[1.0, 5.0, 9.0]]]), torch.tensor([[[1.0, 1.0, 0.0]]])
    assert [part.item() for part in mean_and_maximum(x, mask)] == [3.0, 5.0]
    assert [part.item() for part in mean_and_maximum(x, 0 * mask)] == [0.0, 0.0]
    assert [part.item() for part in mean_and_deviation(x, mask)] == [3.0, 2.0]


def test_the_cosine_transform_is_scipys_orthonormal_one() -> None:
    fft = pytest.importorskip("scipy.fft", reason="the train extra is not installed")
    expected = fft.dct(np.eye(64), norm="ortho")[:, :CEPSTRUM]
    np.testing.assert_allclose(cosine_transform(64), expected, atol=1e-12)


def test_weights_of_before_the_transform_was_orthonormal_keep_their_answers(net: TemporalNet) -> None:
    """They know no transform, and their statistics are of a first coefficient larger by the root of two."""
    older = {name: value for name, value in net.state_dict().items() if name != "cosines"}
    other = TemporalNet(stem=(4, 4), widths=(4, 4, 8), frames=8).eval()
    other.load_state_dict(older)
    assert torch.allclose(other.cosines[:, 0], net.cosines[:, 0] * 2**0.5)
    assert torch.equal(other.cosines[:, 1:], net.cosines[:, 1:])
    newer = TemporalNet(stem=(4, 4), widths=(4, 4, 8), frames=8).eval()
    newer.load_state_dict(net.state_dict())
    assert torch.equal(newer.cosines, net.cosines)


def test_trunk_shapes(net: TemporalNet) -> None:
    out = net(torch.rand(2, 120, 64) + 0.1)
    assert out.pooled.shape == (2, net.dimension) == (2, 2 * (8 + 4 + 20))
    assert out.frames.shape == (2, 8, 8)


def test_padding_hardly_changes_what_is_pooled(net: TemporalNet) -> None:
    """Statistics see only frames that sound; convolutions still see where the sound ends."""
    spectrogram = torch.rand(1, 160, 64) + 4.0
    padded = torch.cat([spectrogram, torch.zeros(1, 160, 64)], dim=1)
    short, long = net(spectrogram).pooled, net(padded).pooled
    assert torch.nn.functional.cosine_similarity(short, long) > 0.99
    assert torch.isfinite(net(0 * spectrogram).pooled).all()


def test_scores_follow_the_pieces(joins: LagProfiles) -> None:
    features, mask = torch.randn(2, 4, 2, 4, 40), torch.ones(2, 4, 40)
    order = torch.tensor([2, 0, 3, 1])
    mixed_features = features[:, :, :, order].flatten(3)
    for scores, mixed in zip(joins(features.flatten(3), mask), joins(mixed_features, mask), strict=True):
        torch.testing.assert_close(mixed, scores[:, order][:, :, order], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(scores.diagonal(dim1=1, dim2=2), torch.zeros(2, 4))


def test_cut_edges_are_not_read(joins: LagProfiles) -> None:
    features, mask = torch.randn(1, 8, 1, 3, 40), torch.ones(1, 3, 40)
    other = features.clone()
    other[..., :3] = other[..., -3:] = 7.0
    for found, expected in zip(joins(other.flatten(3), mask), joins(features.flatten(3), mask), strict=True):
        torch.testing.assert_close(found, expected)


def test_profiles_written_out(joins: LagProfiles) -> None:
    keys = torch.nn.functional.normalize(torch.randn(1, 4, 16, 2, 34), dim=2)
    mask = torch.ones(1, 2, 34)
    mask[0, 1, 30:] = 0
    keys = keys * mask[:, None, None]
    within, between = joins.profiles(keys, mask)
    for a, b, distance in ((0, 1, 0), (0, 1, 5), (0, 1, -7), (0, 1, -33), (1, 1, 3), (0, 0, 1)):
        found = within[0, a, :, distance - 1] if a == b else between[0, 0, :, 33 + distance]
        pairs = [(i, i + distance) for i in range(34) if 0 <= i + distance < 34]
        pairs = [(i, j) for i, j in pairs if mask[0, a, i] and mask[0, b, j]]
        expected = torch.stack([(keys[0, :, :, a, i] * keys[0, :, :, b, j]).sum(-1) for i, j in pairs]).mean(0)
        torch.testing.assert_close(found, expected)


def test_a_table_has_every_pair_in_its_place() -> None:
    first, second = ordered_pairs(4)
    values = 10.0 * torch.tensor(first) + torch.tensor(second)
    expected = 10.0 * torch.arange(4)[:, None] + torch.arange(4)
    torch.testing.assert_close(table(values[None], 4)[0], expected * (1 - torch.eye(4)))


def test_absent_pieces_score_nothing(joins: LagProfiles) -> None:
    present = torch.tensor([1.0, 1.0, 0.0])[None, :, None].expand(1, 3, 40)
    for scores in joins(torch.randn(1, 8, 1, 120), present):
        assert torch.isfinite(scores).all()
        assert scores[0, 2].abs().sum() == scores[0, :, 2].abs().sum() == 0
        assert scores[0, 0, 1] != 0


def test_nothing_leaks_across_a_join() -> None:
    """Whatever happens within 0.25 s of the joins changes no score, though the net sees the window in one piece."""
    torch.manual_seed(0)
    net = JoinNet(32, 40, stem=4, width=4, cut=6).eval()
    spectrogram = torch.rand(1, 120, 32) + 1.0
    other = spectrogram.clone()
    for join in (40, 80):
        other[:, join - 2 : join + 2] = 9.0
    for found, expected in zip(net(other), net(spectrogram), strict=True):
        torch.testing.assert_close(found, expected)


def test_pieces_that_are_no_whole_frames_are_explained() -> None:
    with pytest.raises(InputError, match=r"joins\.frontend\.hop"):
        Joins(JoinsConfig(steps=1), window=1000)


@pytest.fixture(scope="module")
def sample_cnn() -> SampleCNN:
    """With statistics as after some training: of what its layers gave for a batch of noise."""
    torch.manual_seed(0)
    net = SampleCNN()
    for layer in net.layers:
        if isinstance(layer, nn.BatchNorm1d):
            layer.momentum = 1.0
    with torch.no_grad():
        net(torch.randn(4, WINDOW))
    return net.eval()


def test_sample_cnn_is_the_published_one(sample_cnn: SampleCNN) -> None:
    """Weights and biases of each convolution as the authors' layers have them, and how many samples each leaves."""
    counts = [sum(p.numel() for p in layer.parameters()) for layer in sample_cnn.layers if isinstance(layer, nn.Conv1d)]
    assert counts == [512, 49280, 49280, 98560, *[196864] * 5, 393728, 262656]
    assert sum(counts) + 512 * 50 + 50 == 1_863_986  # with the 50 tags of MagnaTagATune
    lengths, x = [], torch.zeros(1, 1, WINDOW)
    for layer in sample_cnn.layers:
        x = layer(x)
        lengths += [x.shape[2]] if isinstance(layer, nn.MaxPool1d) else []
    assert lengths == [3**n for n in range(8, -1, -1)]
    assert sample_cnn(torch.zeros(2, WINDOW)).shape == (2, 512)


def test_sample_cnn_hears_all_of_its_window(sample_cnn: SampleCNN) -> None:
    wave = torch.randn(1, WINDOW)
    for first in (0, WINDOW // 2, WINDOW - 500):
        other = wave.clone()
        other[:, first : first + 500] = 0
        assert (sample_cnn(other) - sample_cnn(wave)).abs().max() > 1e-3
    with pytest.raises(InputError, match="59049"):
        sample_cnn(torch.zeros(1, 59048))


def test_sample_cnn_with_the_three_taps_of_another_code(sample_cnn: SampleCNN) -> None:
    """The outer taps of a last convolution of three only meet padding."""
    wide = nn.Conv1d(512, 512, 3, padding=1)
    with torch.no_grad():
        last = sample_cnn.layers[-3]
        wide.weight[:, :, 1:2], wide.bias = last.weight, last.bias  # type: ignore[union-attr, assignment]
        other = nn.Sequential(*sample_cnn.layers[:-3], wide, *sample_cnn.layers[-2:])
        wave = torch.randn(2, WINDOW)
        torch.testing.assert_close(other(wave[:, None]).squeeze(2), sample_cnn(wave))
