"""Functions for one process per GPU, as started by ``torchrun``; in a single process they change nothing."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor, distributed, nn


def start() -> None:
    """Join the group that ``torchrun`` announces in the environment, if there is one."""
    if "WORLD_SIZE" in os.environ and not distributed.is_initialized():
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))


def stop() -> None:
    """Leave the group."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def rank() -> int:
    """Number of this process, from 0; the first one evaluates and writes."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def share_weights(module: nn.Module) -> None:
    """Give all processes the weights and buffers of the first."""
    if distributed.is_initialized():
        for tensor in [*module.parameters(), *module.buffers()]:
            distributed.broadcast(tensor.data, 0)


def average_gradients(module: nn.Module) -> None:
    """Replace every gradient by its mean over the processes."""
    if distributed.is_initialized():
        gradients = [p.grad for p in module.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= distributed.get_world_size()
        for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))


def gathered(rows: Tensor) -> Tensor:
    """Rows of all processes, [n, ...] from each, in the order of the processes; without gradient."""
    if not distributed.is_initialized():
        return rows.detach()
    parts = [torch.empty_like(rows) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, rows.detach().contiguous())
    return torch.cat(parts)


def from_first(value: Any) -> Any:
    """Value of the first process."""
    if not distributed.is_initialized():
        return value
    box = [value]
    distributed.broadcast_object_list(box, 0)
    return box[0]
