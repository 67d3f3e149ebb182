"""Whether what is recorded of an experiment's other cells ran in the same race as those that a run was asked for.

`--profile`, `--task` and `--repeats` choose a part of the matrix; the comparison at the end shows all of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from ralphbench.config import differences
from ralphbench.model import AttemptResult, Cell, codec
from ralphbench.record import ExperimentFolder, read_manifest, that_counts
from ralphbench.schedule.prepare import Prepared
from ralphbench.schedule.survey import Attempts
from ralphbench.schedule.telling import Teller

_OF_ALL = ("version", "prompts", "sandbox")
_OF_THE_TASK = ("task", "plan")


@dataclass(frozen=True, slots=True)
class Unlike:
    """An attempt that counts for a cell, and what was not as it is now."""

    cell: Cell
    differences: tuple[str, ...]


@dataclass(slots=True)
class Race:
    """The conditions that are the same for every contender: all of the identity but the contender itself."""

    prepared: Prepared
    teller: Teller
    record: ExperimentFolder
    _seen: dict[tuple[str, str, str], tuple[str, ...]] = field(default_factory=dict)

    def unlike(self, attempts: Attempts, asked: Collection[str]) -> Iterator[Unlike]:
        """Of the cells that the experiment has and this run was not asked for (by path), those that ran otherwise."""
        identities = self.record.identities()
        for path, found in attempts.items():
            if path in asked or not any(result is not None for _, result in found):
                continue
            cell = next(result.cell for _, result in found if result is not None)
            counts = that_counts(found, identities.get((cell.task, cell.profile)))
            if counts is not None and self._takes_part(cell):
                differing = self._differing(cell, *counts)
                if differing:
                    yield Unlike(cell, differing)

    def _takes_part(self, cell: Cell) -> bool:
        experiment = self.prepared.experiment
        profiles = {*(p.name for p in experiment.profiles), *experiment.other_profiles}
        tasks = {*(t.name for t in experiment.tasks), *experiment.other_tasks}
        return cell.profile in profiles and cell.task in tasks

    def _differing(self, cell: Cell, number: int, result: AttemptResult) -> tuple[str, ...]:
        """Looked up once an identity, not once for each of 10,000 cells."""
        key = cell.task, cell.profile, result.identity
        if key not in self._seen:
            manifest = read_manifest(self.record.folder(cell, number)) or {}
            before, now = manifest.get("identity_parts") or {}, self._now(cell, result)
            self._seen[key] = differences(
                {k: before[k] for k in now if k in before}, {k: now[k] for k in before if k in now}
            )
        return self._seen[key]

    def _now(self, cell: Cell, result: AttemptResult) -> dict[str, Any]:
        experiment = self.prepared.experiment
        known = next((task for task in experiment.tasks if task.name == cell.task), None)
        task, profile = known or experiment.tasks[0], experiment.profiles[0]
        plan = self.teller.plan_hash(Cell(task.name, profile.name, 1))
        parts = self.prepared.identity_parts(task, profile, plan)
        now = {key: parts[key] for key in (*_OF_ALL, *(_OF_THE_TASK if known else ()))}
        if not result.extra.get("unequal_limits") and cell.profile not in experiment.unequal_limits:
            now["limits"] = experiment.limits
        told: dict[str, Any] = codec.builtins(now)
        return told
