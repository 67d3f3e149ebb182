"""From the record of an attempt to its result."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ralphbench.loop import LoopOutcome, LoopState, work_of
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
)
from ralphbench.record import AttemptFolder, read_calls, read_events, spent, stage_sums, times
from ralphbench.workspace import Workspace


@dataclasses.dataclass(frozen=True, slots=True)
class Judged:
    """What came of the work: the commits and what grading said of them. `base` alone where there is nothing."""

    base: str
    commit: str | None
    verdict: Verdict | None
    wip_verdict: Verdict | None
    numstat: tuple[int, int, int] = (0, 0, 0)
    commits: int = 0


def build_result(
    spec: AttemptSpec,
    folder: AttemptFolder,
    outcome: LoopOutcome,
    state: LoopState | None,
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
        ending=outcome.ending,
        stage=outcome.stage,
        cause=outcome.cause,
        detail=outcome.detail,
        verdict=judged.verdict,
        wip_verdict=judged.wip_verdict,
        base=judged.base,
        commit=judged.commit,
        work=_work(state, judged),
        times=times(events, calls, clock=seconds),
        spent=dataclasses.replace(spent(calls), seconds=seconds),
        stages=stage_sums(calls, events),
        started=iso(events[0].t if events else time.time()),
        ended=iso(time.time()),
        processes=sum(1 for e in events if e.kind in ("attempt_started", "attempt_resumed")),
        isolated=isolated,
        plan_hash=None if state is None else state.plan_hash,
        plan_by=None if state is None else state.plan_by,
        models=_served(calls, spec),
        warnings=warnings,
        extra={"mode": spec.mode, "unequal_limits": spec.unequal_limits},
    )


def _work(state: LoopState | None, judged: Judged) -> Work:
    files, added, removed = judged.numstat
    return dataclasses.replace(
        work_of(state), commits=judged.commits, files_changed=files, lines_added=added, lines_removed=removed
    )


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
    outcome = LoopOutcome(ending=ending, stage=_last_stage(folder), cause=None, detail=detail)
    judged = Judged(base=spec.base, commit=None, verdict=None, wip_verdict=None)
    return build_result(spec, folder, outcome, None, judged, isolated=False, seconds=used.seconds)


def _last_stage(folder: AttemptFolder) -> Stage | None:
    stage: str | None = None
    for event in read_events(folder):
        if event.kind == "stage_started":
            stage = str(event.data["stage"])
    return None if stage is None else Stage(stage)


def numbers_of(workspace: Workspace) -> tuple[tuple[int, int, int], int]:
    """((files, lines added, lines removed), commits) of the accepted work."""
    head = workspace.head
    return workspace.numstat(workspace.base, head), len(workspace.log(workspace.base, head))


def outcome_of(data: Mapping[str, Any]) -> LoopOutcome:
    """The loop's end as its event tells it."""
    stage, cause = data.get("stage"), data.get("cause")
    return LoopOutcome(
        ending=Ending(data["ending"]),
        stage=None if stage is None else Stage(stage),
        cause=None if cause is None else StageEnding(cause),
        detail=str(data.get("detail") or ""),
    )


def iso(t: float) -> str:
    return datetime.fromtimestamp(t, UTC).isoformat(timespec="seconds")
