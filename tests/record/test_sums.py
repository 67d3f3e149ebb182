"""Sums: unknown stays unknown, a refused call uses nothing, times are unions, and a gap between processes is nobody's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ralphbench.errors import RecordError
from ralphbench.model import Call, Event, EventKind, Interval, Spent, StageSums, Timing, Usage
from ralphbench.record import charge, interval_of, spent, stage_sums, times


@pytest.fixture
def call(started, ended):
    """`call("c0", start=1.0, end=2.0, stage="build", local=True, usage=..., status=...)`; `end=None`: it has none."""

    def make(id: str = "c0", *, start: float = 1.0, end: float | None = 2.0, stage="build", local=True, **fields):  # noqa: A002
        begun = started(id, t=start, stage=stage, local=local)
        return Call(begun, None if end is None else ended(id, t=end, **fields))

    return make


class Story:
    """Events written down one after another."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, t: float, kind: EventKind, **data: object) -> Story:
        self.events.append(Event(len(self.events), t, kind, data))
        return self

    def interval(self, what: str, start: float, end: float, stage_id: str = "") -> Story:
        return self.tell(end, EventKind.INTERVAL, what=what, start=start, end=end, label="", stage_id=stage_id)

    def stage(self, stage: str, start: float, end: float, ending: str = "done", n: int = 1) -> Story:
        stage_id = f"1-{stage}-{n}"
        self.tell(start, EventKind.STAGE_STARTED, stage=stage, stage_id=stage_id)
        self.interval("stage", start, end, stage_id)
        return self.tell(end, EventKind.STAGE_ENDED, stage=stage, stage_id=stage_id, ending=ending)


def test_known_calls_are_summed(call) -> None:
    assert spent([call("c0"), call("c1")]) == Spent(0.0, 2, 200, 20, 1.0, 0)
    assert spent([]) == Spent()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"usage": Usage(None, 5)}, Spent(0.0, 2, None, 15, 1.0, 1)),
        ({"usage": Usage(7, None)}, Spent(0.0, 2, 107, None, 1.0, 1)),
        ({"usage": Usage()}, Spent(0.0, 2, None, None, 1.0, 1)),
        ({"cost": None}, Spent(0.0, 2, 200, 20, None, 0)),
        ({"end": None}, Spent(0.0, 2, None, None, None, 1)),
    ],
    ids=["input", "output", "usage", "cost", "no end"],
)
def test_one_unknown_call_makes_the_sum_unknown(call, fields, expected) -> None:
    assert spent([call("c0"), call("c1", **fields)]) == expected
    assert spent([call("c1", **fields), call("c0")]) == expected


@pytest.mark.parametrize("status", [400, 402, 429, 500, 503])
def test_a_call_that_was_refused_used_nothing(call, status: int) -> None:
    refused = call("c1", status=status, usage=Usage(), cost=None, timing=Timing())
    assert spent([call("c0"), refused]) == Spent(0.0, 2, 100, 10, 0.5, 0)


def test_what_a_refusing_server_counted_is_taken_as_it_says(call) -> None:
    refused = call("c1", status=500, usage=Usage(100, 0), cost=0.1, timing=Timing())
    assert spent([refused]) == Spent(0.0, 1, 100, 0, 0.1, 0)


@pytest.mark.parametrize(
    "fields",
    [{"status": 499, "timing": Timing()}, {"status": 502, "timing": Timing(first_token=0.2)}],
    ids=["the agent hung up", "tokens had come"],
)
def test_a_call_that_was_broken_off_is_unknown(call, fields) -> None:
    assert spent([call("c0", usage=Usage(), cost=None, **fields)]) == Spent(0.0, 1, None, None, None, 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"error": "provider_error"},
        {"error": "provider_error", "server_status": 200},
        {"error": "overflow", "server_status": 200, "mends": ("empty_answer",)},
        {"error": "provider_error", "server_status": 200, "mends": ("error_in_answer",), "usage": Usage(20_000)},
    ],
    ids=["silence", "reset", "empty", "an error after the prompt was counted"],
)
def test_a_server_that_was_at_work_when_it_failed_used_nobody_knows_what(call, fields) -> None:
    told = {"status": 402, "usage": Usage(), "cost": None, "timing": Timing(), **fields}
    expected = Spent(0.0, 1, told["usage"].input, None, None, 1)
    assert spent([call("c0", **told)]) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"error": "endpoint_down"},
        {"error": "rate_limited", "server_status": 429},
        {"error": "overflow", "server_status": 200, "mends": ("error_in_answer",)},
    ],
    ids=["never reached", "an error", "an error in the place of an answer"],
)
def test_a_server_that_refused_or_was_never_reached_used_nothing(call, fields) -> None:
    told = {"status": 402, "usage": Usage(), "cost": None, "timing": Timing(), **fields}
    assert spent([call("c0", **told)]) == Spent(0.0, 1, 0, 0, 0.0, 0)


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        (Usage(0, 0, 0, 0, 0), Spent(0.0, 1, 100, 10, 0.5, 0)),
        (Usage(7, 1, 0, 0, 0), Spent(0.0, 1, 107, 11, 0.5, 0)),
        (Usage(7), Spent(0.0, 1, 107, None, 0.5, 1)),
        (Usage(), Spent(0.0, 1, None, None, 0.5, 1)),
    ],
)
def test_tries_that_came_to_nothing_are_charged_too(call, lost: Usage, expected: Spent) -> None:
    one = call("c0", lost=lost, retries=1)
    assert spent([one]) == expected
    [sums] = stage_sums([one], []).values()
    assert (sums.input, sums.output, sums.unknown_calls) == (expected.input, expected.output, expected.unknown_calls)


