"""A process of its own that checks convolutions' gradients; a fault in a kernel may end it.

    python convolution_gradients.py LAYERS.json

Prints a line of JSON for each layer: itself, and how far output and gradients in float32 are from double precision, as
a share of the largest value. Instruction sets are forced by ONEDNN_MAX_CPU_ISA and ATEN_CPU_CAPABILITY.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from musicfeat_trainer.bundled.lag_profiles import LagConv
from musicfeat_trainer.encoders.time_last import TimeLastConv
from musicfeat_trainer.precision import memory_format

KINDS = {kind.__name__: kind for kind in (LagConv, nn.Conv1d, nn.Conv2d, TimeLastConv)}


def computed(layer: nn.Module, x: Tensor, gradient: Tensor | None) -> tuple[list[Tensor], Tensor]:
    """Output, and gradients of input and weights, in double precision; and the gradient of the output."""
    x = x.requires_grad_()
    output = layer(x)
    gradient = torch.randn_like(output) if gradient is None else gradient
    output.backward(gradient.to(output.dtype))
    assert x.grad is not None
    found = [output.detach(), x.grad, *(weight.grad for weight in layer.parameters() if weight.grad is not None)]
    return [value.double() for value in found], gradient


def error(layer: dict[str, Any]) -> float:
    """The largest difference of any value, as a share of the largest value of its tensor."""
    torch.manual_seed(0)
    build = partial(KINDS[layer["kind"]], *layer["arguments"], **layer["more"])
    module = build().to(memory_format=memory_format(torch.device("cpu")))  # training's own rule
    x = torch.empty_strided(layer["shape"], layer["strides"]).normal_()
    exact = build().double()
    exact.load_state_dict(module.state_dict())
    found, gradient = computed(module, x, None)
    expected, _ = computed(exact, x.detach().double().contiguous(), gradient.contiguous())
    pairs = zip(found, expected, strict=True)
    return max(float((value - right).abs().max() / right.abs().max()) for value, right in pairs)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for layer in json.loads(Path(sys.argv[1]).read_text()):
        print(json.dumps({**layer, "error": error(layer)}), flush=True)
