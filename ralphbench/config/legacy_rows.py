"""One row of the predecessor's ledger as a result of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ralphbench.config.legacy_profiles import is_local
from ralphbench.model import AttemptResult, Cell, Ending, Spent, Stage, StageEnding, StageSums, Times, Work

ENDINGS: Mapping[str, Ending] = {
    "complete": Ending.COMPLETED,
    # Nothing left that it would try, or three failed batches in a row: it ended itself.
    "no_work": Ending.GAVE_UP,
    "circuit_breaker": Ending.FAILURES,
    "max_iterations": Ending.ITERATIONS,
    "cost_limit": Ending.COST,
    "token_limit": Ending.TOKENS,
    "api_call_limit": Ending.CALLS,
    "wall_time_limit": Ending.WALL_TIME,
    "progress_stall": Ending.STALLED,
    "loop_detected": Ending.STALLED,
    "interrupted": Ending.INTERRUPTED,
    # A rebase that failed is the harness's business, and so is what nobody knows.
    "git_conflict": Ending.HARNESS,
    "unknown": Ending.HARNESS,
}
KILLS = {"timeout": StageEnding.STAGE_TIMEOUT, "context": StageEnding.CONTEXT}
WARNINGS = (
    "imported: no gate judged this run; completion is what its own agent said",
    "imported: calls are stage runs, the predecessor did not count requests; retries and truncation were not recorded",
)


def result_of(
    row: dict[str, Any], stages: list[dict[str, Any]], experiment: str, cell: Cell, number: int
) -> AttemptResult:
    """Raises ValueError for a row that says too little: no run_id, duration or count of iterations."""
    run, reason = row.get("run_id"), row.get("exit_reason")
    if not isinstance(run, str) or not run:
        raise ValueError("it has no run_id")
    wall = _number(row, "duration_s")
    if wall is None:
        raise ValueError("it has no duration_s")
    ending = ENDINGS.get(str(reason), Ending.HARNESS)
    return AttemptResult(
        experiment=experiment,
        cell=cell,
        number=number,
        identity=f"imported:{run}",
        ending=ending,
        stage=None,
        cause=None,
        detail=f"the predecessor's exit reason was {reason!r}",
        verdict=None,
        wip_verdict=None,
        base=str(row.get("git_sha_start") or "unknown"),
        commit=str(row["git_sha_end"]) if row.get("git_sha_end") else None,
        work=_work(row, stages),
        times=Times(wall, *[None] * 9),
        spent=_spent(row, wall),
        stages=_stages(stages),
        started=_moment(row.get("started_at")),
        ended=_moment(row.get("ended_at")),
        models={str(stage["stage"]).lower(): None for stage in stages if stage.get("stage")},
        warnings=WARNINGS,
        imported=True,
        extra=_extra(row, stages),
    )


def _extra(row: Mapping[str, Any], stages: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What it said itself, under its own names."""
    tasks, kills = _table(row, "tasks"), _table(row, "kills")
    known = [n for n in (_count(kills, key) for key in kills) if n is not None]
    return {
        "run_id": row["run_id"],
        "exit_reason": row.get("exit_reason"),
        "tasks_completed": _count(tasks, "completed"),
        "tasks_total": _count(tasks, "total"),
        "tasks_failed": _count(tasks, "failed"),
        "kills": sum(known) if kills else None,
        "kills_by": kills,
        "api_calls": _table(row, "api_calls"),
        "retries": _table(row, "retries"),
        "branch": row.get("branch"),
        "worktree": row.get("worktree"),
        "config": row.get("config_snapshot"),
        "configured_models": {str(s["stage"]).lower(): s.get("model") for s in stages if s.get("stage")},
    }


def _work(row: Mapping[str, Any], stages: Sequence[Mapping[str, Any]]) -> Work:
    iterations = _count(row, "iterations")
    if iterations is None:
        raise ValueError("it has no iterations")
    return Work(
        iterations=iterations,
        # Its total is pending plus done: what was accepted is missing from it.
        tickets=None,
        accepted=_count(_table(row, "tasks"), "completed"),
        already_satisfied=_sum(_flag(stage, "precheck_accepted") for stage in stages) if stages else None,
        rejected=_reconciled(stages, "rejected"),
        decomposed=None,
        abandoned=None,
        issues=_reconciled(stages, "issues"),
        commits=None,
        files_changed=None,
        lines_added=None,
        lines_removed=None,
        repairs=_count(_table(row, "retries"), "validation"),
    )


