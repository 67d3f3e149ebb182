"""An attempt's events, read once: when its processes ran, which stages, and what its time was spent on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ralphbench.errors import RecordError
from ralphbench.model import Event, EventKind, Interval, StageEnding, codec
from ralphbench.record.intervals import Span, merge

_BEGINNINGS = (EventKind.ATTEMPT_STARTED, EventKind.ATTEMPT_RESUMED)


@dataclass(slots=True)
class StageSeen:
    """One run of a stage."""

    stage: str
    ending: str | None = None
    """None: it is running, or its end was not written. An answer that was judged outweighs how the agent came to its end."""


@dataclass(slots=True)
class Timeline:
    """What `read_timeline` gathers."""

    processes: list[Span] = field(default_factory=list)
    """When a trial process of the attempt was at work, disjoint and in order."""
    runs: dict[str, StageSeen] = field(default_factory=dict)
    """By stage id."""
    intervals: list[tuple[Interval, str]] = field(default_factory=list)
    """Each with the stage id that it belongs to; empty: none."""
    repairs: Counter[str] = field(default_factory=Counter)
    """By stage name: answers that were refused and asked for again."""
    loop_ended: float = float("inf")
    """Wall clock; infinite where the loop is still at work."""


def read_timeline(events: Iterable[Event]) -> Timeline:
    """Raises RecordError where an `interval` event is none."""
    timeline = Timeline()
    spans: list[Span] = []
    for event in events:
        if not spans or event.kind in _BEGINNINGS:
            spans.append((event.t, event.t))
            _cut_off(timeline)
        spans[-1] = spans[-1][0], max(spans[-1][1], event.t)
        _note(timeline, event)
    timeline.processes = merge(spans)
    return timeline


def interval_of(event: Event) -> Interval:
    """Of an `interval` event. Raises RecordError where its fields are not those of an interval."""
    fields = {key: event.data[key] for key in ("what", "start", "end", "label") if key in event.data}
    try:
        return codec.convert(fields, Interval)
    except ValueError as error:
        raise RecordError(f"event {event.n} is no interval: {error}") from error


def _note(timeline: Timeline, event: Event) -> None:
    data = event.data
    match event.kind:
        case EventKind.INTERVAL:
            timeline.intervals.append((interval_of(event), str(data.get("stage_id", ""))))
        case EventKind.STAGE_STARTED:
            timeline.runs[str(data.get("stage_id"))] = StageSeen(str(data.get("stage")))
        case EventKind.STAGE_ENDED:
            run = timeline.runs.setdefault(str(data.get("stage_id")), StageSeen(str(data.get("stage"))))
            run.ending = str(data.get("ending"))
        case EventKind.STAGE_JUDGED if (judged := timeline.runs.get(str(data.get("stage_id")))) is not None:
            judged.ending = str(data.get("ending"))
        case EventKind.ANSWER_INVALID if not data.get("final"):
            timeline.repairs[str(data.get("stage"))] += 1
        case EventKind.LOOP_ENDED:
            timeline.loop_ended = event.t


def _cut_off(timeline: Timeline) -> None:
    """A new process begins: what was running in the one before is not running any more."""
    for run in timeline.runs.values():
        if run.ending is None:
            run.ending = StageEnding.INTERRUPTED
