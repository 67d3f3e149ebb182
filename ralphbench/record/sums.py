"""What an attempt has used, summed from its calls and events. Unknown stays unknown; times are unions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ralphbench.model import (
    NOTHING,
    Call,
    CallEnded,
    Event,
    IntervalKind,
    Spent,
    StageEnding,
    StageSums,
    Times,
    Usage,
)
from ralphbench.record.intervals import Span, clip, length
from ralphbench.record.timeline import read_timeline

_HUNG_UP = 499
_REPORTED = "error_in_answer"
"""The mend of an error that came with status 200, in the place of an answer."""
_NEVER_ASKED = (None, "endpoint_down")
_Number = TypeVar("_Number", int, float)
_PAUSES = (IntervalKind.QUEUE, IntervalKind.LOAD, IntervalKind.RETRY)


def used(ended: CallEnded | None) -> tuple[Usage, float | None]:
    """What a call is charged, all its tries together; None in it is unknown."""
    if ended is None:
        return Usage(), None
    usage, cost, lost = ended.usage, ended.cost, ended.lost != NOTHING
    if _refused(ended):
        usage = NOTHING if usage == Usage() else usage
        cost = 0.0 if cost is None and not lost else cost
    return usage + ended.lost if lost else usage, cost


def charge(spent: Spent, ended: CallEnded | None) -> Spent:
    """`spent` and one more call. None: it has no end (the gateway died, or it is running), so what it used is unknown."""
    usage, cost = used(ended)
    known = usage.input is not None and usage.output is not None
    return replace(
        spent,
        calls=spent.calls + 1,
        input=_plus(spent.input, usage.input),
        output=_plus(spent.output, usage.output),
        cost=_plus(spent.cost, cost),
        unknown_calls=spent.unknown_calls + (not known),
    )


def spent(calls: Iterable[Call]) -> Spent:
    """What all calls used together; `seconds`, the contender's clock, is the trial's to say and stays 0."""
    total = Spent()
    for call in calls:
        total = charge(total, call.ended)
    return total


def stage_sums(calls: Iterable[Call], events: Iterable[Event]) -> dict[str, StageSums]:
    """Sums by stage name, for the stages that ran or made calls.

    A stage that was cut off by the end of its process counts as a run that ended `interrupted`.
    """
    timeline = read_timeline(events)
    rows: dict[str, _Row] = {}
    for run in timeline.runs.values():
        row = rows.setdefault(run.stage, _Row())
        row.runs += 1
        if run.ending is not None:
            row.endings[run.ending] += 1
    for interval, stage_id in timeline.intervals:
        if (found := timeline.runs.get(stage_id)) is not None:
            rows[found.stage].spans.setdefault(interval.what, []).append((interval.start, interval.end))
    for call in calls:
        rows.setdefault(call.started.stage, _Row()).add(call)
    return {
        stage: replace(row.sums(timeline.processes), repairs=timeline.repairs[stage]) for stage, row in rows.items()
    }


def times(events: Iterable[Event], calls: Iterable[Call], *, clock: float | None = None) -> Times:
    """Where an attempt's time went, in seconds.

    `clock` is the contender's clock, from whoever kept it; None: worked out as the time until the loop's end, pauses left out.
    What lies between two processes of the attempt belongs to none of the times. An unfinished call has no length.
    """
    timeline = read_timeline(events)
    spans: dict[str, list[Span]] = {kind: [] for kind in IntervalKind}
    for interval, _ in timeline.intervals:
        spans.setdefault(interval.what, []).append((interval.start, interval.end))
    spans[IntervalKind.MODEL] += [(c.started.t, c.ended.t) for c in calls if c.ended is not None]
    processes = timeline.processes

    def seconds(*kinds: str) -> float:
        return length(clip((span for kind in kinds for span in spans[kind]), processes))

    wall = length(processes)
    covering = [kind for kind in spans if kind != IntervalKind.HARNESS]
    if clock is None:
        loop = clip([(float("-inf"), timeline.loop_ended)], processes)
        pauses = clip((span for kind in _PAUSES for span in spans[kind]), loop)
        clock = length(loop) - length(pauses)
    return Times(
        wall=wall,
        clock=clock,
        model=seconds(IntervalKind.MODEL),
        tools=seconds(IntervalKind.TOOL),
        checks=seconds(IntervalKind.CHECK),
        gates=seconds(IntervalKind.GATE),
        queue=seconds(IntervalKind.QUEUE),
        load=seconds(IntervalKind.LOAD),
        retry=seconds(IntervalKind.RETRY),
        harness=max(0.0, wall - seconds(*covering)),
    )


@dataclass(slots=True)
class _Row:
    """The sums of one stage while they grow."""

    runs: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    spans: dict[str, list[Span]] = field(default_factory=dict)
    sums_so_far: StageSums = field(default_factory=StageSums)

    def add(self, call: Call) -> None:
        sums, ended = self.sums_so_far, call.ended
        usage, cost = used(ended)
        tokens = None if usage.input is None or usage.output is None else usage.input + usage.output
        self.sums_so_far = replace(
            sums,
            calls=sums.calls + 1,
            local_calls=sums.local_calls + call.started.local,
            input=_plus(sums.input, usage.input),
            output=_plus(sums.output, usage.output),
            cache_read=_plus(sums.cache_read, usage.cache_read),
            cache_write=_plus(sums.cache_write, usage.cache_write),
            reasoning=_plus(sums.reasoning, usage.reasoning),
            local_tokens=_plus(sums.local_tokens, tokens) if call.started.local else sums.local_tokens,
            cost=_plus(sums.cost, cost),
            unknown_calls=sums.unknown_calls + (tokens is None),
        )
        if ended is not None:
            self.spans.setdefault(IntervalKind.MODEL, []).append((call.started.t, ended.t))
            self.sums_so_far = replace(
                self.sums_so_far,
                retries=sums.retries + ended.retries,
                truncated=sums.truncated + (ended.truncated is True),
            )

    def sums(self, processes: list[Span]) -> StageSums:
        def seconds(kind: str) -> float:
            return length(clip(self.spans.get(kind, ()), processes))

        return replace(
            self.sums_so_far,
            runs=self.runs,
            done=self.endings[StageEnding.DONE],
            endings=dict(self.endings),
            seconds=seconds(IntervalKind.STAGE),
            model_seconds=seconds(IntervalKind.MODEL),
            tool_seconds=seconds(IntervalKind.TOOL),
        )


def _refused(ended: CallEnded) -> bool:
    """The server answered with an error before a token was made, or was never asked: the last try used nothing.

    Not so where the agent hung up, the connection broke, the server fell silent or tokens had come already: what that used
    is unknown unless it was said.
    """
    if ended.status < 400 or ended.status == _HUNG_UP or ended.timing.first_token is not None:
        return False
    if ended.server_status is None:
        return ended.error in _NEVER_ASKED
    return ended.server_status >= 300 or (_REPORTED in ended.mends and ended.usage == Usage())


def _plus(total: _Number | None, more: _Number | None) -> _Number | None:
    return None if total is None or more is None else total + more
