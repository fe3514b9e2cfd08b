"""Perceptrons between an encoder and a loss."""

from __future__ import annotations

from itertools import pairwise

from torch import nn


def perceptron(*widths: int) -> nn.Sequential:
    """Linear layers with batch normalisation and rectifiers between them, none behind the last.

    Args:
        widths: widths of the input, of each hidden layer and of the output.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths[:-1]):
        layers += [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))
