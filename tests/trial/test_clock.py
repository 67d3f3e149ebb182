from __future__ import annotations

import pytest
from support.hand_clock import HandClock

from ralphbench.model import Pause
from ralphbench.trial import Clock


@pytest.fixture(autouse=True)
def hand(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    clock = HandClock()
    monkeypatch.setattr("ralphbench.trial.clock.time", clock)
    return clock


def pause(since: float, until: float, *, wall: tuple[float, float] | None = None) -> Pause:
    start, end = wall or (since, until)
    return Pause("queue", start, end, "", since, until)


def test_time_runs_on_from_what_was_carried_over(hand: HandClock) -> None:
    clock = Clock(100.0)
    hand.sleep(7)
    assert clock.now() == 107


def test_a_pause_is_not_the_contenders_time(hand: HandClock) -> None:
    clock = Clock()
    began = hand.time()
    hand.sleep(30)
    clock.pause(pause(began, hand.time()))
    assert clock.now() == 0
    hand.sleep(5)
    assert clock.now() == 5


def test_two_pauses_at_once_count_once(hand: HandClock) -> None:
    clock = Clock()
    began = hand.time()
    hand.sleep(20)
    for _ in range(5):
        clock.pause(pause(began, began + 12))
    assert clock.now() == 8


def test_a_growing_pause_is_not_counted_twice(hand: HandClock) -> None:
    clock = Clock()
    began = hand.time()
    for _ in range(4):
        hand.sleep(5)
        clock.provisional([pause(began, hand.time())])
        assert clock.now() == 0
    clock.provisional(())
    clock.pause(pause(began, hand.time()))
    hand.sleep(3)
    assert clock.now() == 3


def test_the_clock_never_falls_below_what_was_carried(hand: HandClock) -> None:
    clock = Clock(5.0)
    clock.pause(pause(hand.time() - 1000, hand.time()))
    assert clock.now() == 5.0


@pytest.mark.parametrize("set_by", [-86_400, 7_200])
def test_a_wall_clock_that_is_set_in_a_pause_moves_nothing(hand: HandClock, set_by: float) -> None:
    """As by a machine that slept, or found the time in the network."""
    clock = Clock()
    began = hand.monotonic()
    hand.sleep(30)
    clock.pause(pause(began, hand.monotonic(), wall=(began, hand.time() + set_by)))
    hand.sleep(5)
    assert clock.now() == 5
