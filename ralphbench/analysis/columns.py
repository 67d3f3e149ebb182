"""The columns of each frame, and of which type they are. Described in docs/schemas.md."""

from __future__ import annotations

from collections.abc import Mapping

KEY: Mapping[str, str] = {
    "experiment": "str",
    "kind": "str",
    "task": "str",
    "profile": "str",
    "repeat": "int64",
    "attempt": "int64",
}
"""What every row of every frame begins with. `kind`: `cell`, or `plan` for a plan that was made for all."""
TIMES = ("wall", "clock", "model", "tools", "checks", "gates", "queue", "load", "retry", "harness")
WORK = (
    "iterations", "tickets", "accepted", "already_satisfied", "rejected", "decomposed", "abandoned", "issues", "commits",
    "files_changed", "lines_added", "lines_removed", "repairs",
)  # fmt: skip
SUMS = (
    "runs", "done", "seconds", "model_seconds", "tool_seconds", "calls", "local_calls", "input", "output", "cache_read",
    "cache_write", "reasoning", "local_tokens", "cost", "retries", "truncated", "unknown_calls",
    "repairs",
)  # fmt: skip
USAGE: Mapping[str, str] = {
    "local_calls": "local_calls", "cache_read_tokens": "cache_read", "cache_write_tokens": "cache_write",
    "reasoning_tokens": "reasoning", "local_tokens": "local_tokens", "retries": "retries", "truncated": "truncated",
}  # fmt: skip
"""What of an attempt is a sum over its stages: the attempt's column, and the stages'."""
_FLOATS = frozenset({"seconds", "model_seconds", "tool_seconds", "cost"})

ATTEMPTS: Mapping[str, str] = {
    **KEY,
    "imported": "bool", "identity": "str", "isolated": "bool", "processes": "int64",
    "plan_hash": "str", "plan_by": "str",
    **{f"{name}_seconds": "Float64" for name in TIMES},
    **dict.fromkeys(WORK, "Int64"),
    "calls": "Int64", "input_tokens": "Int64", "output_tokens": "Int64", "cost": "Float64", "unknown_calls": "Int64",
    "ending": "str", "ending_class": "str", "void": "bool", "ending_stage": "str", "cause": "str",
    "resolved": "boolean", "score": "Float64", "claimed": "boolean", "tampered": "Int64",
    "wip_resolved": "boolean", "wip_score": "Float64",
    "unequal_limits": "bool", "limits": "str",
    "legacy_completed": "Int64", "legacy_total": "Int64", "legacy_kills": "Int64",
    **dict.fromkeys(USAGE, "Int64"),
}  # fmt: skip
"""One row an attempt. `counts` is added when all are known."""
STAGES: Mapping[str, str] = {**KEY, "stage": "str", **{n: "Float64" if n in _FLOATS else "Int64" for n in SUMS}}
"""One row a stage name of an attempt: sums over its runs."""
ENDINGS: Mapping[str, str] = {**KEY, "stage": "str", "ending": "str", "count": "int64"}
"""One row a way in which an attempt's runs of a stage ended."""
GATES: Mapping[str, str] = {
    **KEY,
    "gate": "str", "gate_kind": "str", "phase": "str", "weight": "Float64", "outcome": "str", "passed": "bool",
    "reason": "str", "seconds": "Float64", "tests": "Int64",
}  # fmt: skip
"""One row a gate of a verdict."""
