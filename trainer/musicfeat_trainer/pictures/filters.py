"""Spectra that excite the filters of a waveform encoder, by gradient ascent."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat_trainer.pictures.style import save

SAMPLES, STEPS, RATE, NOISE, LEAK = 729, 18, 1.0, 0.015, 1e-6


class _ReachedError(Exception):
    """Signal that ends a forward pass at the requested layer."""


def body(encoder: nn.Module) -> nn.Module:
    """Innermost module that holds all one-dimensional convolutions of an encoder.

    An encoder itself may take only clips of the length that it was trained on; its convolutions take any.
    """
    inner = [child for child in encoder.children() if any(isinstance(m, nn.Conv1d) for m in child.modules())]
    return body(inner[0]) if len(inner) == 1 and not isinstance(inner[0], nn.ModuleList) else encoder


def _fed(encoder: nn.Module, waveforms: Tensor) -> None:
    """Feed [batch, samples] to the convolutions; an encoder takes samples, its inner module takes channels, too."""
    inside = body(encoder)
    inside(waveforms if inside is encoder else waveforms[:, None])


def reached_layers(encoder: nn.Module, samples: int = SAMPLES) -> dict[str, nn.Module]:
    """Convolutions that a short waveform reaches; deeper ones need a longer waveform.

    Returns:
        The batch normalisation after each convolution, or the convolution itself, by its name, in the order of use.

    Raises:
        InputError: the encoder has none.
    """
    layers = {layer: name for name, layer in encoder.named_modules() if isinstance(layer, nn.Conv1d | nn.BatchNorm1d)}
    used: list[nn.Module] = []
    hooks = [layer.register_forward_hook(lambda layer, _, __: used.append(layer)) for layer in layers]
    try:
        with torch.no_grad():
            _fed(encoder.eval(), torch.zeros(1, samples, device=next(encoder.parameters()).device))
    except RuntimeError:  # too short for the next pooling or convolution
        pass
    finally:
        for hook in hooks:
            hook.remove()
    followed = [(layer, after) for layer, after in pairwise([*used, None]) if isinstance(layer, nn.Conv1d)]
    if not followed:
        raise InputError("this encoder has no one-dimensional convolution that reads samples: it has no such filters")
    return {layers[a]: b if isinstance(b, nn.BatchNorm1d) else a for a, b in followed}


def _response(encoder: nn.Module, layer: nn.Module, waveforms: Tensor) -> Tensor:
    """Responses [filters] of filter i to waveform i: the mean over time of the layer's output, rectified.

    The rectifier leaks a little, as a filter that is silent on noise would have no gradient.
    """
    outputs: list[Tensor] = []

    def stop(_: nn.Module, __: object, output: Tensor) -> None:
        outputs.append(output)
        raise _ReachedError

    hook = layer.register_forward_hook(stop)
    try:
        _fed(encoder, waveforms)
    except _ReachedError:
        pass
    finally:
        hook.remove()
    return nn.functional.leaky_relu(outputs[0], LEAK).mean(dim=2).diagonal()


def filter_spectra(encoder: nn.Module, layer: nn.Module, samples: int = SAMPLES) -> npt.NDArray[np.float64]:
    """Magnitude spectra of the waveforms that excite each filter of a layer, [filters, samples // 2 + 1].

    Lee, Park, Kim and Nam, 'Sample-level deep convolutional neural networks for music auto-tagging using raw
    waveforms' (2017), as in CLMR. The ascent is that of the authors' code: 18 steps of length 1 along the gradient,
    divided by its root mean square, from noise of at most 0.015. Batch normalisation is in evaluation mode here.

    Args:
        encoder: encoder with one-dimensional convolutions.
        layer: one of ``reached_layers``.
        samples: length of the waveforms.
    """
    encoder, generator = encoder.eval(), torch.Generator().manual_seed(7)
    weight = next(layer.parameters())
    noise = (torch.rand(len(weight), samples, generator=generator) * 2 - 1) * NOISE
    waveforms = noise.to(weight.device)
    for _ in range(STEPS):
        waveforms.requires_grad_()
        (slope,) = torch.autograd.grad(_response(encoder, layer, waveforms).sum(), waveforms)
        scale = slope.square().mean(dim=1, keepdim=True).sqrt().clamp(min=1e-30)
        waveforms = (waveforms + RATE * slope / scale).detach()
    centred = waveforms - waveforms.mean(dim=1, keepdim=True)
    return torch.fft.rfft(centred).abs().cpu().double().numpy()


def by_peak(spectra: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rows sorted by the bin of their greatest value."""
    return spectra[np.argsort(spectra.argmax(axis=1), kind="stable")]


def draw_filters(spectra: npt.NDArray[np.float64], sample_rate: int, title: str, path: Path) -> None:
    """Draw a column for each filter of a layer, sorted by peak, each in decibels below it.

    Args:
        spectra: [filters, bins] from 0 Hz to half the rate.
        sample_rate: rate in Hz.
        title: text above the picture.
        path: path of the PNG.
    """
    from musicfeat_trainer.pictures.figures import Figure

    rows = by_peak(spectra)
    decibels = 20 * np.log10(np.maximum(rows / np.maximum(rows.max(axis=1, keepdims=True), 1e-12), 1e-6))
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    extent = (0.5, len(rows) + 0.5, 0.0, sample_rate / 2000)
    picture = axes.imshow(decibels.T, "cividis", origin="lower", aspect="auto", extent=extent, vmin=-40, vmax=0)
    axes.set(xlabel="filter, sorted by peak", ylabel="kHz", title=title)
    figure.colorbar(picture, label="dB")
    save(figure, path)
