"""From the record of an attempt to its result."""

from __future__ import annotations

import dataclasses
import time
from datetime import UTC, datetime

from ralphbench.loop import LoopOutcome, LoopState, work_of
from ralphbench.model import (
    AttemptResult,
    AttemptSpec,
    Call,
    Ending,
    EventKind,
    Stage,
    Verdict,
    Work,
)
from ralphbench.record import AttemptFolder, read_calls, read_events, spent, stage_sums, times
from ralphbench.trial.history import ClockReader


@dataclasses.dataclass(frozen=True, slots=True)
class Judged:
    """What came of the work: the commits and what grading said of them. `base` alone where there is nothing."""

    base: str
    commit: str | None
    verdict: Verdict | None
    wip_verdict: Verdict | None
    numstat: tuple[int, int, int] = (0, 0, 0)


def build_result(
    spec: AttemptSpec,
    folder: AttemptFolder,
    ended: LoopOutcome,
    judged: Judged,
    *,
    isolated: bool,
    seconds: float,
    warnings: tuple[str, ...] = (),
) -> AttemptResult:
    """Sums and times come from events and calls, so that a result can always be worked out again."""
    # The events are read once for each sum, one in memory at a time: a long transcript must not make a large process.
    calls = read_calls(folder)
    processes, began = _processes(folder)
    return AttemptResult(
        experiment=spec.experiment,
        cell=spec.cell,
        number=spec.number,
        identity=spec.identity,
        ending=ended.ending,
        stage=ended.stage,
        cause=ended.cause,
        detail=ended.detail,
        verdict=judged.verdict,
        wip_verdict=judged.wip_verdict,
        base=judged.base,
        commit=judged.commit,
        work=_work(ended.state, judged),
        times=times(read_events(folder), calls, clock=seconds),
        spent=dataclasses.replace(spent(calls), seconds=seconds),
        stages=stage_sums(calls, read_events(folder)),
        started=iso(began),
        ended=iso(time.time()),
        processes=processes,
        isolated=isolated,
        plan_hash=ended.state.plan_hash,
        plan_by=ended.state.plan_by,
        models=_served(calls, spec),
        warnings=warnings,
        extra={"mode": spec.mode, "unequal_limits": spec.unequal_limits, "limits": str(spec.limits)},
    )


def _processes(folder: AttemptFolder) -> tuple[int, float]:
    """(how many trial processes there were, when the first began)."""
    count, began = 0, None
    for event in read_events(folder):
        began = event.t if began is None else began
        count += event.kind in (EventKind.ATTEMPT_STARTED, EventKind.ATTEMPT_RESUMED)
    return count, time.time() if began is None else began


def _work(state: LoopState, judged: Judged) -> Work:
    files, added, removed = judged.numstat
    return work_of(state, files_changed=files, lines_added=added, lines_removed=removed)


def nothing_done(ending: Ending, base: str, detail: str, stage: Stage | None = None) -> LoopOutcome:
    """For an attempt that ended outside its loop."""
    return LoopOutcome(ending, stage, None, detail, commit=base, wip=None, state=LoopState(commit=base, tree=""))


def _served(calls: list[Call], spec: AttemptSpec) -> dict[str, str | None]:
    """Stage to the model that the server said it served; None: it did not say."""
    served: dict[str, str | None] = {}
    for call in calls:
        told = None if call.ended is None else call.ended.served
        served[call.started.stage] = told or served.get(call.started.stage)
    return served


def dead_result(spec: AttemptSpec, ending: Ending, detail: str) -> AttemptResult:
    """For an attempt whose own process cannot finish it: void, with what it had spent."""
    folder = AttemptFolder(spec.folder)
    clock = ClockReader()
    for event in read_events(folder):
        clock.take(event)
    ended = nothing_done(ending, spec.base, detail, last_stage(folder))
    judged = Judged(base=spec.base, commit=None, verdict=None, wip_verdict=None)
    return build_result(spec, folder, ended, judged, isolated=False, seconds=clock.seconds())


def last_stage(folder: AttemptFolder) -> Stage | None:
    """The stage that was begun last; None: none was."""
    stage: Stage | None = None
    for event in read_events(folder):
        if event.kind == EventKind.STAGE_STARTED:
            stage = Stage(str(event.data["stage"]))
    return stage


def stage_begun(folder: AttemptFolder) -> bool:
    """Whether the process that writes the record now has begun a stage."""
    begun = False
    for event in read_events(folder):
        if event.kind in (EventKind.ATTEMPT_STARTED, EventKind.ATTEMPT_RESUMED):
            begun = False
        begun = begun or event.kind == EventKind.STAGE_STARTED
    return begun


def iso(t: float) -> str:
    return datetime.fromtimestamp(t, UTC).isoformat(timespec="seconds")
