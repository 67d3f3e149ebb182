"""`ralphbench show`: one attempt, from its record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ralphbench.cli.options import complete_profile, experiment_argument, results_option, task_option

if TYPE_CHECKING:
    from ralphbench.ui import AttemptView

SCHEMA = "ralphbench.attempt/2"


@click.command()
@experiment_argument
@click.argument("profile", shell_complete=complete_profile)
@task_option
@click.option("--repeat", "-r", type=int, help="Which repeat.  [default: the first]")
@click.option("--attempt", "-a", type=int, help="Which attempt.  [default: the latest]")
@click.option("--diff", is_flag=True, help="The whole patch, base to the final commit.")
@click.option("--calls", is_flag=True, help="Every model call.")
@click.option("--json", "as_json", is_flag=True, help="As JSON; the schema is in docs/schemas.md.")
@results_option
def show(
    experiment: str,
    profile: str,
    tasks: tuple[str, ...],
    repeat: int | None,
    attempt: int | None,
    diff: bool,
    calls: bool,
    as_json: bool,
    results: Path,
) -> None:
    """One attempt: timeline, tickets, gates, calls, diff, where the logs are."""
    from ralphbench.ui import find_attempts, view_attempt

    folders = find_attempts(results, experiment, profile, tasks, repeat, attempt)
    if as_json:
        from ralphbench.model import codec

        document = {"schema": SCHEMA, "attempts": [view_attempt(folder).as_dict() for folder in folders]}
        click.echo(codec.pretty(document), nl=False)
        return
    for folder in folders:
        view = view_attempt(folder)
        if diff:
            click.echo(view.patch(), nl=False)
        else:
            _print(view, calls)


def _print(view: AttemptView, calls: bool) -> None:
    from rich.markup import escape

    from ralphbench.cli import attempt_tables as tables
    from ralphbench.cli.terminal import console, write_line

    screen = console()
    write_line(screen, f"[bold]{escape(view.title)}[/bold]")
    for line in tables.summary_lines(view):
        write_line(screen, line)
    parts: list[Any] = [tables.timeline(view), tables.tickets(view)]
    if view.gates:
        parts.append(tables.gates(view))
    parts.append(tables.call_table(view) if calls else tables.call_summary(view))
    for part in parts:
        screen.print()
        screen.print(part)
    screen.print()
    for name, path in view.paths():
        write_line(screen, escape(f"{name:<12}{path}"))
