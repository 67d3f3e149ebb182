from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.hand_clock import HandClock

from ralphbench.model import CallEnded, CallStarted, Usage
from ralphbench.record import AttemptFolder, CallLog, EventLog
from ralphbench.ui import Progress


class Attempt:
    """A record that grows."""

    def __init__(self, path: Path) -> None:
        self.folder = AttemptFolder(path).create()
        self.events, self.calls = EventLog(self.folder), CallLog(self.folder)
        self.progress = Progress(path)

    def say(self, kind: str, **data: Any) -> Progress:
        self.events.append(kind, **data)  # type: ignore[arg-type]
        self.progress.update()
        return self.progress

    def start_call(self, number: int, t: float = 0.0) -> None:
        self.calls.started(
            CallStarted(
                f"c{number}", "x", "build", "s", 1, t, "chat", "b", "m", "m", local=True, stream=True, estimate=1
            )
        )

    def end_call(self, number: int, t: float = 1.0, **ended: Any) -> Progress:
        self.calls.ended(CallEnded(f"c{number}", t, **{"status": 200, **ended}))
        self.progress.update()
        return self.progress


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    return Attempt(tmp_path)


def tickets(*states: str) -> dict[str, Any]:
    return {"tickets": [{"id": f"t{i}", "state": state} for i, state in enumerate(states)]}


def test_before_anything_is_written_little_is_known(tmp_path: Path) -> None:
    progress = Progress(tmp_path)
    progress.update()
    assert (progress.stage, progress.tickets, progress.elapsed()) == (None, None, 0.0)


def test_stage_iteration_and_last_event(attempt: Attempt) -> None:
    progress = attempt.say("stage_started", stage="build", iteration=3, ticket="t1")
    assert (progress.stage, progress.iteration, progress.last) == ("build", 3, "build begins on t1")
    assert attempt.say("agent", what="tool_call", tool="bash").last == "calls bash"
    assert attempt.say("gate_ended", id="unit", outcome="pass").last == "gate unit: pass"


def test_a_rejected_ticket_is_no_new_one(attempt: Attempt) -> None:
    plan = tickets("open", "open")
    attempt.say("plan_ready", tickets=plan["tickets"], state=plan)
    progress = attempt.say("ticket", id="t0", was="open", now="open", reason="no", state=tickets("open", "open"))
    assert (progress.accepted, progress.tickets) == (0, 2)
    progress = attempt.say("ticket", id="t0", was="open", now="accepted", state=tickets("accepted", "open"))
    assert (progress.accepted, progress.tickets) == (1, 2)


def test_a_ticket_that_is_made_later_counts_once_also_when_a_cut_made_it_twice(attempt: Attempt) -> None:
    plan = tickets("open")
    attempt.say("plan_ready", tickets=plan["tickets"], state=plan)
    assert attempt.say("ticket", id="i1", was=None, now="open", title="new").tickets == 2
    attempt.say("attempt_resumed", spent={"seconds": 1.0})
    attempt.say("ticket", id="i1", was=None, now="open", title="new")
    assert attempt.say("iteration_ended", state=tickets("accepted", "open")).tickets == 2


def test_tokens_cost_and_speed_come_from_the_calls(attempt: Attempt) -> None:
    assert attempt.progress.rate is None
    attempt.start_call(0)
    progress = attempt.end_call(0, 2.0, usage=Usage(100, 40), cost=0.25)
    assert (progress.spent.input, progress.spent.output, progress.spent.cost, progress.rate) == (100, 40, 0.25, 20.0)


def test_speed_is_over_the_time_in_which_a_model_answered_and_calls_at_once_count_once(attempt: Attempt) -> None:
    for number, start in enumerate((0.0, 1.0, 0.5)):
        attempt.start_call(number, start)
    attempt.end_call(0, 2.0, usage=Usage(1, 10))
    attempt.end_call(1, 3.0, usage=Usage(1, 10))
    assert attempt.end_call(2, 4.0, usage=Usage(1, 20)).rate == 10.0
    attempt.start_call(3, 10.0)
    assert attempt.end_call(3, 11.0, usage=Usage(1, 10)).rate == 10.0
    attempt.start_call(4, 20.0)
    assert attempt.end_call(4, 21.0).rate is None, "it is not known how much it said"


def test_a_call_that_was_refused_used_nothing(attempt: Attempt) -> None:
    attempt.start_call(0)
    progress = attempt.end_call(0, status=402, server_status=429, error="rate_limited")
    assert (progress.spent.input, progress.spent.cost, progress.calls) == (0, 0.0, 1)


def test_an_unknown_price_stays_unknown(attempt: Attempt) -> None:
    attempt.start_call(0)
    attempt.end_call(0, usage=Usage(1, 1), cost=None)
    attempt.start_call(1)
    progress = attempt.end_call(1, usage=Usage(1, 1), cost=1.0)
    assert progress.spent.cost is None
    assert progress.spent.input == 2


def test_a_call_that_a_kill_cut_off_makes_the_sums_unknown(attempt: Attempt) -> None:
    attempt.say("stage_started", stage="build", iteration=1)
    attempt.start_call(0)
    attempt.progress.update()
    assert attempt.progress.spent.input == 0, "it runs: what it will use is not known to be lost"
    assert attempt.say("attempt_resumed", spent={"seconds": 5.0}).spent.input is None


def test_elapsed_is_the_contenders_clock(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    hand = HandClock()
    for module in ("record.events", "ui.progress"):
        monkeypatch.setattr(f"ralphbench.{module}.time", hand)
    progress = attempt.say("attempt_resumed", spent={"seconds": 500.0})
    hand.sleep(7)
    assert progress.elapsed() == 507
    attempt.say("loop_ended", ending="completed")
    hand.sleep(900)
    assert progress.elapsed() == 507, "grading is not its time"
