from __future__ import annotations

import pytest
import torch
from torch import nn

from musicfeat import InputError
from musicfeat_trainer.encoders.convnet import ConvNet, ConvNetExt
from musicfeat_trainer.encoders.strided_conv import CLMR, PUBLISHED, Layers, StridedConv, StridedConvConfig
from musicfeat_trainer.encoders.temporal_net import TemporalNet, TemporalNetConfig
from musicfeat_trainer.features import Shape


def sizes(net: nn.Module, picture: torch.Tensor) -> list[tuple[int, ...]]:
    """Sizes of a picture behind each convolution of a network."""
    found: list[tuple[int, ...]] = []
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda _, __, output: found.append(tuple(output.shape[1:])))
    with torch.no_grad():
        net.eval()(picture)
    return found


def test_convnet_has_the_layers_of_the_authors_code() -> None:
    """A clip of 3 s of 84 bins; sizes worked out by hand from kernels, strides and padding of the public code."""
    net = ConvNet(1)
    expected = [(16, 68, 45), (32, 37, 26), (64, 43, 32), (128, 19, 15), (256, 24, 20), (512, 6, 5), (1024, 5, 5)]
    assert sizes(net, torch.randn(1, 1, 130, 84)) == expected
    convolutions = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    assert sum(module.weight.numel() for module in convolutions) == 6_618_000
    for channels, frames, bands in ((1, 1, 1), (3, 40, 96)):
        assert ConvNet(channels).eval()(torch.randn(2, channels, frames, bands)).shape == (2, 1024)


def test_convnet_learns_the_same_at_any_scale_of_features() -> None:
    """Running statistics of the features come first, so that decibels of any offset will do."""
    torch.manual_seed(0)
    features = torch.randn(4, 1, 20, 16)
    nets = []
    for scale, offset in ((1.0, 0.0), (7.0, -40.0)):
        torch.manual_seed(1)
        net = ConvNet(1)
        with torch.no_grad():
            nets.append(net(scale * features + offset))
    torch.testing.assert_close(nets[1], nets[0], atol=1e-4, rtol=1e-3)


def test_each_channel_goes_through_the_same_convnet() -> None:
    """Written out: one channel after another, joined, two layers."""
    torch.manual_seed(0)
    net = ConvNetExt(3).eval()
    features = torch.randn(2, 3, 30, 20) * torch.tensor([1.0, 5.0, 20.0])[:, None, None]
    with torch.no_grad():
        joined = torch.cat([net.convnet(features[:, i : i + 1]) for i in range(3)], dim=1)
        first, second = (net.connected[i] for i in (0, 3))
        norms = [net.connected[i] for i in (1, 4)]
        hidden = norms[0](joined @ first.weight.T + first.bias).relu()
        expected = norms[1](hidden @ second.weight.T + second.bias).relu()
        torch.testing.assert_close(net(features), expected)
        swapped = net(features[:, [1, 0, 2]])
    assert expected.shape == (2, net.dimension) == (2, 256)
    assert (swapped - expected).abs().max() > 1e-3  # the order of the pieces is still there


def test_strided_convolutions_are_the_published_ones() -> None:
    net = StridedConv()
    assert net.step == 160
    with torch.no_grad():
        assert net.sequence(torch.randn(1, 20480)).shape == (1, 128, 512)
    assert sum(p.numel() for p in net.parameters()) == 512 * (10 + 8 * 512 + 3 * 4 * 512) + 5 * 512


def test_a_sequence_written_out() -> None:
    """Two layers by sums over windows, and the mean that ordinary objectives read."""
    torch.manual_seed(0)
    net = StridedConv(((4, 2), (3, 3)), width=5)
    wave = torch.randn(2, 24)
    x = wave[:, None]
    with torch.no_grad():
        for layer, kernel, stride in ((net.layers[0], 4, 2), (net.layers[2], 3, 3)):
            padding = max(0, (kernel - stride + 1) // 2)
            windows = nn.functional.pad(x, (padding, padding)).unfold(2, kernel, stride)
            x = (torch.einsum("bitk,oik->bot", windows, layer.weight) + layer.bias[:, None]).relu()
        found = net.sequence(wave)
        torch.testing.assert_close(found, x.transpose(1, 2))
        assert found.shape == (2, 24 // net.step, 5)
        torch.testing.assert_close(net(wave), found.mean(1))


def test_clips_too_short_for_one_step_are_explained() -> None:
    with pytest.raises(InputError, match="160 samples"):
        StridedConvConfig().build(Shape(1, 159))


def test_temporal_net_as_an_encoder_is_its_pooled_statistics() -> None:
    config = TemporalNetConfig(stem=(4, 4), widths=(4, 4, 8), frames=8)
    torch.manual_seed(0)
    encoder = config.build(Shape(1, 80, 64)).eval()
    torch.manual_seed(0)
    net = TemporalNet(64, (4, 4), (4, 4, 8), 8).eval()
    features = torch.rand(2, 1, 80, 64)
    with torch.no_grad():
        torch.testing.assert_close(encoder(features), net(features[:, 0]).pooled, rtol=0, atol=0)
    assert encoder.dimension == net.dimension
    with pytest.raises(InputError, match="where silence is 0, got 1 of 84"):
        config.build(Shape(1, 80, 84))


@pytest.mark.parametrize("layers", [PUBLISHED, CLMR], ids=["five", "seven"])
def test_the_level_lasts_through_strided_convolutions(layers: Layers) -> None:
    """PyTorch's own initialisation leaves a fourteenth of it after five layers, from which nothing learns."""
    torch.manual_seed(0)
    x = 0.14 * torch.randn(4, 1, 20480)
    for layer in StridedConv(layers).layers:
        x = layer(x)
        if isinstance(layer, nn.ReLU):
            assert 0.07 < float(x.square().mean().sqrt()) < 0.28
