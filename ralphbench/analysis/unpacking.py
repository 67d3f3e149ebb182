"""Packed columns into pandas' arrays. Nullable types keep unknown apart from zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ralphbench.analysis.columns import ATTEMPTS, ENDINGS, GATES, KEY, STAGES, USAGE
from ralphbench.analysis.flattening import Flat
from ralphbench.analysis.packing import CODE, Packed

if TYPE_CHECKING:
    import pandas as pd

_WORD: Mapping[str, Any] = {"int64": "int64", "Int64": "int64", "Float64": "float64", "bool": "bool", "boolean": "bool"}


@dataclass(frozen=True, slots=True)
class Column:
    """The parts of a column, joined. `texts` are all that a text may be; None: it is no text."""

    values: np.ndarray[Any, Any]
    unknown: np.ndarray[Any, Any] | None = None
    texts: tuple[str, ...] | None = None

    def each(self, times: np.ndarray[Any, Any]) -> Column:
        """Every row as often as it is said. Of columns in which all is known."""
        return Column(np.repeat(self.values, times), None, self.texts)

    def array(self, kind: str) -> Any:
        """Of the type that `columns` names."""
        import pandas as pd

        if self.texts is not None:
            return pd.array(list(self.texts), dtype="str").take(self.values, allow_fill=True)
        if kind in ("bool", "int64"):
            return self.values
        unknown = np.zeros(len(self.values), dtype=bool) if self.unknown is None else self.unknown
        if kind == "Float64":
            self.values[unknown] = np.nan
            return pd.arrays.FloatingArray(self.values, unknown)
        return (pd.arrays.BooleanArray if kind == "boolean" else pd.arrays.IntegerArray)(self.values, unknown)


def join(parts: Sequence[Packed], kind: str) -> Column:
    """One column of its parts, in their order."""
    if kind == "str":
        return _join_texts(parts)
    word = np.dtype(_WORD[kind])
    none = np.empty(0, dtype=word)
    values = [np.zeros(p.rows, word) if p.values is None else np.frombuffer(p.values, word) for p in parts if p.rows]
    if all(p.values is not None and p.unknown is None for p in parts):
        return Column(np.concatenate([none, *values]))
    unknown = [
        np.full(p.rows, p.values is None) if p.unknown is None else np.frombuffer(p.unknown, bool)
        for p in parts
        if p.rows
    ]
    return Column(np.concatenate([none, *values]), np.concatenate([np.empty(0, dtype=bool), *unknown]))


def _join_texts(parts: Sequence[Packed]) -> Column:
    places: dict[str, int] = {}
    values = [np.empty(0, dtype=np.intp)]
    for part in (p for p in parts if p.rows):
        own = np.array([-1 if t is None else places.setdefault(t, len(places)) for t in part.texts], dtype=np.intp)
        values.append(np.full(part.rows, own[0]) if part.values is None else own[np.frombuffer(part.values, CODE)])
    return Column(np.concatenate(values), None, tuple(places))


def frames_of(flats: Sequence[Flat]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Attempts, stages, endings, gates."""
    attempts = _joined([flat.attempts for flat in flats], ATTEMPTS)
    stages, endings, gates = (
        _joined([getattr(flat, name) for flat in flats], kinds)
        for name, kinds in (("stages", STAGES), ("endings", ENDINGS), ("gates", GATES))
    )
    stages_each, endings_each, gates_each = (
        np.concatenate([np.empty(0, CODE), *(np.frombuffer(getattr(flat, name), CODE) for flat in flats)])
        for name in ("stages_each", "endings_each", "gates_each")
    )
    attempts |= _usage(stages, stages_each, attempts["imported"].values)
    key = {name: attempts[name] for name in KEY}
    stages |= {name: column.each(stages_each) for name, column in key.items()}
    key_of_stages = {name: stages[name] for name in (*KEY, "stage")}
    endings |= {name: column.each(endings_each) for name, column in key_of_stages.items()}
    gates |= {name: column.each(gates_each) for name, column in key.items()}
    return _frame(attempts, ATTEMPTS), _frame(stages, STAGES), _frame(endings, ENDINGS), _frame(gates, GATES)


def _joined(parts: Sequence[Mapping[str, Packed]], kinds: Mapping[str, str]) -> dict[str, Column]:
    """Of the columns that are packed; without any part, of all."""
    names = parts[0] if parts else kinds
    return {name: join([part[name] for part in parts], kinds[name]) for name in names}


def _usage(
    stages: Mapping[str, Column], each: np.ndarray[Any, Any], imported: np.ndarray[Any, Any]
) -> dict[str, Column]:
    """Sums over the stages of each attempt; one unknown part makes the whole unknown.

    Of an imported attempt without stages all is unknown: its ledger of stages was not given.
    """
    ends = np.cumsum(each, dtype=np.intp)
    found = {}
    for name, source in USAGE.items():
        column = stages[source]
        unknown = imported & (each == 0)
        if column.unknown is not None:
            unknown |= _sums(column.unknown.astype("int64"), ends, each) > 0
        found[name] = Column(_sums(column.values, ends, each), unknown)
    return found


def _sums(values: np.ndarray[Any, Any], ends: np.ndarray[Any, Any], each: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    totals = np.concatenate([np.zeros(1, dtype="int64"), np.cumsum(values, dtype="int64")])
    return np.asarray(totals[ends] - totals[ends - each])


def _frame(columns: Mapping[str, Column], kinds: Mapping[str, str]) -> pd.DataFrame:
    """Its columns in their order, present also where there is no row."""
    import pandas as pd

    return pd.DataFrame({name: columns[name].array(kind) for name, kind in kinds.items()}, copy=False)