def _reconciled(stages: Sequence[Mapping[str, Any]], key: str) -> int | None:
    return _sum(_count(_table(stage, "reconcile"), key) for stage in stages) if stages else None


def _spent(row: Mapping[str, Any], wall: float) -> Spent:
    tokens, api = _table(row, "tokens"), _table(row, "api_calls")
    remote, local = _count(api, "remote"), _count(api, "local")
    return Spent(
        seconds=wall,
        calls=(remote or 0) + (local or 0),
        input=_sum((_count(tokens, "input"), _count(tokens, "cached"))),
        output=_count(tokens, "output"),
        cost=_cost(row, remote != 0),
    )


def _cost(row: Mapping[str, Any], remote: bool) -> float | None:
    """Zero with remote calls is a subscription, whose plugin reports no prices: unknown."""
    cost = _number(row, "cost")
    return None if cost == 0 and remote else cost


def _stages(rows: Sequence[Mapping[str, Any]]) -> dict[str, StageSums]:
    by_stage: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_stage.setdefault(str(row.get("stage") or "unknown").lower(), []).append(row)
    order = {stage.value: n for n, stage in enumerate(Stage)}
    return {name: _stage_sums(by_stage[name]) for name in sorted(by_stage, key=lambda n: (order.get(n, len(order)), n))}


def _stage_sums(rows: Sequence[Mapping[str, Any]]) -> StageSums:
    """The predecessor's rows are one a stage run; whether it was local is told by the model's name."""
    local = [is_local(str(row.get("model") or "")) for row in rows]
    inputs = [_sum((_count(_tokens(row), "input"), _count(_tokens(row), "cached"))) for row in rows]
    outputs = [_count(_tokens(row), "output") for row in rows]
    endings: dict[str, int] = {}
    for row in rows:
        ending = _stage_ending(row)
        endings[ending] = endings.get(ending, 0) + 1
    both = [_sum(pair) if here else 0 for here, pair in zip(local, zip(inputs, outputs, strict=True), strict=True)]
    seconds = [_number(row, "duration_s") for row in rows]
    return StageSums(
        runs=len(rows),
        done=endings.get(StageEnding.DONE.value, 0),
        seconds=sum(value for value in seconds if value is not None),
        model_seconds=None,
        tool_seconds=None,
        calls=len(rows),
        local_calls=sum(local),
        input=_sum(inputs),
        output=_sum(outputs),
        cache_read=_sum(_count(_tokens(row), "cached") for row in rows),
        cache_write=None,
        reasoning=None,
        local_tokens=_sum(both),
        cost=_sum(_cost(row, remote=not here) for row, here in zip(rows, local, strict=True)),
        endings=endings,
        repairs=_sum(_count(row, "validation_retries") for row in rows),
    )


def _stage_ending(row: Mapping[str, Any]) -> str:
    outcome, kill = row.get("outcome"), row.get("kill_reason")
    if outcome == "success":
        return StageEnding.DONE.value
    for word, ending in KILLS.items():
        if isinstance(kill, str) and word in kill:
            return ending.value
    return str(outcome or "unknown")


def _tokens(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return _table(row, "tokens")


def _table(row: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = row.get(key)
    return found if isinstance(found, dict) else {}


def _number(row: Mapping[str, Any], key: str) -> float | None:
    value = row.get(key)
    # The upper bound keeps out infinity, and integers that no float can hold.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e15:
        return None
    return float(value)


def _count(row: Mapping[str, Any], key: str) -> int | None:
    value = _number(row, key)
    return None if value is None or value != int(value) else int(value)


def _flag(row: Mapping[str, Any], key: str) -> int | None:
    """A yes as 1, or a count."""
    value = row.get(key)
    return int(value) if isinstance(value, bool) else _count(row, key)


def _sum(values: Iterable[Any]) -> Any:
    """None as soon as one part is unknown."""
    total: Any = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _moment(value: Any) -> str:
    """ISO 8601 in UTC; a time without a zone is taken as UTC. Empty where there is none."""
    if not isinstance(value, str):
        return ""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return ""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
