"""`ralphbench plan`."""

from __future__ import annotations

from pathlib import Path

import click

from ralphbench.cli.options import (
    complete_profile,
    experiment_argument,
    experiments_option,
    results_option,
    specs_option,
    task_option,
)


@click.command()
@experiment_argument
@click.option("--by", "planner", required=True, shell_complete=complete_profile, help="The profile that plans.")
@task_option
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Where to write it.  [default: print]",
)
@experiments_option
@specs_option
@results_option
def plan(
    experiment: str,
    planner: str,
    tasks: tuple[str, ...],
    output: Path | None,
    experiments: Path,
    specs: Path | None,
    results: Path,
) -> None:
    """The plan alone, by one profile, to read, edit and share: `plan: {shared: {file: <absolute path>}}`.

    What it cost is recorded and charged to that profile.
    """
    from ralphbench.cli.live import plain_line
    from ralphbench.config import Overrides, load_experiment
    from ralphbench.errors import UsageError
    from ralphbench.record import require_writable
    from ralphbench.schedule import RunOptions, StopButton, run_plans, user_places
    from ralphbench.ui import PlainListener

    overrides = Overrides(
        profiles=(planner,), tasks=tasks, specs=() if specs is None else (specs,), results=results.resolve()
    )
    resolved = load_experiment(experiment, root=experiments, overrides=overrides)
    if len(resolved.tasks) > 1:
        names = ", ".join(task.name for task in resolved.tasks)
        raise UsageError(f"a plan is for one task, {resolved.name} has {names}", remedy="add --task <one of them>")
    if output is not None and not _is_stream(output):
        require_writable(output.resolve())  # before the plan is paid for
    listener = PlainListener(lambda text: click.echo(text, err=True), plain_line)
    with StopButton().installed() as stop:
        path = run_plans(resolved, planner, RunOptions(mode="plan"), user_places(), listener, stop)
    text = path.read_text(encoding="utf-8")
    if output is None:
        click.echo(text, nl=False)
        return
    _write(output, text)
    click.echo(f"wrote {output}; share it by   plan: {{shared: {{file: {output.resolve()}}}}}", err=True)


def _is_stream(output: Path) -> bool:
    """A pipe or a device, e.g. /dev/stdout: it is written to, never replaced."""
    return output.exists() and not output.is_file()


def _write(output: Path, text: str) -> None:
    from ralphbench.record import atomic_write

    if _is_stream(output):
        output.write_text(text, encoding="utf-8")
    else:
        atomic_write(output.resolve(), text.encode("utf-8"))
