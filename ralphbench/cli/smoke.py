"""What a smoke run tells: does everything answer, how fast, when would the whole be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ralphbench.cli import texts
from ralphbench.cli.fitting import Column, Fitted
from ralphbench.model import AttemptResult, Call, Ending, Experiment, PlanModeKind, Profile, Stage
from ralphbench.record import ExperimentFolder, read_calls

if TYPE_CHECKING:
    from ralphbench.schedule import RunReport


_COLUMNS = (
    Column("profile", least=10),
    Column("answered", least=8),
    Column("plan", spare=3),
    Column("iteration"),
    Column("tok/s"),
    Column("tokens", spare=2),
    Column("cost", spare=1),
    Column("ended as", least=12),
)
_ASKED = (Stage.PLAN, Stage.BUILD, Stage.VERIFY)
"""What one iteration asks for; the other stages come only where something goes wrong."""


def print_smoke(smoked: Experiment, report: RunReport, whole: Experiment) -> None:
    """One line a profile, what did not answer, then the estimate for the whole experiment."""
    from ralphbench.cli.next_line import same_command
    from ralphbench.cli.terminal import console

    latest = {r.cell.profile: r for r in report.results if r.extra.get("mode") != "plan"}
    silent = {profile.name: _silent(smoked, profile, latest.get(profile.name)) for profile in smoked.profiles}
    rows = [_row(profile.name, latest.get(profile.name), silent[profile.name]) for profile in smoked.profiles]
    console().print(Fitted(_COLUMNS, rows, title=f"{whole.name}: one iteration a profile"))
    for name, reasons in silent.items():
        for reason in reasons:
            click.echo(f"{name}: {reason}")
    _print_estimate(latest, whole)
    if any(silent.values()):
        raise SystemExit(3)
    click.echo(f"\nThe whole:   {same_command()}")


def _silent(smoked: Experiment, profile: Profile, result: AttemptResult | None) -> list[str]:
    """Why it is not known that a profile's models answer; empty: each of them has."""
    if result is None:
        return ["it was not run"]
    if result.ending.void or result.ending in (Ending.NO_PLAN, Ending.AGENT_CRASH):
        return [f"{result.ending}: {result.detail}"]
    record = ExperimentFolder(smoked.results, smoked.name)
    calls = read_calls(record.folder(result.cell, result.number))
    plans = record.plans()
    for number in plans.attempts(result.cell):
        calls += read_calls(plans.folder(result.cell, number))
    answered = {profile.stages[Stage(call.started.stage)].model for call in calls if _good(call)}
    return [
        f"{stage}: {model} has not answered"
        for stage in _ASKED
        if (model := profile.stages[stage].model) not in answered
        and (stage is not Stage.PLAN or _plans(smoked, profile))
    ]


def _plans(experiment: Experiment, profile: Profile) -> bool:
    """Whether it is this profile's model that plans."""
    plan = experiment.plan
    return plan.kind is PlanModeKind.OWN or (plan.kind is PlanModeKind.SHARED_BY and plan.source == profile.name)


def _good(call: Call) -> bool:
    """Whether the model said something."""
    end = call.ended
    return end is not None and end.status == 200 and end.error is None and end.usage.output != 0


def _row(profile: str, result: AttemptResult | None, silent: list[str]) -> list[str]:
    if result is None:
        return [profile, "no", *["-"] * 5, "not run"]
    plan = result.stages.get("plan")
    return [
        profile,
        "no" if silent else "yes",
        texts.seconds(None if plan is None else plan.seconds),
        texts.seconds(_iteration(result)),
        texts.rate(_rate(result)),
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
