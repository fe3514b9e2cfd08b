from __future__ import annotations

import time

from musicfeat_trainer.training.progress import Progress, expected


def test_the_time_left_counts_whatever_took_time_since_this_continuation() -> None:
    now = 100.0
    bar = Progress("part", 40, 100, quiet=True, clock=lambda: now)
    assert str(bar.left) == "nan"
    for _ in range(10):
        now += 2.0
        bar.stepped()
    now += 10.0  # an evaluation
    assert bar.left == 3.0 * 50
    for _ in range(50):
        bar.stepped()
    assert bar.left == 0
    bar.close()


def test_the_time_left_is_told_in_words() -> None:
    assert expected(float("nan")) == "time left unknown"
    assert expected(20) == "less than a minute left"
    assert expected(65 * 60).startswith("1 h 05 min left, until ")
    end = time.strftime("%H:%M", time.localtime(time.time() + 600))
    assert expected(600)[-5:] >= end or end == "00:00"
    assert time.strftime("%b", time.localtime(time.time() + 9e6)) in expected(9e6)


def test_it_is_shown(capsys: object) -> None:
    now = 0.0
    bar = Progress("part", 0, 4, clock=lambda: now)
    bar.evaluated({"agreement": 0.5})
    now += 60
    bar.stepped()
    bar.bar.refresh()
    bar.close()
    shown = capsys.readouterr().err  # type: ignore[attr-defined]
    assert "agreement 0.500, 3 min left, until " in shown
