"""Results drawn by hypothesis from the types of the model, and records that are made of them."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import types
import typing
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from ralphbench.model import RECORD_VERSION, AttemptResult, Cell
from ralphbench.record import ExperimentFolder, write_result

TEXT = st.text(st.characters(codec="utf-8"), max_size=4)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(0, 2**40),
    float: st.floats(0, 1e9),
    str: TEXT,
    bool: st.booleans(),
    type(None): st.none(),
    Any: st.none() | st.integers(0, 9) | TEXT,
}


def drawn(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a type that results are made of."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    if dataclasses.is_dataclass(kind):
        assert isinstance(kind, type)
        hints = typing.get_type_hints(kind)
        return st.builds(kind, **{field.name: drawn(hints[field.name]) for field in dataclasses.fields(kind)})
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return st.sampled_from(kind)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return st.one_of(*map(drawn, inner))
    if origin is collections.abc.Mapping:
        return st.dictionaries(drawn(inner[0]), drawn(inner[1]), max_size=3)
    assert origin is tuple
    return st.lists(drawn(inner[0]), max_size=3).map(tuple)


_EXTRA = st.fixed_dictionaries(
    {},
    optional={
        "unequal_limits": st.booleans(),
        "limits": TEXT | st.integers(0, 9),
        "tasks_completed": st.none() | st.integers(0, 9),
        "tasks_total": st.integers(0, 9) | TEXT,
        "kills": st.integers(0, 9) | st.booleans(),
        "api_calls": st.fixed_dictionaries({"remote": st.integers(0, 9)}, optional={"local": st.integers(0, 9)}) | TEXT,
    },
)
_PLACES = st.lists(
    st.tuples(
        st.booleans(),
        st.sampled_from(["t", "t/phase", "c++"]),
        st.sampled_from(["p", "q"]),
        st.integers(1, 12),
        st.integers(1, 3),
    ),
    min_size=1,
    max_size=8,
    unique=True,
)
Placed = list[tuple[bool, AttemptResult]]
"""Whether it is a plan's, and the result."""


@st.composite
def placed_results(draw: st.DrawFn) -> Placed:
    """Some cells and plans, in some of them several attempts."""
    found: Placed = []
    for plan, task, profile, repeat, number in draw(_PLACES):
        made: AttemptResult = draw(drawn(AttemptResult))
        place = {"experiment": "x", "cell": Cell(task, profile, repeat), "number": number}
        found.append((plan, dataclasses.replace(made, version=RECORD_VERSION, extra=draw(_EXTRA), **place)))
    return found


def write_all(root: Path, placed: Placed) -> ExperimentFolder:
    """The record `root/x` with these results."""
    record = ExperimentFolder(root, "x").create()
    for plan, result in placed:
        write_result((record.plans() if plan else record).folder(result.cell, result.number).create(), result)
    return record
