"""Residual block of our own encoders."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from musicfeat_trainer.encoders.time_last import TimeLastConv


class Residual(nn.Module):
    """Block of two convolutions and a projected shortcut (He et al., 2016); strides are (time, frequency)."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int], second: tuple[int, int] = (3, 3)) -> None:
        super().__init__()
        padding = (second[0] // 2, second[1] // 2)
        self.body = nn.Sequential(
            TimeLastConv(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            TimeLastConv(outputs, outputs, second, 1, padding, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Sequential(TimeLastConv(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Output [batch, outputs, bands, time] of [batch, inputs, bands, time], strided."""
        return torch.relu(self.body(x) + self.shortcut(x))
