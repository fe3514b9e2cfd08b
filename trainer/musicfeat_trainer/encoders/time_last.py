"""Convolution over pictures whose last axis is time, with weights as checkpoints hold them: time first."""

from __future__ import annotations

from copy import deepcopy
from typing import cast

import torch
from torch import Tensor, nn

Size = tuple[int, int]


class TimeLastConv(nn.Conv2d):
    """Convolution over [batch, channels, bands, time]; its sizes are (time, bands), and so is the order of its weight.

    Channels are last in memory, with which PyTorch trains fastest on CPUs. Time is the last axis of the picture for the
    exported graph: its kernels multiply along that axis, and the few bands of late layers would not fill a register.
    """

    def forward(self, input: Tensor) -> Tensor:
        stride, padding, dilation = self._sizes()
        if self.kernel_size == (1, 1) and stride != (1, 1):
            # With channels last, oneDNN's weight gradient of a strided 1 x 1 convolution writes past its memory.
            input, stride = nn.functional.avg_pool2d(input, 1, stride), (1, 1)
        weight = self.weight.transpose(2, 3).contiguous(memory_format=torch.channels_last)
        input = input.contiguous(memory_format=torch.channels_last)
        return nn.functional.conv2d(input, weight, self.bias, stride, padding, dilation, self.groups)

    def plain(self) -> nn.Conv2d:
        """The same convolution with all sizes and the weight in the order (bands, time)."""
        stride, padding, dilation = self._sizes()
        height, width = self.kernel_size[::-1]
        bias = self.bias is not None
        result = nn.Conv2d(
            self.in_channels, self.out_channels, (height, width), stride, padding, dilation, self.groups, bias
        )
        with torch.no_grad():
            result.weight.copy_(self.weight.transpose(2, 3))
            if self.bias is not None and result.bias is not None:
                result.bias.copy_(self.bias)
        return result

    def _sizes(self) -> tuple[Size, Size, Size]:
        stride, padding, dilation = (cast(Size, size[::-1]) for size in (self.stride, self.padding, self.dilation))
        return stride, padding, dilation


def with_plain_convolutions(module: nn.Module) -> nn.Module:
    """A copy of a module that computes the same with ``nn.Conv2d``, whose weights an exporter writes as they are."""
    result = deepcopy(module)
    for parent in list(result.modules()):
        for name, child in parent.named_children():
            if isinstance(child, TimeLastConv):
                setattr(parent, name, child.plain())
    return result
