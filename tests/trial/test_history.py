from __future__ import annotations

from pathlib import Path
from typing import Any

from ralphbench.model import CallEnded, CallStarted, Event, Usage, codec
from ralphbench.record import AttemptFolder, CallLog, EventLog
from ralphbench.trial import ClockReader, read_history


def seconds(*events: tuple[float, str, dict[str, Any]], until: float | None = None) -> float:
    reader = ClockReader()
    for n, (t, kind, data) in enumerate(events):
        reader.take(Event(n, t, kind, data))
    return reader.seconds(until)


def spent(value: float) -> dict[str, Any]:
    return {"spent": {"seconds": value}}


READY = (100.0, "workspace_ready", {})


def test_making_the_workspace_is_not_the_contenders_time() -> None:
    assert seconds((0.0, "attempt_started", {}), READY, (107.0, "agent", {})) == 7


def test_a_check_after_the_last_stage_counts() -> None:
    assert seconds(READY, (110.0, "stage_ended", spent(8.0)), (130.0, "check", {})) == 28


def test_what_a_cut_off_stage_ran_counts_and_what_it_waited_does_not() -> None:
    queued = (160.0, "interval", {"what": "queue", "start": 100.0, "end": 160.0})
    assert seconds(READY, (100.0, "stage_started", {}), queued, (170.0, "agent", {})) == 10


def test_two_pauses_at_once_are_taken_off_once() -> None:
    one = (110.0, "interval", {"what": "retry", "start": 100.0, "end": 110.0})
    two = (110.0, "interval", {"what": "load", "start": 105.0, "end": 110.0})
    assert seconds(READY, one, two, (115.0, "agent", {})) == 5


def test_a_tool_is_no_pause() -> None:
    tool = (110.0, "interval", {"what": "tool", "start": 100.0, "end": 110.0})
    assert seconds(READY, tool) == 10


def test_a_stage_that_infrastructure_broke_is_off_the_clock() -> None:
    failed = (150.0, "stage_ended", spent(50.0))
    assert seconds(READY, failed, (150.0, "fault", {"retried": True, **spent(0.0)}), (153.0, "agent", {})) == 3


def test_the_time_between_two_processes_is_nobodys() -> None:
    cut = (READY, (110.0, "agent", {}))
    assert seconds(*cut, (9000.0, "attempt_resumed", spent(10.0)), (9005.0, "agent", {})) == 15


def test_grading_is_not_the_contenders_time() -> None:
    assert seconds(READY, (110.0, "loop_ended", {}), (500.0, "gate_ended", {})) == 10
    assert seconds(READY, (110.0, "loop_ended", {}), until=900.0) == 10


def test_while_it_runs_the_clock_goes_on_after_the_last_event() -> None:
    assert seconds(READY, (104.0, "agent", {}), until=109.0) == 9


def test_an_agents_words_cannot_set_the_clock() -> None:
    assert seconds(READY, (110.0, "agent", {"arguments": {}, **spent(9999.0)})) == 10


def call(number: int) -> CallStarted:
    return CallStarted(
        f"c{number}", "x", "build", "1-build-1", 1, 1.0, "chat", "box", "m", "m", local=True, stream=True, estimate=5
    )


def test_an_attempt_that_was_cut_off_knows_where_it_was_and_that_a_call_is_lost(tmp_path: Path) -> None:
    folder = AttemptFolder(tmp_path).create()
    log, calls = EventLog(folder), CallLog(folder)
    log.append("attempt_started", process=1)  # type: ignore[arg-type]
    log.append("stage_started", stage="build", iteration=1)  # type: ignore[arg-type]
    log.append("iteration_ended", state={"iteration": 1})  # type: ignore[arg-type]
    log.append("stage_started", stage="build", iteration=2)  # type: ignore[arg-type]
    log.append("agent", what="message", state={"iteration": 99})  # type: ignore[arg-type]
    calls.started(call(0))
    calls.ended(CallEnded("c0", 2.0, 200, usage=Usage(5, 2), cost=0.5))
    calls.started(call(1))
    log.close()
    calls.close()
    history = read_history(folder)
    assert history.resumes
    assert history.state == {"iteration": 1}
    assert history.checkpoints == 1
    assert history.stage_counts == {"1-build": 1, "2-build": 1}
    assert history.next_call == 2, "no number is used twice"
    assert (history.spent.calls, history.spent.unknown_calls) == (2, 1)
    assert history.spent.cost is None, "a call that was cut off has an unknown cost"


def test_nothing_recorded_is_a_new_attempt(tmp_path: Path) -> None:
    history = read_history(AttemptFolder(tmp_path))
    assert not history.resumes
    assert (history.next_call, history.spent.seconds) == (0, 0.0)


def test_the_state_is_what_the_loop_wrote(tmp_path: Path) -> None:
    folder = AttemptFolder(tmp_path).create()
    log = EventLog(folder)
    log.append("plan_ready", state={"tickets": [1]})  # type: ignore[arg-type]
    log.append("loop_ended", state={"tickets": [2]}, ending="completed")  # type: ignore[arg-type]
    log.close()
    history = read_history(folder)
    assert codec.builtins(history.state) == {"tickets": [1]}
    assert history.loop_ended is not None
    assert history.loop_ended["ending"] == "completed"
