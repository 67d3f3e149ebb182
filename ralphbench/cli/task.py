"""`ralphbench task`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ralphbench.cli.options import complete_task, results_option, specs_option

if TYPE_CHECKING:
    from ralphbench.grading import Proof


@click.group()
def task() -> None:
    """Tasks: list them, check that their gates discriminate."""


@task.command("list")
@specs_option
def list_tasks(specs: Path | None) -> None:
    """Every task and its phases."""
    from ralphbench.config import load_task, task_names

    folder = specs or Path("specs")
    for name in task_names((folder,)):
        found = load_task(name, folder)
        goals = sum(gate.kind == "goal" for gate in found.gates)
        click.echo(f"{name:<44} {goals:>2} goals {len(found.gates) - goals:>2} guards  {found.title}")


@task.command("check")
@click.argument("names", nargs=-1, required=True, shell_complete=complete_task)
@click.option(
    "--runs", type=click.IntRange(1), default=1, show_default=True, help="Times each row runs, to find flaky gates."
)
@specs_option
@results_option
def check(names: tuple[str, ...], runs: int, specs: Path | None, results: Path) -> None:
    """Prove that gates discriminate: at base every goal fails and every guard passes, at the reference all pass.

    NAMES are tasks, one phase of a task (`task/phase`), tags, suites or globs. The proof is stored; `run` refuses a task
    without one.
    """
    from ralphbench.config import load_task, select_tasks
    from ralphbench.grading import logs_of, prove_task
    from ralphbench.schedule import user_places, using_mirrors
    from ralphbench.workspace import prepare_mirror

    bad, places = 0, user_places()
    folder, store = specs or Path("specs"), results / ".proofs"
    for name in select_tasks(names, (folder,), where="task check"):
        found = load_task(name, folder)
        with using_mirrors(places):
            proof = prove_task(
                found,
                prepare_mirror(found, places.mirrors),
                store=store,
                scratch=places.grading,
                runs=runs,
                anew=True,
                on_wait=lambda: click.echo("another process checks this task; waiting for it", err=True),
            )
        _print(proof, logs_of(found, store))
        bad += not proof.ok
    raise SystemExit(2 if bad else 0)


def _print(proof: Proof, out: Path) -> None:
    from rich.markup import escape
    from rich.table import Table

    from ralphbench.cli.terminal import console, write_line

    screen = console()
    rows = {"base": proof.base, **proof.phases, "reference": proof.reference}
    table = Table(title=proof.task, title_justify="left", pad_edge=False)
    for name in ("gate", "kind", "phase", *(name for name, results in rows.items() if results)):
        table.add_column(name)
    for index, gate in enumerate(proof.base):
        outcomes = [str(results[index].outcome) for results in rows.values() if index < len(results)]
        table.add_row(gate.id, str(gate.kind), gate.phase or "-", *outcomes)
    screen.print(table)
    for problem in proof.problems:
        write_line(screen, f"[red]problem[/red] {escape(problem)}")
    for warning in proof.warnings:
        write_line(screen, f"[yellow]![/yellow] {escape(warning)}")
    state = "usable" if proof.ok else "NOT usable"
    write_line(screen, f"{proof.task}: {state}, {proof.seconds:.1f} s, logs in {out}")
