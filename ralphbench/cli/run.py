"""`ralphbench run`."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ralphbench.cli.options import (
    experiment_argument,
    experiments_option,
    profile_option,
    results_option,
    specs_option,
    task_option,
)

if TYPE_CHECKING:
    from ralphbench.model import Experiment
    from ralphbench.schedule import Listener, RunReport


@click.command()
@experiment_argument
@profile_option
@task_option
@click.option("--repeats", type=click.IntRange(1), help="Repeats; finished cells stay.")
@click.option("--jobs", "-j", type=click.IntRange(1), default=1, show_default=True, help="Attempts at once.")
@click.option("--sandbox", help="Kind of sandbox, in place of the experiment's.")
@click.option("--agent", help="Run every stage through this agent, in place of the profiles'.")
@click.option(
    "--dry-run", is_flag=True, help="Every effective value, its origin, the cells in order; nothing is started."
)
@click.option("--smoke", is_flag=True, help="One iteration a profile: does everything answer, how fast.")
@click.option("--fresh", is_flag=True, help="New attempts for all cells; the old ones stay.")
@click.option("--rerun-stale", is_flag=True, help="New attempts for cells that were recorded under another identity.")
@click.option("--keep-worktrees", is_flag=True, help="Leave the worktrees of finished attempts.")
@click.option("--yes", "-y", is_flag=True, help="Ask nothing.")
@experiments_option
@specs_option
@results_option
def run(
    experiment: str,
    profiles: tuple[str, ...],
    tasks: tuple[str, ...],
    repeats: int | None,
    jobs: int,
    sandbox: str | None,
    agent: str | None,
    dry_run: bool,
    smoke: bool,
    fresh: bool,
    rerun_stale: bool,
    keep_worktrees: bool,
    yes: bool,
    experiments: Path,
    specs: Path | None,
    results: Path,
) -> None:
    """Run an experiment, or go on with it where it stopped.

    Ctrl-C once finishes nothing new and stops at the next event; twice stops now; three times leaves at once. The same
    command again goes on. Every attempt is kept.
    """
    from ralphbench.config import Overrides, load_experiment
    from ralphbench.schedule import RunOptions, with_agent

    overrides = Overrides(
        profiles=profiles,
        tasks=tasks,
        repeats=repeats,
        sandbox=sandbox,
        specs=() if specs is None else (specs,),
        results=results.resolve(),
    )
    resolved = load_experiment(experiment, root=experiments, overrides=overrides)
    if agent is not None:
        resolved = with_agent(resolved, agent)
    if dry_run:
        from ralphbench.cli.dry_run import print_dry_run

        print_dry_run(resolved)
        return
    whole = resolved
    if smoke:
        resolved = _smoke(resolved)
    options = RunOptions(
        jobs=jobs,
        fresh=fresh or smoke,
        rerun_stale=rerun_stale,
        mode="smoke" if smoke else "full",
        keep_workspaces=keep_worktrees,
    )
    _confirm(resolved, yes)
    report = _run(resolved, options, ask=not yes)
    if smoke:
        from ralphbench.cli.smoke import print_smoke

        print_smoke(resolved, report, whole)
        return
    _conclude(resolved, report)


def _smoke(experiment: Experiment) -> Experiment:
    """Each profile once on the first task, in a record of its own: it is no evidence of anything but that it answers."""
    return dataclasses.replace(experiment, name=f"{experiment.name}.smoke", tasks=experiment.tasks[:1], repeats=1)


def _confirm(experiment: Experiment, yes: bool) -> None:
    """Money is spent only after a yes, where somebody can be asked."""
    from ralphbench.cli.dry_run import worst_case

    cloud = sorted({m.endpoint for m in worst_case(experiment).unpriced})
    if not cloud or yes or not sys.stdin.isatty():
        return
    if experiment.limits.cost is None:
        click.echo(f"{', '.join(cloud)} may cost money and the experiment has no `limits.cost`.", err=True)
        click.confirm("Run it all the same?", abort=True, err=True)


def _run(experiment: Experiment, options: object, *, ask: bool) -> RunReport:
    """Run; cells recorded under another identity are asked about where somebody can answer."""
    from ralphbench.errors import StaleRecord
    from ralphbench.schedule import RunOptions, StopButton, run_experiment, user_places

    assert isinstance(options, RunOptions)
    try:
        with StopButton(last_words=_show_cursor).installed() as stop, _listener() as listener:
            return run_experiment(experiment, options, user_places(), listener, stop)
    except StaleRecord as stale:
        if not ask or not sys.stdin.isatty():
            raise
        click.echo(str(stale), err=True)
        click.confirm(stale.question, abort=True, err=True)
        return _run(experiment, dataclasses.replace(options, rerun_stale=True), ask=False)


def _show_cursor() -> None:
    """The live table hides it, and does not come to its end where the third Ctrl-C leaves at once."""
    if sys.stdout.isatty():
        os.write(sys.stdout.fileno(), b"\x1b[?25h\n")


@contextlib.contextmanager
def _listener() -> Iterator[Listener]:
    from ralphbench.cli.live import live_table, plain_line
    from ralphbench.ui import LiveListener, PlainListener

    if not sys.stdout.isatty():
        yield PlainListener(click.echo, plain_line)
        return
    from rich.console import Console

    with LiveListener(Console(), live_table) as live:
        yield live


def _conclude(experiment: Experiment, report: RunReport) -> None:
    """The comparison, what could not be done, and what to type next."""
    from ralphbench.cli.concluding import show_comparison
    from ralphbench.cli.next_line import other_command, same_command

    show_comparison(experiment.results / experiment.name)
    for cell in report.exhausted:
        click.echo(f"void too often: {cell}  (when what failed it is mended, the same command tries it again)")
    for cell, why in report.unjudged.items():
        click.echo(f"not judged: {cell}: {why}  (its work is kept; when that is mended, the same command judges it)")
    click.echo()
    if report.done < report.total:
        click.echo(f"{report.done} of {report.total} cells are done. Go on with:   {same_command()}")
        raise SystemExit(130 if report.stopped else 4)
    worst = next((r for r in report.results if r.verdict is not None and not r.verdict.resolved), None)
    if worst is not None:
        cell = worst.cell
        show = other_command("show", experiment.name, cell.profile, "--task", cell.task)
        click.echo(f"Look at one:   {show}")
    click.echo(f"All figures:   {other_command('analyze', experiment.name, '--all')}")
