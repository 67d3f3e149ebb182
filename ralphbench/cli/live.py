"""The live table of a run."""

from __future__ import annotations

from collections.abc import Sequence

from ralphbench.cli import texts
from ralphbench.cli.fitting import Column, Fitted
from ralphbench.model import AttemptSpec, Limits
from ralphbench.ui import Progress

_COLUMNS = (
    Column("profile", least=10),
    Column("task", least=12),
    Column("stage", least=11, one_line=True),
    Column("iteration"),
    Column("tickets"),
    Column("tokens in", spare=3),
    Column("out", spare=4),
    Column("tok/s", spare=5),
    Column("cost", spare=1),
    Column("elapsed"),
    Column("last event", least=12, spare=2, one_line=True),
)


def live_table(running: Sequence[tuple[AttemptSpec, Progress]], waiting: int) -> Fitted:
    """One line a running cell."""
    unequal = sorted({spec.cell.profile for spec, _ in running if spec.unequal_limits})
    notes = [texts.unequal(unequal)] if unequal else []
    caption = " · ".join([*notes, f"{waiting} cells wait", "Ctrl-C stops cleanly"])
    return Fitted(_COLUMNS, [_row(spec, progress) for spec, progress in running], caption=caption)


def _row(spec: AttemptSpec, progress: Progress) -> list[str]:
    limits = spec.limits
    repeat = f" r{spec.cell.repeat}" if spec.cell.repeat > 1 else ""
    return [
        spec.cell.profile,
        f"{spec.cell.task}{repeat}" + (" (plan)" if spec.mode == "plan" else ""),
        progress.stage or "-",
        f"{progress.iteration}/{limits.iterations}",
        texts.of(progress.accepted, progress.tickets),
        texts.count(progress.spent.input),
        texts.count(progress.spent.output),
        texts.rate(progress.rate),
        texts.money(progress.spent.cost),
        f"{texts.seconds(progress.elapsed())}/{texts.seconds(limits.wall_time)}",
        progress.last[:60],
    ]


def plain_line(spec: AttemptSpec, progress: Progress) -> str:
    """The same, where there is no terminal."""
    own = " (limits of its own)" if spec.unequal_limits else ""
    return f"{spec.cell}{own}: {describe(progress, spec.limits)}"


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
