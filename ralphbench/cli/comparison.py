"""The comparison as a table for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ralphbench.cli import texts
from ralphbench.cli.fitting import Column, Fitted

if TYPE_CHECKING:
    from ralphbench.analysis import ProfileRow


@dataclass(frozen=True, slots=True)
class Figure:
    """A column of the comparison. `meaning` goes into the legend; `least` and `spare` are those of `fitting.Column`."""

    name: str
    of: Callable[[ProfileRow], str]
    meaning: str = ""
    spare: int = 0
    least: int | None = None
    counting: bool = False
    """Of the attempts that count: where there are none, there is nothing to say."""


def table_of(figures: Sequence[Figure], rows: Sequence[ProfileRow]) -> Fitted:
    """One line a row; where they are of several experiments, each experiment stands above its own."""
    several = len({row.experiment for row in rows}) > 1
    lines: list[list[str]] = []
    styles: list[str] = []
    sections = set()
    before = None
    for row in rows:
        if several and row.experiment != before:
            sections.add(len(lines) - 1)
            lines.append([row.experiment, *[""] * (len(figures) - 1)])
            styles.append("bold")
        before = row.experiment
        lines.append([_cell(figure, row) for figure in figures])
        styles.append(_style(row))
    columns = [Column(figure.name, figure.least, figure.spare) for figure in figures]
    return Fitted(columns, lines, styles, sections=frozenset(sections - {-1}))


def _cell(figure: Figure, row: ProfileRow) -> str:
    return "-" if figure.counting and not row.attempts else figure.of(row)


def _style(row: ProfileRow) -> str:
    if row.judged and row.resolved == row.judged:
        return "green"
    return "yellow" if row.overclaimed else ""


def _endings(row: ProfileRow) -> str:
    parts = []
    for name, number in row.endings.items():
        cause = f" ({'/'.join(row.causes)})" if name == "failures" and row.causes else ""
        parts.append(f"{name}{cause}" + (f" ×{number}" if number > 1 else ""))
    return ", ".join(parts) or "-"


NAME = Figure("profile", lambda r: r.name, least=20)
FIGURES = (
    NAME,
    Figure(
        "resolved",
        lambda r: texts.of(r.resolved, r.judged) if r.judged else texts.UNKNOWN,
        "attempts that pass every gate, judged from outside, of those judged",
        counting=True,
    ),
    Figure(
        "claimed",
        lambda r: texts.of(r.claimed, r.claims) if r.claims else "-",
        "attempts that their own reviewer called complete, of those in which it said anything",
    ),
    Figure(
        "score",
        lambda r: texts.UNKNOWN if r.score is None else f"{r.score:.2f}",
        "mean share of the goals' weight that passes",
        spare=1,
        counting=True,
    ),
    Figure(
        "tickets",
        lambda r: texts.of(r.accepted, r.tickets),
        "accepted of those that it planned itself",
        spare=4,
        counting=True,
    ),
    Figure("iterations", lambda r: texts.number(r.iterations), "build passes", spare=6, counting=True),
    Figure("wall", lambda r: texts.seconds(r.time.wall), "mean time of an attempt", spare=3, counting=True),
    Figure("model", lambda r: texts.seconds(r.time.model), "of it, with a model answering", spare=11, counting=True),
    Figure("tokens in", lambda r: texts.count(r.tokens.input), "cached ones too", spare=5),
    Figure("out", lambda r: texts.count(r.tokens.output), "tokens out", spare=10),
    Figure("tok/s", lambda r: texts.rate(r.tokens_per_second), "tokens out over the model's time", spare=9),
    Figure("local", lambda r: texts.share(r.local_calls, r.calls), "share of calls served on this side", spare=7),
    Figure("cost", lambda r: texts.money(r.cost), "of all attempts", spare=2),
    Figure(
        "cost/resolved",
        lambda r: texts.money(r.cost_per_resolved) if r.resolved else "-",
        "what was spent, also on what failed, over what was resolved",
        spare=8,
    ),
    Figure("ended as", _endings, "decided by the harness, never by a model", least=15),
)
SIGNS = "?: unknown, which is not zero · -: nothing to say · ×3: three attempts"


def comparison_table(rows: Sequence[ProfileRow]) -> Fitted:
    return table_of(FIGURES, rows)


def legend(shown: Iterable[str]) -> str:
    """What the columns mean that are shown."""
    names = set(shown)
    parts = [f"{figure.name}: {figure.meaning}" for figure in FIGURES if figure.meaning and figure.name in names]
    return " · ".join([*parts, SIGNS])
