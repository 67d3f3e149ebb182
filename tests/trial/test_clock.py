from __future__ import annotations

import time

import pytest

from ralphbench.model import Interval
from ralphbench.trial import Clock


def pause(start: float, end: float) -> Interval:
    return Interval("queue", start, end)


def test_time_runs_on_from_what_was_carried_over() -> None:
    clock = Clock(100.0)
    time.sleep(0.05)
    assert 100.04 < clock.now() < 101


def test_a_pause_is_not_the_contenders_time() -> None:
    clock = Clock()
    began = time.time()
    time.sleep(0.2)
    clock.pause(pause(began, time.time()))
    assert clock.now() < 0.05


def test_two_pauses_at_once_count_once() -> None:
    clock = Clock()
    began = time.time()
    time.sleep(0.2)
    for _ in range(5):
        clock.pause(pause(began, began + 0.1))
    assert clock.now() == pytest.approx(0.1, abs=0.05)


def test_a_growing_pause_is_not_counted_twice() -> None:
    clock = Clock()
    began = time.time()
    for _ in range(4):
        time.sleep(0.05)
        clock.provisional([pause(began, time.time())])
    clock.settle()
    assert clock.now() < 0.1


def test_the_clock_never_falls_below_what_was_carried() -> None:
    clock = Clock(5.0)
    now = time.time()
    clock.pause(pause(now - 1000, now))
    assert clock.now() == 5.0