def test_a_refusal_after_a_lost_try_costs_what_that_try_did(call) -> None:
    told = {"status": 402, "server_status": 500, "usage": Usage(), "timing": Timing(), "retries": 1, "lost": Usage(9)}
    assert spent([call("c0", cost=None, **told)]) == Spent(0.0, 1, 9, None, None, 1)


def test_charging_one_by_one_is_the_sum(call) -> None:
    calls = [call("c0"), call("c1", usage=Usage(1, 2)), call("c2", cost=None)]
    total = Spent(seconds=12.0)
    for one in calls:
        total = charge(total, one.ended)
    assert total == replace(spent(calls), seconds=12.0)


def test_stages_are_summed_by_name(call) -> None:
    story = Story().tell(0.0, EventKind.ATTEMPT_STARTED)
    story.stage("plan", 0.0, 10.0).stage("build", 10.0, 30.0).stage("build", 30.0, 50.0, "idle_timeout", n=2)
    story.interval("tool", 12.0, 15.0, "1-build-1").interval("tool", 14.0, 18.0, "1-build-1")
    story.interval("tool", 40.0, 41.0, "1-build-2")
    story.tell(45.0, EventKind.ANSWER_INVALID, stage="build", errors=["no JSON"], final=False)
    story.tell(46.0, EventKind.ANSWER_INVALID, stage="build", errors=["no JSON"], final=True)
    calls = [
        call("c0", start=1.0, end=5.0, stage="plan", local=False),
        call("c1", start=11.0, end=14.0),
        call("c2", start=13.0, end=16.0, retries=2, truncated=True),
        call("c3", start=31.0, end=33.0, status=500, usage=Usage(), cost=None, timing=Timing(), truncated=False),
    ]
    sums = stage_sums(calls, story.events)
    assert list(sums) == ["plan", "build"]
    assert sums["plan"] == StageSums(1, 1, 10.0, 4.0, 0.0, 1, 0, 100, 10, 50, 0, 2, 0, 0.5, 0, 0, 0, {"done": 1}, 0)
    assert sums["build"] == StageSums(
        repairs=1,
        runs=2,
        done=1,
        seconds=40.0,
        model_seconds=7.0,
        tool_seconds=7.0,
        calls=3,
        local_calls=3,
        input=200,
        output=20,
        cache_read=100,
        cache_write=0,
        reasoning=4,
        local_tokens=220,
        cost=1.0,
        retries=2,
        truncated=1,
        unknown_calls=0,
        endings={"done": 1, "idle_timeout": 1},
    )


def test_an_unknown_call_makes_its_stage_unknown_and_no_other(call) -> None:
    sums = stage_sums([call("c0", stage="plan", usage=Usage(5, 5), local=False), call("c1", end=None)], [])
    assert (sums["plan"].input, sums["plan"].cache_read, sums["plan"].local_tokens) == (5, None, 0)
    build = sums["build"]
    assert (build.input, build.local_tokens, build.cost, build.unknown_calls) == (None, None, None, 1)
    assert (build.runs, build.model_seconds) == (0, 0.0)


