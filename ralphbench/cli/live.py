"""The live table of a run."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from ralphbench.cli import texts
from ralphbench.model import AttemptSpec, Limits
from ralphbench.ui import Progress

_NAMES = ("stage", "iteration", "tickets", "tokens in", "out", "tok/s", "cost", "elapsed", "last event")


def live_table(running: Sequence[tuple[AttemptSpec, Progress]], waiting: int) -> Table:
    """One line a running cell."""
    table = Table(pad_edge=False, caption=f"{waiting} cells wait · Ctrl-C stops cleanly", caption_justify="left")
    table.add_column("profile")
    table.add_column("task")
    for name in _NAMES:
        table.add_column(name, justify="left" if name in ("stage", "last event") else "right", no_wrap=True)
    for spec, progress in running:
        limits = spec.limits
        repeat = f" r{spec.cell.repeat}" if spec.cell.repeat > 1 else ""
        table.add_row(
            spec.cell.profile,
            f"{spec.cell.task}{repeat}",
            progress.stage or "-",
            f"{progress.iteration}/{limits.iterations}",
            texts.of(progress.accepted, progress.tickets),
            texts.count(progress.spent.input),
            texts.count(progress.spent.output),
            texts.rate(progress.rate),
            texts.money(progress.spent.cost),
            f"{texts.seconds(progress.elapsed())}/{texts.seconds(limits.wall_time)}",
            escape(progress.last[:60]),
        )
    return table


def plain_line(spec: AttemptSpec, progress: Progress) -> str:
    """The same, where there is no terminal."""
    return f"{spec.cell}: {describe(progress, spec.limits)}"


def describe(progress: Progress, limits: Limits | None) -> str:
    """`limits` None: it is not known which ones it runs under."""
    spent = progress.spent
    iterations = texts.of(progress.iteration, None if limits is None else limits.iterations)
    wall_time = texts.seconds(None if limits is None else limits.wall_time)
    return (
        f"{progress.stage or 'starting'}, iteration {iterations}, "
        f"tickets {texts.of(progress.accepted, progress.tickets)}, "
        f"{texts.count(spent.input)} tokens in, {texts.count(spent.output)} out, {texts.rate(progress.rate)} tok/s, "
        f"{texts.money(spent.cost)}, {texts.seconds(progress.elapsed())}/{wall_time}, {progress.last}"
    )
