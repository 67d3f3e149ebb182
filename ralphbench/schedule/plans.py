"""Shared plans: where the tickets of an attempt come from when it does not plan for itself."""

from __future__ import annotations

from pathlib import Path

from ralphbench.errors import RunError, TaskError, UnknownName
from ralphbench.loop import load_plan, plan_hash
from ralphbench.model import Cell, Experiment, PlanModeKind, Task
from ralphbench.record import ExperimentFolder, read_manifest, read_result

PLAN_FILE = "plan.yaml"


def shared_plan(experiment: Experiment, task: Task, base: str) -> Path | None:
    """The plan's file; None: everybody plans for itself, or the plan is still to be made by the planner.

    Raises TaskError for a file that is not there; RunError for an experiment that has no plan for this task and base.
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
        return _from_record(ExperimentFolder(experiment.results, source), experiment, task, base)
    return made_plan(ExperimentFolder(experiment.results, experiment.name), task.name, source)


def made_plan(record: ExperimentFolder, task: str, planner: str) -> Path | None:
    """The plan that a planner has made for others, from its newest attempt that came to its end."""
    plans = record.plans()
    cell = Cell(task, planner, 1)
    for number in reversed(plans.attempts(cell)):
        folder = plans.folder(cell, number)
        path = folder.path / PLAN_FILE
        result = read_result(folder)
        if result is not None and not result.ending.void and path.is_file():
            return path
    return None


def _from_record(record: ExperimentFolder, experiment: Experiment, task: Task, base: str) -> Path:
    """Another experiment's plan: the one that it shared, else its baseline's or only profile's first."""
    if not record.path.is_dir():
        names = tuple(sorted(p.name for p in experiment.results.iterdir() if (p / "cells").is_dir()))
        raise UnknownName("recorded experiment to take the plan from", record.name, names)
    found: dict[str, Path] = {}
    for source in (record.plans(), record):
        for cell, number, result, _ in source.summaries():
            folder = source.folder(cell, number)
            if cell.task != task.name or result is None or not (folder.path / PLAN_FILE).is_file():
                continue
            manifest = read_manifest(folder)
            if manifest is not None and manifest["base"]["commit"] == base:
                found.setdefault(cell.profile, folder.path / PLAN_FILE)
        if found:
            break
    if not found:
        raise RunError(
            f"{record.name} has no plan for {task.name} at base {base[:12]}: only the same task and base can share one"
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
