"""What a smoke run tells: does everything answer, how fast, when would the whole be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ralphbench.cli import texts

if TYPE_CHECKING:
    from ralphbench.model import AttemptResult, Experiment
    from ralphbench.schedule import RunReport


def print_smoke(smoked: Experiment, report: RunReport, whole: Experiment) -> None:
    """One line a profile, then the estimate for the whole experiment."""
    from rich.table import Table

    from ralphbench.cli.next_line import same_command
    from ralphbench.cli.terminal import console

    table = Table(title=f"{whole.name}: one iteration a profile", title_justify="left", pad_edge=False)
    for name in ("profile", "answered", "plan", "iteration", "tok/s", "tokens", "cost", "ended as"):
        table.add_column(name, justify="left" if name in ("profile", "ended as") else "right")
    latest = {r.cell.profile: r for r in report.results}
    for profile in smoked.profiles:
        result = latest.get(profile.name)
        table.add_row(*([profile.name, "no", *["-"] * 5, "not run"] if result is None else _row(result)))
    console().print(table)
    for result in latest.values():
        if result.ending.void:
            click.echo(f"{result.cell.profile}: {result.detail}")
    _print_estimate(latest, whole)
    if any(r.ending.void for r in latest.values()) or len(latest) < len(smoked.profiles):
        raise SystemExit(3)
    click.echo(f"\nThe whole:   {same_command()}")


def _row(result: AttemptResult) -> list[str]:
    known = _rate(result)
    plan = result.stages.get("plan")
    return [
        result.cell.profile,
        "no" if result.ending.void else "yes",
        texts.seconds(None if plan is None else plan.seconds),
        texts.seconds(_iteration(result)),
        texts.rate(known),
        texts.count(result.spent.tokens),
        texts.money(result.spent.cost),
        str(result.ending),
    ]


def _rate(result: AttemptResult) -> float | None:
    """Output tokens over the time that a model was answering; None where either is not known."""
    tokens, seconds = 0, 0.0
    for sums in result.stages.values():
        if sums.output is None or sums.model_seconds is None:
            return None
        tokens, seconds = tokens + sums.output, seconds + sums.model_seconds
    return tokens / seconds if seconds else None


def _iteration(result: AttemptResult) -> float | None:
    """Seconds of one build with its review; None where it came to none."""
    stages = [s for name, s in result.stages.items() if name != "plan"]
    return sum(s.seconds for s in stages) / result.work.iterations if stages and result.work.iterations else None


def _print_estimate(latest: dict[str, AttemptResult], whole: Experiment) -> None:
    """Every iteration used, each as long as the one seen, capped by the wall time."""
    total = 0.0
    for profile in whole.profiles:
        result = latest.get(profile.name)
        one = None if result is None else _iteration(result)
        if result is None or one is None:
            click.echo(f"when the whole would be done is not known: {profile.name} came to no iteration")
            return
        limits = whole.limits_of(profile.name)
        plan = result.stages["plan"].seconds if "plan" in result.stages else 0.0
        total += min(limits.wall_time, plan + one * limits.iterations) * len(whole.tasks) * whole.repeats
    cells = len(whole.tasks) * len(whole.profiles) * whole.repeats
    click.echo(f"the whole, {cells} cells one after the other, with every iteration used: about {texts.seconds(total)}")
