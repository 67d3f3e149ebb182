"""`ralphbench analyze`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ralphbench.cli.options import complete_experiment, results_option

if TYPE_CHECKING:
    from rich.console import Console

    from ralphbench.analysis import ProfileRow

_ROOM = 1000
"""Characters where there is no terminal: every column has its place."""


@click.command()
@click.argument("experiments", nargs=-1, required=True, shell_complete=complete_experiment)
@click.option("--all", "everything", is_flag=True, help="Also by stage, the gate matrix, time and quota.")
@click.option("--json", "as_json", is_flag=True, help="As JSON; the schema is in docs/schemas.md.")
@click.option("--csv", "as_csv", is_flag=True, help="One line a profile.")
@click.option("--score", type=click.Choice(["legacy"]), help="Add the predecessor's composite score, with a warning.")
@click.option("--rebuild", is_flag=True, help="Read every result anew, not the Parquet that was made of them earlier.")
@results_option
def analyze(
    experiments: tuple[str, ...],
    everything: bool,
    as_json: bool,
    as_csv: bool,
    score: str | None,
    rebuild: bool,
    results: Path,
) -> None:
    """Compare the profiles of one or more experiments; two experiments are never merged."""
    from ralphbench.analysis import LEGACY_WARNING, compare_records, legacy_scores, to_csv, to_json
    from ralphbench.errors import UsageError
    from ralphbench.ui import experiment_record

    if as_json and as_csv:
        raise UsageError("--json and --csv are two forms of the same figures", remedy="give one of them")
    folders = [experiment_record(results, name).path for name in experiments]
    if not as_json and not as_csv:
        print_comparison(folders, everything=everything, legacy=score == "legacy", rebuild=rebuild)
        return
    comparison = compare_records(folders, rebuild=rebuild)
    legacy = legacy_scores(comparison.rows) if score == "legacy" else None
    if legacy is not None:
        click.echo(f"warning: {LEGACY_WARNING}", err=True)
    if as_csv:
        scores = None if legacy is None else [legacy[row.experiment, row.name] for row in comparison.rows]
        click.echo(to_csv(comparison, scores), nl=False)
        return
    click.echo(to_json(comparison, None if legacy is None else {"legacy_score": _scores(comparison.rows, legacy)}))


def _scores(rows: Sequence[ProfileRow], scores: Mapping[tuple[str, str], float | None]) -> list[dict[str, Any]]:
    return [
        {
            "experiment": r.experiment,
            "profile": r.profile,
            "imported": r.imported,
            "score": scores[r.experiment, r.name],
        }
        for r in rows
    ]


def print_comparison(
    folders: Sequence[Path], *, everything: bool = False, legacy: bool = False, rebuild: bool = False
) -> None:
    """The table, what must be known before reading it, and what its columns mean."""
    from rich.markup import escape

    from ralphbench.analysis import compare_records
    from ralphbench.cli.comparison import comparison_table, legend
    from ralphbench.cli.terminal import console, write_line

    comparison = compare_records(folders, rebuild=rebuild)
    screen = console()
    if not screen.is_terminal:
        screen.width = _ROOM
    fitted = comparison_table(comparison.rows)
    screen.print()
    for setting in comparison.experiments:
        question = f": {escape(setting.question)}" if setting.question else ""
        write_line(screen, f"[italic][bold]{escape(setting.experiment)}[/bold]{question}[/italic]")
    screen.print(fitted)
    for warning in comparison.warnings:
        write_line(screen, f"[yellow]![/yellow] {escape(warning)}")
    shown = [str(column.header) for column in fitted.table(screen.width).columns]
    write_line(screen, f"[dim]{escape(legend(shown))}[/dim]")
    if everything:
        _print_further(screen, comparison.rows)
        write_line(screen, "\n[dim]What each column means: docs/tables.md[/dim]")
    if legacy:
        _print_legacy(screen, comparison.rows)


def _print_further(screen: Console, rows: Sequence[ProfileRow]) -> None:
    from ralphbench.analysis import guide, leaders
    from ralphbench.cli.further_tables import further_tables, leader_table
    from ralphbench.cli.terminal import write_line

    for experiment in dict.fromkeys(row.experiment for row in rows):
        mine = [row for row in rows if row.experiment == experiment]
        found = list(further_tables(mine, screen.width))
        if len(mine) > 1:
            found.append(("who leads (counts, not certainty)", leader_table(leaders(mine), "question")))
            found.append(("which one to take", leader_table(guide(mine), "if")))
        for heading, table in found:
            write_line(screen, f"\n[italic]{experiment}: {heading}[/italic]")
            screen.print(table)


def _print_legacy(screen: Console, rows: Sequence[ProfileRow]) -> None:
    from ralphbench.analysis import LEGACY_WARNING, legacy_scores
    from ralphbench.cli.terminal import write_line

    write_line(screen, f"\n[yellow]![/yellow] {LEGACY_WARNING}")
    for (experiment, name), value in legacy_scores(rows).items():
        write_line(screen, f"  {experiment} {name}: {'?' if value is None else f'{value:.2f}'}")
