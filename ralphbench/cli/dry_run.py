"""`ralphbench run --dry-run`: every effective value, its origin, the cells in order, what would be spent at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from ralphbench.cli import texts

if TYPE_CHECKING:
    from ralphbench.model import Experiment, ModelRef


@dataclass(frozen=True, slots=True)
class WorstCase:
    """Upper bounds over all cells. None: no cap says."""

    cells: int
    seconds: float
    cost: float | None
    tokens: int | None
    calls: int | None
    unpriced: tuple[ModelRef, ...]
    """Models that are not known to be free."""


def worst_case(experiment: Experiment) -> WorstCase:
    from ralphbench.endpoints import is_local, load_endpoint
    from ralphbench.schedule import cells_in_order, stage_models

    cells = cells_in_order(experiment)
    limits = [experiment.limits_of(cell.profile) for cell in cells]
    endpoints = {name: load_endpoint(spec) for name, spec in experiment.endpoints.items()}
    models = {model.model for _, model in stage_models(experiment)}
    paid = {ref for ref in models if not is_local(endpoints[ref.endpoint], ref.model)}
    costs = [limit.cost for limit in limits]
    tokens, calls = [limit.tokens for limit in limits], [limit.calls for limit in limits]
    return WorstCase(
        cells=len(cells),
        seconds=sum(limit.wall_time for limit in limits),
        cost=0.0 if not paid else None if None in costs else sum(c for c in costs if c is not None),
        tokens=None if None in tokens else sum(t for t in tokens if t is not None),
        calls=None if None in calls else sum(c for c in calls if c is not None),
        unpriced=tuple(sorted(paid, key=str)),
    )


def print_dry_run(experiment: Experiment) -> None:
    from rich.markup import escape
    from rich.table import Table

    from ralphbench.cli.terminal import console, write_line
    from ralphbench.config import explain
    from ralphbench.schedule import cells_in_order

    screen = console()
    table = Table(title=f"{experiment.name}: every effective value", title_justify="left", pad_edge=False)
    for name in ("key", "value", "from"):
        table.add_column(name, overflow="fold")
    for row in explain(experiment):
        table.add_row(escape(row.key), escape(row.value), escape(row.origin))
    screen.print(table)
    for warning in experiment.warnings:
        write_line(screen, f"[yellow]![/yellow] {escape(warning)}")
    screen.print("\n[bold]cells, in order[/bold]")
    for number, cell in enumerate(cells_in_order(experiment), 1):
        write_line(screen, f"{number:>4}  {escape(str(cell))}")
    _print_bound(worst_case(experiment))


def _print_bound(bound: WorstCase) -> None:
    def said(value: float | None, text: str) -> str:
        return text if value is not None else "not bounded (no such limit)"

    click.echo("\nat most, with every cell at its limits:")
    click.echo(f"  {bound.cells} cells, {texts.seconds(bound.seconds)} on the contenders' clocks (one after the other)")
    click.echo(f"  tokens  {said(bound.tokens, texts.count(bound.tokens))}")
    click.echo(f"  calls   {said(bound.calls, texts.count(bound.calls))}")
    paid = f"  (not local: {', '.join(map(str, bound.unpriced))})" if bound.unpriced else ""
    click.echo(f"  cost    {said(bound.cost, texts.money(bound.cost))}{paid}")
    click.echo("nothing was started.")
