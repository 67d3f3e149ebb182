"""The columns of each frame: where a result holds them, and of which type they are. Described in docs/schemas.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from ralphbench.model import AttemptResult, Ending, GateOutcome, StageSums, Verdict

KEY: Mapping[str, str] = {
    "experiment": "str",
    "kind": "str",
    "task": "str",
    "profile": "str",
    "repeat": "int64",
    "attempt": "int64",
}
"""What every row of every frame begins with. `kind`: `cell`, or `plan` for a plan that was made for all."""
_TIMES = ("wall", "clock", "model", "tools", "checks", "gates", "queue", "load", "retry", "harness")
_WORK = (
    "iterations", "tickets", "accepted", "already_satisfied", "rejected", "decomposed", "abandoned", "issues", "commits",
    "files_changed", "lines_added", "lines_removed", "repairs",
)  # fmt: skip
_SUMS = (
    "runs", "done", "seconds", "model_seconds", "tool_seconds", "calls", "local_calls", "input", "output", "cache_read",
    "cache_write", "reasoning", "local_tokens", "cost", "retries", "truncated", "unknown_calls",
)  # fmt: skip
_NOT_COUNTED = frozenset({"retries", "truncated", "unknown_calls"})
"""By the predecessor: what stands as 0 in an imported result is unknown."""
_FLOATS = frozenset({"seconds", "model_seconds", "tool_seconds", "cost"})

ATTEMPTS: Mapping[str, str] = {
    **KEY,
    "imported": "bool", "identity": "str", "isolated": "bool", "processes": "int64",
    "plan_hash": "str", "plan_by": "str",
    **{f"{name}_seconds": "Float64" for name in _TIMES},
    **dict.fromkeys(_WORK, "Int64"),
    "calls": "Int64", "input_tokens": "Int64", "output_tokens": "Int64", "cost": "Float64", "unknown_calls": "Int64",
    "ending": "str", "ending_class": "str", "void": "bool", "ending_stage": "str", "cause": "str",
    "resolved": "boolean", "score": "Float64", "claimed": "boolean", "tampered": "Int64",
    "wip_resolved": "boolean", "wip_score": "Float64",
    "unequal_limits": "bool",
    "legacy_completed": "Int64", "legacy_total": "Int64", "legacy_kills": "Int64",
    "local_calls": "Int64", "cache_read_tokens": "Int64", "cache_write_tokens": "Int64", "reasoning_tokens": "Int64",
    "local_tokens": "Int64", "retries": "Int64", "truncated": "Int64",
}  # fmt: skip
"""One row an attempt. `counts` is added when all are known."""
STAGES: Mapping[str, str] = {**KEY, "stage": "str", **{n: "Float64" if n in _FLOATS else "Int64" for n in _SUMS}}
"""One row a stage name of an attempt: sums over its runs."""
ENDINGS: Mapping[str, str] = {**KEY, "stage": "str", "ending": "str", "count": "int64"}
"""One row a way in which an attempt's runs of a stage ended."""
GATES: Mapping[str, str] = {
    **KEY,
    "gate": "str", "gate_kind": "str", "phase": "str", "weight": "Float64", "outcome": "str", "passed": "bool",
    "reason": "str", "seconds": "Float64", "tests": "Int64",
}  # fmt: skip
"""One row a gate of a verdict."""

_key = attrgetter("cell.task", "cell.profile", "cell.repeat", "number")
_plain = attrgetter(
    "imported", "identity", "isolated", "processes", "plan_hash", "plan_by",
    *(f"times.{name}" for name in _TIMES),
    *(f"work.{name}" for name in _WORK),
    "spent.calls", "spent.input", "spent.output", "spent.cost", "spent.unknown_calls",
)  # fmt: skip
_sums = attrgetter(*_SUMS)
_ENDINGS = {ending: (str(ending), str(ending.kind), ending.void) for ending in Ending}
Row = tuple[Any, ...]


@dataclass(slots=True)
class Rows:
    """The rows of the four frames, in the order of their columns."""

    attempts: list[Row]
    stages: list[Row]
    endings: list[Row]
    gates: list[Row]

    def add(self, kind: str, result: AttemptResult) -> None:
        """One attempt's."""
        key = (result.experiment, kind, *_key(result))
        self.attempts.append(key + _attempt(result))
        for name, sums in result.stages.items():
            self.stages.append((*key, name, *_stage(sums, result.imported)))
            self.endings += [(*key, name, ending, count) for ending, count in sums.endings.items()]
        if result.verdict is not None:
            self.gates += [key + gate for gate in _gates(result.verdict)]


def _attempt(result: AttemptResult) -> Row:
    """The flat form of a result. Built by position: among 100,000 of them a dict a row is a third of the time."""
    plain = _plain(result)
    if result.imported:
        plain = _imported(result, plain)
    stage, cause, extra = result.stage, result.cause, result.extra
    return (
        *plain,
        *_ENDINGS[result.ending],
        None if stage is None else stage.value,
        None if cause is None else cause.value,
        *_verdict(result.verdict),
        *((None, None) if result.wip_verdict is None else (result.wip_verdict.resolved, result.wip_verdict.score)),
        *((False, None, None, None) if not extra else _extra(extra)),
        *_usage(result),
    )


def _imported(result: AttemptResult, plain: Row) -> Row:
    """What the predecessor did not count is unknown: calls without usage, and all calls where its ledger is silent."""
    api = result.extra.get("api_calls")
    told = isinstance(api, Mapping) and all(isinstance(api.get(key), int) for key in ("remote", "local"))
    return (*plain[:-5], result.spent.calls if told else None, *plain[-4:-1], None)


def _verdict(verdict: Verdict | None) -> Row:
    """`claimed`: whether the contender called everything complete; None: it said nothing."""
    if verdict is None:
        return (None, None, None, None)
    claimed = all(verdict.claimed.values()) if verdict.claimed else None
    return (verdict.resolved, verdict.score, claimed, len(verdict.tampered))


def _extra(extra: Mapping[str, Any]) -> Row:
    return (
        bool(extra.get("unequal_limits", False)),
        extra.get("tasks_completed"),
        extra.get("tasks_total"),
        extra.get("kills"),
    )


def _usage(result: AttemptResult) -> Row:
    """Sums over the stages; one unknown part makes the whole unknown."""
    sums, imported = list(result.stages.values()), result.imported
    if imported and not sums:  # its ledger of stages was not given, and its own word for `local` was wrong
        return (None,) * 7
    return (
        sum([s.local_calls for s in sums]),
        _total([s.cache_read for s in sums]),
        _total([s.cache_write for s in sums]),
        _total([s.reasoning for s in sums]),
        _total([s.local_tokens for s in sums]),
        None if imported else sum([s.retries for s in sums]),
        None if imported else sum([s.truncated for s in sums]),
    )


def _total(values: list[int | None]) -> int | None:
    return None if None in values else sum(v for v in values if v is not None)


def _stage(sums: StageSums, imported: bool) -> Row:
    values: Row = _sums(sums)
    if not imported:
        return values
    return tuple(None if name in _NOT_COUNTED else value for name, value in zip(_SUMS, values, strict=True))


def _gates(verdict: Verdict) -> list[Row]:
    return [
        (
            gate.id,
            gate.kind.value,
            gate.phase,
            gate.weight,
            gate.outcome.value,
            gate.outcome is GateOutcome.PASS,
            gate.reason,
            gate.seconds,
            None if gate.tests is None else gate.tests.ran,
        )
        for gate in verdict.gates
    ]
