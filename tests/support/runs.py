"""Checkpoints held to each other, and commands of two processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch

from musicfeat_trainer.training.checkpoint import load_checkpoint


def assert_same_weights(first: Path, second: Path) -> None:
    """Raises unless two parts of runs were saved with the same tensors, bit by bit."""
    ours, theirs = (load_checkpoint(part / "last.safetensors").tensors for part in (first, second))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def in_two_processes(*arguments: str) -> str:
    """The lines that two processes of Python print, which train together."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["--no-python", sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
