"""`ralphbench analyze`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ralphbench.cli.options import complete_experiment, results_option

if TYPE_CHECKING:
    from ralphbench.analysis import ProfileRow


@click.command()
@click.argument("experiments", nargs=-1, required=True, shell_complete=complete_experiment)
@click.option("--all", "everything", is_flag=True, help="Also by stage, the gate matrix, time and quota.")
@click.option("--json", "as_json", is_flag=True, help="As JSON; the schema is in docs/schemas.md.")
@click.option("--csv", "as_csv", is_flag=True, help="One line a profile.")
@click.option("--score", type=click.Choice(["legacy"]), help="Add the predecessor's composite score, with a warning.")
@results_option
def analyze(
    experiments: tuple[str, ...], everything: bool, as_json: bool, as_csv: bool, score: str | None, results: Path
) -> None:
    """Compare the profiles of one or more experiments; two experiments are never merged."""
    from ralphbench.analysis import LEGACY_WARNING, compare, legacy_scores, load, to_csv, to_json
    from ralphbench.errors import UsageError
    from ralphbench.ui import experiment_record

    if as_json and as_csv:
        raise UsageError("--json and --csv are two forms of the same figures", remedy="give one of them")
    folders = [experiment_record(results, name).path for name in experiments]
    if not as_json and not as_csv:
        print_comparison(folders, everything=everything, legacy=score == "legacy")
        return
    comparison = compare(load(folders))
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


def print_comparison(folders: Sequence[Path], *, everything: bool = False, legacy: bool = False) -> None:
    """The tables, what they mean, and first what must be known before reading them."""
    from rich.markup import escape

    from ralphbench.analysis import LEGACY_WARNING, compare, leaders, legacy_scores, load
    from ralphbench.cli import comparison as tables
    from ralphbench.cli.terminal import console, write_line

    comparison = compare(load(folders))
    screen = console()
    screen.print()
    screen.print(tables.comparison_table(comparison, " · ".join(folder.name for folder in folders)))
    for warning in comparison.warnings:
        write_line(screen, f"[yellow]![/yellow] {escape(warning)}")
    if everything:
        for table in (tables.stage_table, tables.gate_table, tables.work_table):
            screen.print()
            screen.print(table(comparison.rows))
        for folder in folders:
            rows = [row for row in comparison.rows if row.experiment == folder.name]
            if len(rows) > 1:
                screen.print()
                screen.print(tables.leader_table(leaders(rows), folder.name))
    if legacy:
        write_line(screen, f"\n[yellow]![/yellow] {LEGACY_WARNING}")
        for (experiment, profile), value in legacy_scores(comparison.rows).items():
            write_line(screen, f"  {experiment} {profile}: {'?' if value is None else f'{value:.2f}'}")
    write_line(screen, f"[dim]{escape(tables.LEGEND)}[/dim]")
