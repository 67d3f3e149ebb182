"""Records into frames: one row an attempt, a stage sum, a gate, an ending. Unknown stays missing, never zero."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ralphbench.model import AttemptResult, GateOutcome, StageSums, Verdict
from ralphbench.record import Damage, ExperimentFolder

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Frames:
    """What is known of some experiments. Columns are described in docs/schemas.md."""

    attempts: pd.DataFrame
    stages: pd.DataFrame
    gates: pd.DataFrame
    damages: tuple[Damage, ...]


def load(folders: Sequence[Path]) -> Frames:
    """Frames of results folders `results/<experiment>`. Files that cannot be read are named in `damages`."""
    attempts: list[dict[str, Any]] = []
    stages: list[dict[str, Any]] = []
    gates: list[dict[str, Any]] = []
    damages: list[Damage] = []
    for folder in folders:
        experiment = ExperimentFolder(folder.parent, folder.name)
        for kind, result in _results(experiment, damages):
            key = _key(result, kind)
            attempts.append(key | attempt_row(result))
            stages += [key | stage_row(name, sums, result.imported) for name, sums in result.stages.items()]
            gates += [key | row for row in gate_rows(result)]
    _mark_newest(attempts)
    return Frames(
        _frame(attempts, ATTEMPT_COLUMNS),
        _frame(stages, STAGE_COLUMNS),
        _frame(gates, GATE_COLUMNS),
        tuple(damages),
    )


def _results(experiment: ExperimentFolder, damages: list[Damage]) -> Iterable[tuple[str, AttemptResult]]:
    for kind, folder in (("cell", experiment), ("plan", experiment.plans())):
        for _, _, result, found in folder.summaries():
            damages += found
            if result is not None:
                yield kind, result


def _mark_newest(rows: list[dict[str, Any]]) -> None:
    """`counts`: the newest attempt of each cell that is not void. The older ones stay, and what they cost stays spent."""
    newest: dict[tuple[Any, ...], int] = {}
    for row in rows:
        if not row["void"]:
            cell = tuple(row[name] for name in ("experiment", "kind", "task", "profile", "repeat"))
            newest[cell] = max(newest.get(cell, 0), row["attempt"])
    for row in rows:
        cell = tuple(row[name] for name in ("experiment", "kind", "task", "profile", "repeat"))
        row["counts"] = not row["void"] and newest.get(cell) == row["attempt"]


def _frame(rows: list[dict[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    """Typed columns, present also where there is no row. Nullable types keep unknown apart from zero."""
    import pandas as pd

    return pd.DataFrame(rows, columns=list(columns)).astype(dict(columns))


def _key(result: AttemptResult, kind: str) -> dict[str, Any]:
    cell = result.cell
    return {
        "experiment": result.experiment,
        "kind": kind,
        "task": cell.task,
        "profile": cell.profile,
        "repeat": cell.repeat,
        "attempt": result.number,
    }


def attempt_row(result: AttemptResult) -> dict[str, Any]:
    """The flat form of a result."""
    verdict, times, work = result.verdict, result.times, result.work
    row: dict[str, Any] = {
        "imported": result.imported,
        "identity": result.identity,
        "ending": str(result.ending),
        "ending_class": str(result.ending.kind),
        "void": result.ending.void,
        "ending_stage": None if result.stage is None else str(result.stage),
        "cause": None if result.cause is None else str(result.cause),
        "resolved": None if verdict is None else verdict.resolved,
        "score": None if verdict is None else verdict.score,
        "wip_resolved": None if result.wip_verdict is None else result.wip_verdict.resolved,
        "wip_score": None if result.wip_verdict is None else result.wip_verdict.score,
        "claimed": claimed(verdict),
        "tampered": None if verdict is None else len(verdict.tampered),
        "isolated": result.isolated,
        "processes": result.processes,
        "plan_hash": result.plan_hash,
        "plan_by": result.plan_by,
        "unequal_limits": bool(result.extra.get("unequal_limits", False)),
        "legacy_completed": result.extra.get("tasks_completed"),
        "legacy_total": result.extra.get("tasks_total"),
        "legacy_kills": result.extra.get("kills"),
    }
    row |= {f"{name}_seconds": getattr(times, name) for name in _TIMES}
    row |= {name: getattr(work, name) for name in _WORK}
    return row | _usage(result)


def _usage(result: AttemptResult) -> dict[str, Any]:
    """Sums over the stages; one unknown part makes the whole unknown."""
    sums = list(result.stages.values())
    return {
        "calls": result.spent.calls,
        "local_calls": sum(s.local_calls for s in sums),
        "input_tokens": result.spent.input,
        "output_tokens": result.spent.output,
        "cache_read_tokens": _total(s.cache_read for s in sums),
        "cache_write_tokens": _total(s.cache_write for s in sums),
        "reasoning_tokens": _total(s.reasoning for s in sums),
        "local_tokens": _total(s.local_tokens for s in sums),
        "cost": result.spent.cost,
        "retries": sum(s.retries for s in sums),
        "truncated": sum(s.truncated for s in sums),
        "unknown_calls": result.spent.unknown_calls,
    } | (dict.fromkeys(_NOT_COUNTED) if result.imported else {})


def _total(values: Iterable[int | None]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def claimed(verdict: Verdict | None) -> bool | None:
    """Whether the contender called everything complete. None: it said nothing."""
    if verdict is None or not verdict.claimed:
        return None
    return all(verdict.claimed.values())


def stage_row(name: str, sums: StageSums, imported: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"stage": name}
    row |= {field: getattr(sums, field) for field in _STAGE_FIELDS}
    row |= dict.fromkeys(_NOT_COUNTED) if imported else {}
    row["endings"] = dict(sums.endings)
    return row


def gate_rows(result: AttemptResult) -> list[dict[str, Any]]:
    if result.verdict is None:
        return []
    return [
        {
            "gate": gate.id,
            "gate_kind": str(gate.kind),
            "phase": gate.phase,
            "weight": gate.weight,
            "outcome": str(gate.outcome),
            "passed": gate.outcome is GateOutcome.PASS,
            "reason": gate.reason,
            "seconds": gate.seconds,
            "tests": None if gate.tests is None else gate.tests.ran,
        }
        for gate in result.verdict.gates
    ]


_NOT_COUNTED = ("retries", "truncated", "unknown_calls")
"""By the predecessor: what stands as 0 in an imported result is unknown."""
_TIMES = ("wall", "clock", "model", "tools", "checks", "gates", "queue", "load", "retry", "harness")
_WORK = (
    "iterations",
    "tickets",
    "accepted",
    "already_satisfied",
    "rejected",
    "decomposed",
    "abandoned",
    "issues",
    "commits",
    "files_changed",
    "lines_added",
    "lines_removed",
    "repairs",
)
_STAGE_FIELDS = (
    "runs",
    "done",
    "seconds",
    "model_seconds",
    "tool_seconds",
    "calls",
    "local_calls",
    "input",
    "output",
    "cache_read",
    "cache_write",
    "reasoning",
    "local_tokens",
    "cost",
    "retries",
    "truncated",
    "unknown_calls",
)
_KEY_COLUMNS = {
    "experiment": "str",
    "kind": "str",
    "task": "str",
    "profile": "str",
    "repeat": "Int64",
    "attempt": "Int64",
}
ATTEMPT_COLUMNS: dict[str, str] = (
    _KEY_COLUMNS
    | {
        "imported": "bool",
        "identity": "str",
        "ending": "str",
        "ending_class": "str",
        "void": "bool",
        "counts": "bool",
        "ending_stage": "str",
        "cause": "str",
        "resolved": "boolean",
        "score": "Float64",
        "wip_resolved": "boolean",
        "wip_score": "Float64",
        "claimed": "boolean",
        "tampered": "Int64",
        "isolated": "bool",
        "processes": "Int64",
        "plan_hash": "str",
        "plan_by": "str",
        "unequal_limits": "bool",
        "legacy_completed": "Int64",
        "legacy_total": "Int64",
        "legacy_kills": "Int64",
    }
    | {f"{name}_seconds": "Float64" for name in _TIMES}
    | dict.fromkeys(_WORK, "Int64")
    | dict.fromkeys(
        (
            "calls",
            "local_calls",
            "input_tokens",
            "output_tokens",
            "cache_read_tokens",
            "cache_write_tokens",
            "reasoning_tokens",
            "local_tokens",
            "retries",
            "truncated",
            "unknown_calls",
        ),
        "Int64",
    )
    | {"cost": "Float64"}
)
STAGE_COLUMNS: dict[str, str] = (
    _KEY_COLUMNS
    | {"stage": "str"}
    | {name: "Float64" if name.endswith("seconds") or name == "cost" else "Int64" for name in _STAGE_FIELDS}
    | {"endings": "object"}
)
GATE_COLUMNS: dict[str, str] = _KEY_COLUMNS | {
    "gate": "str",
    "gate_kind": "str",
    "phase": "str",
    "weight": "Float64",
    "outcome": "str",
    "passed": "bool",
    "reason": "str",
    "seconds": "Float64",
    "tests": "Int64",
}