def test_an_answer_that_was_judged_outweighs_how_the_agent_came_to_its_end() -> None:
    story = Story().stage("build", 10.0, 20.0).stage("build", 20.0, 30.0, n=2).stage("build", 30.0, 40.0, n=3)
    story.tell(41.0, EventKind.STAGE_JUDGED, stage="build", stage_id="1-build-1", ending="no_output")
    story.tell(42.0, EventKind.STAGE_JUDGED, stage="build", stage_id="1-build-2", ending="blocked")
    story.tell(43.0, EventKind.STAGE_JUDGED, stage="build", stage_id="9-build-9", ending="done")
    sums = stage_sums([], story.events)["build"]
    assert (sums.runs, sums.done) == (3, 1)
    assert sums.endings == {"no_output": 1, "blocked": 1, "done": 1}


def test_a_stage_that_its_process_did_not_survive_was_interrupted() -> None:
    story = Story().tell(0.0, EventKind.ATTEMPT_STARTED).stage("build", 0.0, 5.0)
    story.tell(5.0, EventKind.STAGE_STARTED, stage="build", stage_id="1-build-2")
    story.tell(100.0, EventKind.ATTEMPT_RESUMED).stage("build", 100.0, 105.0, n=3)
    story.tell(106.0, EventKind.STAGE_STARTED, stage="verify", stage_id="1-verify-1")
    sums = stage_sums([], story.events)
    assert (sums["build"].runs, dict(sums["build"].endings)) == (3, {"done": 2, "interrupted": 1})
    assert (sums["verify"].runs, dict(sums["verify"].endings)) == (1, {})


def test_times_are_unions_and_the_rest_is_ours(call) -> None:
    story = Story().tell(0.0, EventKind.ATTEMPT_STARTED).stage("build", 10.0, 40.0)
    story.interval("tool", 12.0, 15.0).interval("tool", 14.0, 18.0).interval("check", 42.0, 44.0)
    story.interval("queue", 5.0, 10.0).interval("load", 8.0, 10.0).interval("retry", 20.0, 22.0)
    story.interval("harness", 44.0, 60.0).tell(50.0, EventKind.LOOP_ENDED)
    story.interval("gate", 60.0, 70.0).interval("gate", 65.0, 80.0).tell(85.0, EventKind.ATTEMPT_ENDED)
    found = times(story.events, [call("c0", start=11.0, end=13.0), call("c1", start=12.0, end=30.0)])
    assert (found.wall, found.model, found.tools, found.checks, found.gates) == (85.0, 19.0, 6.0, 2.0, 20.0)
    assert (found.queue, found.load, found.retry) == (5.0, 2.0, 2.0)
    assert found.harness == 85.0 - (5.0 + 30.0 + 2.0 + 20.0)
    assert found.clock == 50.0 - (5.0 + 2.0)
    assert times(story.events, [], clock=33.0).clock == 33.0


def test_time_between_two_processes_is_nobodys(call) -> None:
    story = Story().tell(0.0, EventKind.ATTEMPT_STARTED).tell(10.0, EventKind.WARNING)
    story.tell(1000.0, EventKind.ATTEMPT_RESUMED).stage("build", 1000.0, 1010.0).tell(1015.0, EventKind.LOOP_ENDED)
    # The gateway outlived the first trial for a while; the call's end was seen by nobody.
    calls = [call("c0", start=5.0, end=20.0), call("c1", start=1001.0, end=1004.0), call("c2", start=9.0, end=None)]
    found = times(story.events, calls)
    assert (found.wall, found.model, found.harness, found.clock) == (25.0, 8.0, 10.0, 25.0)
    assert stage_sums(calls, story.events)["build"].model_seconds == 8.0


def test_an_attempt_without_events_took_no_time() -> None:
    found = times([], [])
    assert (found.wall, found.clock, found.harness) == (0.0, 0.0, 0.0)
    assert stage_sums([], []) == {}


def test_a_clock_that_was_set_back_gives_no_negative_time() -> None:
    story = (
        Story().tell(100.0, EventKind.ATTEMPT_STARTED).interval("tool", 110.0, 90.0).tell(95.0, EventKind.LOOP_ENDED)
    )
    found = times(story.events, [])
    assert (found.wall, found.tools, found.harness, found.clock) == (0.0, 0.0, 0.0, 0.0)


def test_an_interval_is_read_from_its_event() -> None:
    (event,) = Story().interval("tool", 1.0, 2.0, "1-build-1").events
    assert interval_of(event) == Interval("tool", 1.0, 2.0)
    with pytest.raises(RecordError, match="event 3 is no interval"):
        interval_of(Event(3, 1.0, EventKind.INTERVAL, {"what": "tool", "start": "soon"}))
