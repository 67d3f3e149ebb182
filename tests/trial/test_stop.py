from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from ralphbench.errors import Interrupted
from ralphbench.trial.stop import StopRequest


@pytest.fixture
def stop() -> Iterator[StopRequest]:
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    request = StopRequest()
    request.install()
    yield request
    for number, handler in before.items():
        signal.signal(number, handler)


def tell(number: int = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


def test_a_signal_raises_nothing_where_a_record_may_be_being_written(stop: StopRequest) -> None:
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGUSR1):
        tell(number)
    assert (stop.soft, stop.now) == (True, True)


def test_once_is_softly_and_twice_is_now(stop: StopRequest) -> None:
    tell()
    assert (stop.soft, stop.now) == (True, False)
    tell()
    assert stop.now


def test_the_first_wish_ends_what_may_be_broken_off(stop: StopRequest) -> None:
    went_on = []
    with pytest.raises(Interrupted), stop.breakable():
        went_on.append(tell())
    assert went_on == []


def test_what_tidies_up_after_the_first_wish_is_not_broken_by_the_second(stop: StopRequest) -> None:
    tidied = []

    def work() -> None:
        try:
            tell()
        finally:
            tell()
            tidied.append(True)

    with pytest.raises(Interrupted), stop.breakable():
        work()
    assert tidied
    assert stop.now


def test_a_wish_from_before_is_heard_at_once(stop: StopRequest) -> None:
    tell()
    with pytest.raises(Interrupted), stop.breakable():
        raise AssertionError("it began")


def test_a_part_that_must_come_to_its_end_does_and_then_the_wish_is_heard(stop: StopRequest) -> None:
    written = []

    def work() -> None:
        with stop.unbroken():
            tell()
            written.append("whole")
        written.append("too much")

    with pytest.raises(Interrupted), stop.breakable():
        work()
    assert written == ["whole"]


def test_the_parents_death_stops_now(stop: StopRequest) -> None:
    tell(signal.SIGUSR1)
    assert stop.now
    with pytest.raises(Interrupted):
        stop.raise_if_asked()
