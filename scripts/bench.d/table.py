"""Rows of the courses as a table: what | ours | baseline | ratio | bound | verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

HEADS = ("what", "ours", "baseline", "ratio", "bound", "verdict")
_OURS = {"ours", "ratio", "over_litellm", "met"}


def lines(row: dict[str, Any]) -> tuple[str, ...]:
    """One row as six texts. A figure that is not there is a dash."""
    what, _, unit = str(row["what"]).rpartition(", ")
    if not what or len(unit) > 3:
        what, unit = str(row["what"]), ""
    baselines = [f"{name} {figure(value)}" for name, value in row.items() if _is_baseline(name, value)]
    ours = figure(row.get("ours"))
    return (
        what,
        f"{ours} {unit}".strip() if ours != "-" else ours,
        ", ".join(baselines) or "-",
        _ratio(row),
        "-" if row["limit"] == "none" else str(row["limit"]),
        _verdict(row),
    )


def _is_baseline(name: str, value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and name not in _OURS and not name.endswith("_lost") and name != "direct"


def _ratio(row: dict[str, Any]) -> str:
    ratios = [] if row.get("ratio") is None else [f"{row['ratio']:.2f}"]
    if (over := row.get("over_litellm")) is not None:
        ratios.append(f"{over:.0f} x litellm")
    return ", ".join(ratios) or "-"


def _verdict(row: dict[str, Any]) -> str:
    if row["limit"] == "none" or row.get("met") is None:
        return "-"
    return "meets" if row["met"] else "MISSES"


def figure(value: Any) -> str:
    """Three digits that count."""
    if value is None:
        return "-"
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def markdown(rows: Iterable[dict[str, Any]]) -> str:
    table = [HEADS, ("---",) * len(HEADS), *map(lines, rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in table)


def plain(row: dict[str, Any]) -> str:
    """A row as lines for a terminal."""
    what, ours, baseline, ratio, bound, verdict = lines(row)
    beside: Sequence[str] = [
        "" if baseline == "-" else f"beside {baseline}",
        "" if ratio == "-" else f"ratio {ratio}",
        "" if bound == "-" else f"bound {bound}",
    ]
    mark = {"meets": "meets ", "MISSES": "MISSES", "-": "      "}[verdict]
    return f"{mark}  {what}: {ours}; {'; '.join(part for part in beside if part)}".rstrip("; ")
