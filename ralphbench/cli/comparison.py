"""The comparison as tables for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from ralphbench.cli import texts

if TYPE_CHECKING:
    from ralphbench.analysis import Comparison, Leader, ProfileRow

Column = tuple[str, str, "Callable[[ProfileRow], str]"]


def _resolved(row: ProfileRow) -> str:
    return texts.of(row.resolved, row.judged)


def _claimed(row: ProfileRow) -> str:
    return texts.of(row.claimed, row.claims) if row.claims else "-"


def _endings(row: ProfileRow) -> str:
    parts = []
    for name, number in row.endings.items():
        cause = f" ({'/'.join(row.causes)})" if name == "failures" and row.causes else ""
        parts.append(f"{name}{cause}" + (f" ×{number}" if number > 1 else ""))
    return ", ".join(parts) or "-"


COLUMNS: tuple[Column, ...] = (
    ("profile", "left", lambda r: r.profile),
    ("resolved", "right", _resolved),
    ("score", "right", lambda r: texts.UNKNOWN if r.score is None else f"{r.score:.2f}"),
    ("claimed", "right", _claimed),
    ("tickets", "right", lambda r: texts.of(r.accepted, r.tickets)),
    ("iterations", "right", lambda r: texts.number(r.iterations)),
    ("wall", "right", lambda r: texts.seconds(r.time.wall)),
    ("model", "right", lambda r: texts.seconds(r.time.model)),
    ("tokens in", "right", lambda r: texts.count(r.tokens.input)),
    ("out", "right", lambda r: texts.count(r.tokens.output)),
    ("tok/s", "right", lambda r: texts.rate(r.tokens_per_second)),
    ("local", "right", lambda r: texts.share(r.local_calls, r.calls)),
    ("cost", "right", lambda r: texts.money(r.cost)),
    ("cost/resolved", "right", lambda r: texts.money(r.cost_per_resolved) if r.resolved else "-"),
    ("ended as", "left", _endings),
)

LEGEND = (
    "resolved: every gate passes, judged from outside, of the attempts judged · score: mean share of goal weight that "
    "passes · claimed: attempts that their own reviewer called complete, of those where it said anything · "
    "tickets: accepted of planned · wall, model: mean of an attempt · tok/s: output tokens over model time · "
    "local: share of calls served on this machine's side · ?: unknown, which is not zero"
)


def comparison_table(comparison: Comparison, title: str) -> Table:
    several = len({r.experiment for r in comparison.rows}) > 1
    table = Table(title=title, title_justify="left", pad_edge=False)
    if several:
        table.add_column("experiment")
    for name, justify, _ in COLUMNS:
        table.add_column(name, justify="right" if justify == "right" else "left", overflow="fold")
    before = None
    for row in comparison.rows:
        if several and before is not None and before != row.experiment:
            table.add_section()
        before = row.experiment
        cells = [value(row) for _, _, value in COLUMNS]
        table.add_row(*([row.experiment, *cells] if several else cells), style=_style(row))
    return table


def _style(row: ProfileRow) -> str:
    if row.judged and row.resolved == row.judged:
        return "green"
    return "yellow" if row.overclaimed else ""


def stage_table(rows: Iterable[ProfileRow]) -> Table:
    table = Table(title="by stage", title_justify="left", pad_edge=False)
    for name in ("profile", "stage"):
        table.add_column(name)
    for name in ("runs", "done", "time", "calls", "local", "tokens in", "out", "cost", "truncated"):
        table.add_column(name, justify="right")
    table.add_column("other endings")
    for row in rows:
        for line in row.stages:
            others = ", ".join(f"{name} ×{n}" for name, n in line.endings.items() if name != "done") or "-"
            table.add_row(
                row.profile,
                line.stage,
                str(line.runs),
                str(line.done),
                texts.seconds(line.seconds),
                str(line.calls),
                texts.share(line.local_calls, line.calls),
                texts.count(line.input),
                texts.count(line.output),
                texts.money(line.cost),
                texts.number(line.truncated),
                others,
            )
        table.add_section()
    return table


def gate_table(rows: Iterable[ProfileRow]) -> Table:
    """Gates × profiles: passed of judged."""
    rows = list(rows)
    table = Table(title="gates: passed of judged", title_justify="left", pad_edge=False)
    table.add_column("gate")
    for row in rows:
        table.add_column(row.profile, justify="right")
    for gate in dict.fromkeys(name for row in rows for name in row.gates):
        cells = [texts.of(*row.gates[gate]) if gate in row.gates else "-" for row in rows]
        table.add_row(gate, *cells)
    return table


def work_table(rows: Iterable[ProfileRow]) -> Table:
    """What the predecessor's further sections showed: time split, cache, quota, lines and commits."""
    table = Table(title="time, quota and code", title_justify="left", pad_edge=False)
    table.add_column("profile")
    names = ("wall", "model", "tools", "gates", "harness", "waiting", "cached", "reasoning", "cloud calls")
    for name in (
        *names,
        "cloud tokens",
        "local tokens",
        "retries",
        "truncated",
        "commits",
        "+lines",
        "-lines",
        "tampered",
    ):
        table.add_column(name, justify="right")
    for row in rows:
        tokens = None if row.tokens.input is None or row.tokens.output is None else row.tokens.input + row.tokens.output
        cloud = None if tokens is None or row.local_tokens is None else tokens - row.local_tokens
        parts = (row.time.wall, row.time.model, row.time.tools, row.time.gates, row.time.harness, row.time.waiting)
        table.add_row(
            row.profile,
            *(texts.seconds(part) for part in parts),
            texts.share(row.tokens.cache_read, row.tokens.input),
            texts.count(row.tokens.reasoning),
            texts.number(row.cloud_calls),
            texts.count(cloud),
            texts.count(row.local_tokens),
            texts.number(row.retries),
            texts.number(row.truncated),
            texts.number(row.commits),
            texts.number(row.lines_added),
            texts.number(row.lines_removed),
            str(row.tampered),
        )
    return table


def leader_table(found: Sequence[Leader], experiment: str) -> Table:
    """Who leads in what. No single winner: that depends on what is wanted."""
    table = Table(title=f"{experiment}: who leads (counts, not certainty)", title_justify="left", pad_edge=False)
    for name in ("question", "profile", "figure"):
        table.add_column(name, overflow="fold")
    for leader in found:
        table.add_row(leader.question, ", ".join(leader.profiles) or texts.UNKNOWN, _figure(leader))
    return table


def _figure(leader: Leader) -> str:
    if leader.figure is None:
        return texts.UNKNOWN
    if "cost" in leader.question:
        return texts.money(leader.figure)
    if "fastest" in leader.question:
        return texts.seconds(leader.figure)
    share = leader.question in ("most resolved", "best score")
    return f"{leader.figure:.2f}" if share else f"{leader.figure:.0f}"
