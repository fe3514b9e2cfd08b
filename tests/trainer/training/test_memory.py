"""Freed memory stays with a training process, and batches are drawn ahead."""

from __future__ import annotations

import platform
import subprocess
import sys
import threading

import pytest

from musicfeat_trainer.training.ahead import Ahead

FAULTS = """
import resource, sys
import torch
from musicfeat_trainer.memory import keep_freed_memory

torch.set_num_threads(1)
if sys.argv[1] == "kept":
    keep_freed_memory()
for _ in range(40):  # glibc finds its way round aligned blocks slowly
    torch.ones(1 << 24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(8):
    torch.ones(1 << 24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_memory_that_is_freed_is_used_again() -> None:
    kept, returned = (
        int(subprocess.run([sys.executable, "-c", FAULTS, kind], capture_output=True, text=True, check=True).stdout)
        for kind in ("kept", "returned")
    )
    assert kept < returned / 4


def test_a_batch_is_drawn_while_a_step_computes() -> None:
    drawn: dict[int, str] = {}
    behind = threading.Event()

    def draw(number: int) -> int:
        drawn[number] = threading.current_thread().name
        if number == 4:
            behind.set()
        return number * number

    batches = Ahead(draw)
    assert batches(3) == 9
    assert behind.wait(10)  # nobody has asked for batch 4
    assert [batches(number) for number in (4, 5, 9, 3)] == [16, 25, 81, 9]
    assert threading.current_thread().name not in drawn.values()
    assert batches.waited > 0


def test_an_error_while_drawing_ahead_reaches_the_step_that_needs_the_batch() -> None:
    batches = Ahead(lambda number: 1 // (number - 2))
    assert batches(1) == -1
    with pytest.raises(ZeroDivisionError):
        batches(2)
