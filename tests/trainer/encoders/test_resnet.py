from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from musicfeat import InputError
from musicfeat_trainer.encoders.es_resnet import ESResNetConfig
from musicfeat_trainer.encoders.resnet import Depth, ResNet, load_weights
from musicfeat_trainer.features import Shape

PARAMETERS: dict[Depth, int] = {
    18: 11_176_512,
    34: 21_284_672,
    50: 23_508_032,
    101: 42_500_160,
    152: 58_143_808,
}
"""Numbers of parameters of torchvision's networks for three channels, less the classifier of 1000 classes."""


@pytest.mark.parametrize("depth", PARAMETERS)
def test_as_many_parameters_as_the_published_networks(depth: Depth) -> None:
    with torch.device("meta"):
        net, grey = ResNet(depth, 3), ResNet(depth, 1)
    counts = [sum(value.numel() for value in each.parameters()) for each in (net, grey)]
    assert counts == [PARAMETERS[depth], PARAMETERS[depth] - 2 * 64 * 7 * 7]
    assert net.dimension == (512 if depth < 50 else 2048)


@pytest.mark.parametrize("depth", [18, 50])
def test_the_same_vectors_as_torchvision_from_the_same_weights(depth: Depth, tmp_path: Path) -> None:
    try:
        import torchvision  # noqa: F401
        from torchvision.models import resnet
    except (ImportError, RuntimeError) as error:  # RuntimeError: a build for another torch
        pytest.skip(f"torchvision cannot be loaded: {error}")
    torch.manual_seed(0)
    reference = getattr(resnet, f"resnet{depth}")()
    picture = torch.randn(2, 3, 70, 64)
    reference(torch.randn(4, 3, 70, 64))  # moves the running statistics away from 0 and 1
    save_file(reference.state_dict(), tmp_path / "weights.safetensors")
    net = ResNet(depth, 3)
    load_weights(net, tmp_path / "weights.safetensors")
    net.scale = torch.nn.Identity()  # torchvision has none
    reference.fc = torch.nn.Identity()
    with torch.no_grad():
        found, expected = net.eval()(picture), reference.eval()(picture)
    assert expected.std() > 0.01
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a ResNet-50 for pictures, with a classifier."""
    torch.manual_seed(1)
    arrays = {name: value for name, value in ResNet(50, 3).state_dict().items() if not name.startswith("scale.")}
    path = tmp_path_factory.mktemp("weights") / "pictures.safetensors"
    save_file(arrays | {"fc.weight": torch.ones(1000, 2048), "fc.bias": torch.ones(1000)}, path)
    return path


def test_an_es_resnet_starts_from_weights_for_pictures(weights: Path) -> None:
    shape = Shape(3, 64, 64)
    torch.manual_seed(2)
    fresh, first, second = (ESResNetConfig(weights=path).build(shape).state_dict() for path in (None, weights, weights))
    assert not torch.equal(fresh["layer4.2.conv3.weight"], first["layer4.2.conv3.weight"])
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=0, atol=0)


def test_weights_that_do_not_fit_are_explained(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"conv1\.weight.*\[64, 3, 7, 7\].*\[64, 1, 7, 7\]"):
        load_weights(ResNet(50, 1), weights)
    with pytest.raises(InputError, match="of another network"):
        load_weights(ResNet(18, 3), weights)
    with pytest.raises(InputError, match="no weights to start from"):
        ESResNetConfig(weights=tmp_path / "none.safetensors").build(Shape(3, 64, 64))
    (tmp_path / "broken.safetensors").write_text("no weights")
    with pytest.raises(InputError, match=r"neither \.safetensors nor \.pth"):
        load_weights(ResNet(18, 3), tmp_path / "broken.safetensors")


def test_an_es_resnet_wants_three_channels() -> None:
    with pytest.raises(InputError, match="log_mel_stack"):
        ESResNetConfig().build(Shape(1, 64, 64))


def test_the_format_that_torchvision_publishes_is_read_too(weights: Path, tmp_path: Path) -> None:
    """A .pth file, without the counters of batch normalisation, which old ones lack."""
    arrays = {name: value for name, value in load_file(weights).items() if "num_batches" not in name}
    torch.save(arrays, tmp_path / "pictures.pth")
    shape = Shape(3, 64, 64)
    one, other = (ESResNetConfig(weights=path).build(shape) for path in (weights, tmp_path / "pictures.pth"))
    assert torch.equal(one.get_parameter("layer4.2.conv3.weight"), other.get_parameter("layer4.2.conv3.weight"))
    (tmp_path / "broken.pth").write_text("no weights")
    with pytest.raises(InputError, match=r"neither \.safetensors nor \.pth"):
        load_weights(ResNet(18, 3), tmp_path / "broken.pth")
