"""Batches are drawn ahead, each by its number."""

from __future__ import annotations

import threading

import pytest

from musicfeat_trainer.training.ahead import Ahead


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
