from __future__ import annotations

import os
import signal

import pytest

from ralphbench.errors import Interrupted
from ralphbench.schedule import StopButton


def press(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_counted_and_ends_nothing_by_itself(number: int) -> None:
    with StopButton().installed() as stop:
        press(number)
        assert stop.level == 1
        press(number)
        assert stop.level == 2


def test_before_anything_is_spent_the_first_press_ends_it() -> None:
    went_on = []
    with (
        StopButton().installed() as stop,
        pytest.raises(Interrupted, match="before anything was spent"),
        stop.at_once(),
    ):
        went_on.append(press())
    assert went_on == []
    assert stop.level == 1


def test_a_run_under_nohup_does_not_hear_the_terminal_close() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopButton().installed() as stop:
            press(signal.SIGHUP)
            assert stop.level == 0
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_afterwards_the_signals_do_what_they_did() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with StopButton().installed():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_the_third_leaves_at_once_after_its_last_words() -> None:
    pid = os.fork()
    if pid == 0:
        button = StopButton(last_words=lambda: None)
        for _ in range(3):
            button.press()
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
