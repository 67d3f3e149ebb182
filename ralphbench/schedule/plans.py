"""Shared plans: where the tickets of an attempt come from when it does not plan for itself."""

from __future__ import annotations

from pathlib import Path

from ralphbench.errors import ConfigError, RunError, TaskError, UnknownName
from ralphbench.loop import dump_plan, load_plan, plan_hash
from ralphbench.model import AttemptResult, Cell, EventKind, Experiment, PlanModeKind, Task, Ticket, codec
from ralphbench.record import (
    AttemptFolder,
    ExperimentFolder,
    Quarantine,
    atomic_write,
    read_events,
    read_manifest,
    read_result,
    report,
    set_aside,
)


def shared_plan(
    experiment: Experiment, task: Task, base: str, *, planning: str | None = None, torn: Quarantine | None = None
) -> Path | None:
    """The plan's file; None: everybody plans for itself, or the plan is still to be made by the planner.

    `planning`: today's identity of the attempt that makes it. A recorded plan that is not what its maker made is set aside and
    reported. Raises TaskError for a file that is not there; RunError for an experiment that has no plan for this task and base.
    """
    kind, source = experiment.plan.kind, experiment.plan.source
    if kind is PlanModeKind.OWN or source is None:
        return None
    if kind is PlanModeKind.SHARED_FILE:
        path = Path(source) if Path(source).is_absolute() else task.folder / source
        if not path.is_file():
            raise TaskError(f"the plan {path} for {task.name} is not there", remedy=f"ls {task.folder}")
        return path
    if kind is PlanModeKind.SHARED_FROM:
        return _from_record(ExperimentFolder(experiment.results, source), experiment, task, base, torn)
    return made_plan(ExperimentFolder(experiment.results, experiment.name), task.name, source, planning, torn)


def made_plan(
    record: ExperimentFolder, task: str, planner: str, planning: str | None = None, torn: Quarantine | None = None
) -> Path | None:
    """The plan that a planner has made for others: of the attempts that came to their end the newest of this identity,
    where there is none the newest at all.
    """
    plans = record.plans()
    cell = Cell(task, planner, 1)
    ended = [(number, read_result(plans.folder(cell, number), torn)) for number in plans.attempts(cell)]
    valid = [(number, result) for number, result in ended if result is not None and not result.ending.void]
    for number, result in sorted(valid, key=lambda found: (found[1].identity == planning, found[0]), reverse=True):
        if (path := whole_plan(plans.folder(cell, number), result, torn)) is not None:
            return path
    return None


def whole_plan(folder: AttemptFolder, result: AttemptResult, torn: Quarantine | None = None) -> Path | None:
    """The plan of an attempt, as it was made; None: it made none.

    One that is torn, cut or edited is set aside and reported, and written anew from the attempt's events.
    """
    path = folder.plan
    if result.plan_hash is None:
        return None
    if path.is_file():
        if _hash_of(path) == result.plan_hash:
            return path
        report(torn, set_aside(path, f"is not the plan that was made ({result.plan_hash[:12]})"))
    for event in read_events(folder, torn):
        if event.kind == EventKind.PLAN_READY:
            tickets = codec.convert(event.data["tickets"], list[Ticket])
            if plan_hash(tickets) == result.plan_hash:
                atomic_write(path, dump_plan(tickets).encode("utf-8"))
                return path
    return None


def _hash_of(path: Path) -> str | None:
    try:
        return plan_hash(load_plan(path))
    except ConfigError:
        return None


def _from_record(
    record: ExperimentFolder, experiment: Experiment, task: Task, base: str, torn: Quarantine | None
) -> Path:
    """Another experiment's plan: the one that it shared, else its baseline's or only profile's first."""
    if not record.path.is_dir():
        names = tuple(sorted(p.name for p in experiment.results.iterdir() if (p / "cells").is_dir()))
        raise UnknownName("recorded experiment to take the plan from", record.name, names)
    found: dict[str, Path] = {}
    for source in (record.plans(), record):
        for cell, number, result, _ in source.summaries():
            if cell.task != task.name or cell.profile in found or result is None or result.ending.void:
                continue
            folder = source.folder(cell, number)
            if _is_for(task, base, folder) and (path := whole_plan(folder, result, torn)) is not None:
                found[cell.profile] = path
        if found:
            break
    if not found:
        raise RunError(
            f"{record.name} has no plan for {task.name} as it is now, at base {base[:12]}: only the same task and base can "
            "share one"
        )
    if len({plan_hash(load_plan(path)) for path in found.values()}) == 1:
        return next(iter(found.values()))
    lock = record.read_lock() or {}
    baseline = (lock.get("experiment") or {}).get("baseline")
    if baseline in found:
        return found[str(baseline)]
    raise RunError(
        f"{record.name} has several plans for {task.name}, by {', '.join(sorted(found))}, and names no baseline",
        remedy=f"cp {next(iter(found.values()))} {task.folder}/plan.yaml   # and say plan: {{shared: {{file: plan.yaml}}}}",
    )


def _is_for(task: Task, base: str, folder: AttemptFolder) -> bool:
    """Whether an attempt was given the very same: code, and words."""
    manifest = read_manifest(folder) or {}
    try:
        return bool(manifest["base"]["commit"] == base and manifest["digests"]["task"] == task.digest)
    except (KeyError, TypeError):
        return False
