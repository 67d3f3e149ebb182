"""From the record of an attempt to its result."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ralphbench.loop import LoopState, work_of
from ralphbench.model import (
    AttemptResult,
    AttemptSpec,
    Call,
    Ending,
    Spent,
    Stage,
    StageEnding,
    Verdict,
    Work,
    codec,
)
from ralphbench.record import AttemptFolder, read_calls, read_events, spent, stage_sums, times


@dataclasses.dataclass(frozen=True, slots=True)
class Ended:
    """How the loop ended, whether it ended now or in an earlier process."""

    ending: Ending
    stage: Stage | None
    cause: StageEnding | None
    detail: str
    wip: str | None = None
    state: LoopState | None = None


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
    ended: Ended,
    judged: Judged,
    *,
    isolated: bool,
    seconds: float,
    warnings: tuple[str, ...] = (),
) -> AttemptResult:
    """Sums and times come from events and calls, so that a result can always be worked out again."""
    calls = read_calls(folder)
    events = list(read_events(folder))
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
        times=times(events, calls, clock=seconds),
        spent=dataclasses.replace(spent(calls), seconds=seconds),
        stages=stage_sums(calls, events),
        started=iso(events[0].t if events else time.time()),
        ended=iso(time.time()),
        processes=sum(1 for e in events if e.kind in ("attempt_started", "attempt_resumed")),
        isolated=isolated,
        plan_hash=None if ended.state is None else ended.state.plan_hash,
        plan_by=None if ended.state is None else ended.state.plan_by,
        models=_served(calls, spec),
        warnings=warnings,
        extra={"mode": spec.mode, "unequal_limits": spec.unequal_limits},
    )


_NOTHING = LoopState(commit="", tree="")


def _work(state: LoopState | None, judged: Judged) -> Work:
    files, added, removed = judged.numstat
    return work_of(state or _NOTHING, files_changed=files, lines_added=added, lines_removed=removed)


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
    calls = read_calls(folder)
    used: Spent = spent(calls)
    ended = Ended(ending, _last_stage(folder), None, detail)
    judged = Judged(base=spec.base, commit=None, verdict=None, wip_verdict=None)
    return build_result(spec, folder, ended, judged, isolated=False, seconds=used.seconds)


def _last_stage(folder: AttemptFolder) -> Stage | None:
    stage: str | None = None
    for event in read_events(folder):
        if event.kind == "stage_started":
            stage = str(event.data["stage"])
    return None if stage is None else Stage(stage)


def ended_of(data: Mapping[str, Any]) -> Ended:
    """The loop's end as its event tells it."""
    stage, cause, state = data.get("stage"), data.get("cause"), data.get("state")
    return Ended(
        ending=Ending(data["ending"]),
        stage=None if stage is None else Stage(stage),
        cause=None if cause is None else StageEnding(cause),
        detail=str(data.get("detail") or ""),
        wip=data.get("wip"),
        state=None if state is None else codec.convert(state, LoopState),
    )


def iso(t: float) -> str:
    return datetime.fromtimestamp(t, UTC).isoformat(timespec="seconds")
