"""Records into frames: one row an attempt, a stage sum, a stage ending, a gate. Unknown stays missing, never zero."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ralphbench.analysis.columns import ATTEMPTS, ENDINGS, GATES, STAGES, Row, Rows
from ralphbench.record import Damage, ExperimentFolder

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Frames:
    """What is known of some experiments. Columns are described in docs/schemas.md."""

    attempts: pd.DataFrame
    stages: pd.DataFrame
    endings: pd.DataFrame
    gates: pd.DataFrame
    damages: tuple[Damage, ...]


def load(folders: Sequence[Path]) -> Frames:
    """Frames of results folders `results/<experiment>`. Files that cannot be read are named in `damages`."""
    rows = Rows([], [], [], [])
    damages: list[Damage] = []
    with _no_collections():
        for folder in folders:
            _read(ExperimentFolder(folder.parent, folder.name), rows, damages)
        return Frames(
            _counting(_frame(rows.attempts, ATTEMPTS)),
            _frame(rows.stages, STAGES),
            _frame(rows.endings, ENDINGS),
            _frame(rows.gates, GATES),
            tuple(damages),
        )


def _read(experiment: ExperimentFolder, rows: Rows, damages: list[Damage]) -> None:
    for kind, folder in (("cell", experiment), ("plan", experiment.plans())):
        for _, _, result, found in folder.summaries():
            damages += found
            if result is not None:
                rows.add(kind, result)


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """Nothing made here is a cycle; looking for some, again and again, takes as long as all the rest."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _counting(attempts: pd.DataFrame) -> pd.DataFrame:
    """`counts`: the newest attempt of each cell that is not void. The older ones stay, and what they cost stays spent."""
    cell = ["experiment", "kind", "task", "profile", "repeat", "imported"]
    valid = attempts.loc[~attempts["void"]]
    newest = valid.sort_values("attempt").drop_duplicates(cell, keep="last").index
    attempts["counts"] = attempts.index.isin(newest)
    return attempts


def _frame(rows: list[Row], columns: Mapping[str, str]) -> pd.DataFrame:
    """Typed columns, present also where there is no row. Nullable types keep unknown apart from zero."""
    import pandas as pd

    values = zip(*rows, strict=True) if rows else ((),) * len(columns)
    return pd.DataFrame(
        {name: _column(value, kind) for (name, kind), value in zip(columns.items(), values, strict=True)}
    )


def _column(values: Sequence[Any], kind: str) -> Any:
    import numpy as np
    import pandas as pd

    if kind == "str":
        return pd.array(values, dtype="str")
    if kind in ("bool", "int64"):
        return np.array(values, dtype=kind)
    if kind == "Float64":
        floats = np.array(values, dtype="float64")  # None becomes NaN
        return pd.arrays.FloatingArray(floats, np.isnan(floats))
    missing = np.array([value is None for value in values], dtype=bool)
    if missing.any():
        values = [0 if value is None else value for value in values]
    if kind == "boolean":
        return pd.arrays.BooleanArray(np.array(values, dtype=bool), missing)
    return pd.arrays.IntegerArray(np.array(values, dtype="int64"), missing)
