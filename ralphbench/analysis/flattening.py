"""Results as columns. Column by column: among 100,000 results a row, or a dict, for each takes several times as long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from msgspec.structs import astuple

from ralphbench.analysis.columns import ATTEMPTS, ENDINGS, GATES, STAGES, SUMS, TIMES, WORK
from ralphbench.analysis.packing import Packed, pack, pack_counts
from ralphbench.model import Ending, GateOutcome

Columns = dict[str, Sequence[Any]]
_ENDINGS = {ending.value: (ending.kind.value, ending.void) for ending in Ending}
_PASS = GateOutcome.PASS.value
_NOT_COUNTED = ("retries", "truncated", "unknown_calls")
"""By the predecessor: what stands as 0 in an imported result is unknown."""


@dataclass(slots=True)
class Flat:
    """The columns of some attempts. What each row of a frame begins with is kept once, with the attempt."""

    attempts: dict[str, Packed]
    stages: dict[str, Packed]
    endings: dict[str, Packed]
    gates: dict[str, Packed]
    stages_each: bytes
    """How many rows of `stages` an attempt has."""
    endings_each: bytes
    """How many rows of `endings` a row of `stages` has."""
    gates_each: bytes
    """How many rows of `gates` an attempt has."""


def flatten(kind: str, results: Sequence[Any]) -> Flat:
    """Of results as `record.read_many` gives them, at least one."""
    told = _fields(results)
    stages, endings, stages_each = _stages(told)
    gates, gates_each = _gates(told["verdict"])
    return Flat(
        _packed(_attempts(kind, told), ATTEMPTS),
        _packed(stages, STAGES),
        _packed(endings, ENDINGS),
        _packed(gates, GATES),
        pack_counts(stages_each),
        pack_counts(list(map(len, stages["endings"]))),
        pack_counts(gates_each),
    )


def _fields(structs: Sequence[Any], names: Sequence[str] = ()) -> Columns:
    """The fields of structs, all of one type, by name; `names` for where there is none."""
    if not structs:
        return dict.fromkeys(names, ())
    return dict(zip(structs[0].__struct_fields__, zip(*map(astuple, structs), strict=True), strict=True))


def _packed(columns: Columns, kinds: Mapping[str, str]) -> dict[str, Packed]:
    return {name: pack(columns[name], kind) for name, kind in kinds.items() if name in columns}


def _attempts(kind: str, told: Columns) -> Columns:
    cell, times, work, spent = (_fields(told[name]) for name in ("cell", "times", "work", "spent"))
    calls, unknown_calls = spent["calls"], spent["unknown_calls"]
    if any(told["imported"]):
        told_of = map(_told_calls, told["imported"], told["extra"])
        calls = [count if known else None for count, known in zip(calls, told_of, strict=True)]
        unknown_calls = _not_counted(unknown_calls, told["imported"])
    return {
        "experiment": told["experiment"],
        "kind": (kind,) * len(told["experiment"]),
        **{name: cell[name] for name in ("task", "profile", "repeat")},
        "attempt": told["number"],
        **{name: told[name] for name in ("imported", "identity", "isolated", "processes", "plan_hash", "plan_by")},
        **{f"{name}_seconds": times[name] for name in TIMES},
        **{name: work[name] for name in WORK},
        "calls": calls,
        "input_tokens": spent["input"],
        "output_tokens": spent["output"],
        "cost": spent["cost"],
        "unknown_calls": unknown_calls,
        "ending": told["ending"],
        "ending_class": [_ENDINGS[ending][0] for ending in told["ending"]],
        "void": [_ENDINGS[ending][1] for ending in told["ending"]],
        "ending_stage": told["stage"],
        "cause": told["cause"],
        **_verdicts(told),
        **_extra(told["extra"]),
    }


def _told_calls(imported: bool, extra: Mapping[str, Any]) -> bool:
    """Whether an attempt's calls are known: all are, but of an imported one only where its ledger tells of both kinds."""
    if not imported:
        return True
    api = extra.get("api_calls")
    return isinstance(api, Mapping) and all(isinstance(api.get(key), int) for key in ("remote", "local"))


def _not_counted(values: Sequence[Any], imported: Sequence[bool]) -> Sequence[Any]:
    return [None if theirs else value for value, theirs in zip(values, imported, strict=True)]


def _verdicts(told: Columns) -> Columns:
    """`claimed`: whether the contender called everything complete; None: it said nothing."""
    verdicts, wip = told["verdict"], told["wip_verdict"]
    return {
        "resolved": [None if v is None else v.resolved for v in verdicts],
        "score": [None if v is None else v.score for v in verdicts],
        "claimed": [None if v is None or not v.claimed else all(v.claimed.values()) for v in verdicts],
        "tampered": [None if v is None else len(v.tampered) for v in verdicts],
        "wip_resolved": [None if v is None else v.resolved for v in wip],
        "wip_score": [None if v is None else v.score for v in wip],
    }


def _extra(extras: Sequence[Mapping[str, Any]]) -> Columns:
    legacy = {"legacy_completed": "tasks_completed", "legacy_total": "tasks_total", "legacy_kills": "kills"}
    return {
        "unequal_limits": [bool(extra.get("unequal_limits")) for extra in extras],
        "limits": [_text(extra.get("limits")) for extra in extras],
        **{name: [_whole(extra.get(key)) for extra in extras] for name, key in legacy.items()},
    }


def _text(value: Any) -> str | None:
    return value if type(value) is str else None


def _whole(value: Any) -> int | None:
    """What somebody else wrote down need not be a number."""
    return value if type(value) is int else None


def _stages(told: Columns) -> tuple[Columns, Columns, list[int]]:
    """Sums over a stage's runs; its endings; and how many stages each attempt has."""
    each = list(map(len, told["stages"]))
    sums = list(chain.from_iterable(map(dict.values, told["stages"])))
    stages = {"stage": list(chain.from_iterable(told["stages"])), **_fields(sums, (*SUMS, "endings"))}
    if any(told["imported"]):
        theirs = list(chain.from_iterable((imported,) * n for imported, n in zip(told["imported"], each, strict=True)))
        stages |= {name: _not_counted(stages[name], theirs) for name in _NOT_COUNTED}
    endings: Columns = {
        "ending": list(chain.from_iterable(stages["endings"])),
        "count": list(chain.from_iterable(map(dict.values, stages["endings"]))),
    }
    return stages, endings, each


def _gates(verdicts: Sequence[Any]) -> tuple[Columns, list[int]]:
    """The gates of the verdicts, and how many each has."""
    listed = [() if verdict is None else verdict.gates for verdict in verdicts]
    told = _fields(
        list(chain.from_iterable(listed)), ("id", "kind", "phase", "weight", "outcome", "reason", "seconds", "tests")
    )
    gates: Columns = {
        "gate": told["id"],
        "gate_kind": told["kind"],
        **{name: told[name] for name in ("phase", "weight", "outcome", "reason", "seconds")},
        "passed": [outcome == _PASS for outcome in told["outcome"]],
        "tests": [None if tests is None else tests.ran for tests in told["tests"]],
    }
    return gates, list(map(len, listed))
