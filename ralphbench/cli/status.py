"""`ralphbench status`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ralphbench.cli.options import experiment_argument, results_option

if TYPE_CHECKING:
    from ralphbench.ui import Standing


@click.command()
@experiment_argument
@click.option("--json", "as_json", is_flag=True, help="As JSON; the schema is in docs/schemas.md.")
@results_option
def status(experiment: str, as_json: bool, results: Path) -> None:
    """Cells by state, the running stages, what was spent so far, how much time is left. Also from another terminal."""
    from ralphbench.ui import experiment_record, standing

    found = standing(experiment_record(results, experiment))
    if as_json:
        click.echo(_json(found))
        return
    from rich.markup import escape

    from ralphbench.cli import texts
    from ralphbench.cli.live import describe
    from ralphbench.cli.terminal import console, write_line
    from ralphbench.ui import verdict_text

    screen = console()
    who = f"run by {escape(str(found.owner))}" if found.owner is not None else "nobody runs it now"
    write_line(screen, f"[bold]{found.experiment}[/bold]: {who}")
    states = ", ".join(f"{count} {name}" for name, count in found.states.items())
    write_line(screen, f"cells       {states} (of {found.total})")
    for running in found.running:
        what = "plan for all" if running.plan else "running"
        about = describe(running.progress, running.limits)
        write_line(screen, escape(f"{what:<12}{running.cell} a{running.attempt}: {about}"))
    screen.print(
        f"spent       {texts.seconds(found.spent_seconds)}, {texts.count(found.spent_tokens)} tokens, "
        f"{texts.money(found.spent_cost)}",
        highlight=False,
    )
    write_line(screen, f"time left   {_time_left(found)}")
    if found.unequal_limits:
        write_line(screen, f"[yellow]![/yellow] {escape(texts.unequal(found.unequal_limits))}")
    for result in found.last:
        write_line(screen, escape(f"lately      {result.cell}: {verdict_text(result)}"))


def _time_left(found: Standing) -> str:
    """From the cells that are done; before the first one is, what the limits allow."""
    from ralphbench.cli import texts

    seconds = found.seconds_left()
    if seconds == 0 and not found.running:
        return "none"
    if seconds is not None or found.most_seconds is None:
        return f"about {texts.seconds(seconds)}"
    most = texts.seconds(found.most_seconds)
    return f"at most {most} on the contenders' clocks, one after the other (no cell has ended yet)"


def _json(found: Standing) -> str:
    from ralphbench.model import codec

    return codec.pretty(
        {
            "schema": "ralphbench.status/1",
            "experiment": found.experiment,
            "running_process": None if found.owner is None else found.owner.pid,
            "states": dict(found.states),
            "total": found.total,
            "running": [
                {
                    "cell": codec.builtins(r.cell),
                    "attempt": r.attempt,
                    "plan": r.plan,
                    "limits": None if r.limits is None else codec.builtins(r.limits),
                    "stage": r.progress.stage,
                    "iteration": r.progress.iteration,
                    "accepted": r.progress.accepted,
                    "tickets": r.progress.tickets,
                    "input_tokens": r.progress.spent.input,
                    "output_tokens": r.progress.spent.output,
                    "cost": r.progress.spent.cost,
                    "tokens_per_second": r.progress.rate,
                    "elapsed": r.progress.elapsed(),
                    "last": r.progress.last,
                }
                for r in found.running
            ],
            "spent": {"seconds": found.spent_seconds, "tokens": found.spent_tokens, "cost": found.spent_cost},
            "seconds_left": found.seconds_left(),
            "seconds_left_at_most": found.most_seconds,
            "unequal_limits": list(found.unequal_limits),
        }
    ).decode()
