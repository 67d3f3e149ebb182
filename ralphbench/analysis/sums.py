"""Sums and means of columns in which a part may be unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def total(column: pd.Series[Any]) -> float | None:
    """None where a part is unknown, or there is nothing to add."""
    if not len(column) or column.isna().any():
        return None
    return float(column.sum())


def whole(column: pd.Series[Any]) -> int | None:
    found = total(column)
    return None if found is None else int(found)


def mean(column: pd.Series[Any]) -> float | None:
    known = column.dropna()
    return float(known.mean()) if len(known) else None


def rate(stages: pd.DataFrame) -> float | None:
    known = stages[stages["output"].notna() & (stages["model_seconds"] > 0)]
    seconds = float(known["model_seconds"].sum())
    return float(known["output"].sum()) / seconds if seconds else None


def counts(column: pd.Series[Any]) -> dict[str, int]:
    return {str(name): int(count) for name, count in column.value_counts().items()}
