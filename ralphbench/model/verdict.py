"""What grading says of a final commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ralphbench.model.names import GateKind, GateOutcome


@dataclass(frozen=True, slots=True)
class TestCounts:
    """Tests that a gate's report counted."""

    ran: int
    passed: int
    failed: int
    skipped: int


@dataclass(frozen=True, slots=True)
class GateResult:
    id: str
    kind: GateKind
    outcome: GateOutcome
    reason: str
    """In words: `exit 1`, `timed out after 300 s`, `no test ran`."""
    weight: float
    phase: str | None
    exit: int | None
    seconds: float
    tests: TestCounts | None = None
    log: str | None = None
    """The log's path, relative to `grading/` of the attempt's folder."""


@dataclass(frozen=True, slots=True)
class Tampering:
    """A protected file that was changed, added or removed, or a path that was refused."""

    path: str
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`resolved`: every gate passes. `score`: weight of goals passed / weight of goals; 0 if a guard fails."""

    resolved: bool
    score: float
    gates: tuple[GateResult, ...]
    tampered: tuple[Tampering, ...] = ()
    claimed: Mapping[str, bool] | None = None
    """What the last `verify` answer called complete, by gate, phase or `task`; None: no stage answered."""
    commit: str | None = None
    gates_digest: str = ""
    error: str | None = None
    """Why grading itself could not be done; then `resolved` is False and the verdict is not one."""
    phases: Mapping[str, bool] = field(default_factory=dict)
    """For a task in phases: whether all goal gates of the phase pass and no guard fails."""


def judge(gates: tuple[GateResult, ...]) -> tuple[bool, float]:
    """(resolved, score) of gate results, as design section 4 defines them."""
    goals = [g for g in gates if g.kind is GateKind.GOAL]
    guards_hold = all(g.outcome is GateOutcome.PASS for g in gates if g.kind is GateKind.GUARD)
    total = sum(g.weight for g in goals)
    passed = sum(g.weight for g in goals if g.outcome is GateOutcome.PASS)
    score = passed / total if guards_hold and total > 0 else 0.0
    resolved = bool(gates) and all(g.outcome is GateOutcome.PASS for g in gates)
    return resolved, score
