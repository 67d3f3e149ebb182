"""What trials are told: which task, profile and plan, under which identity, and where their worktree is."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ralphbench.loop import load_plan, plan_hash
from ralphbench.model import AttemptSpec, Cell, Experiment, Limits, PlanModeKind, Profile, Task
from ralphbench.record import (
    AttemptFolder,
    ExperimentFolder,
    Quarantine,
    atomic_write,
    read_spec,
    write_manifest,
    write_spec,
)
from ralphbench.schedule.gateway import RunGateway
from ralphbench.schedule.manifest import manifest_of
from ralphbench.schedule.plans import made_plan, shared_plan
from ralphbench.schedule.prepare import Prepared, profiles_of
from ralphbench.schedule.resuming import begun, end_former, is_of
from ralphbench.schedule.runfolder import RunFolder
from ralphbench.schedule.survey import CellState, CellStatus
from ralphbench.workspace import Mirror, keep_base


@dataclass(slots=True)
class Teller:
    """Of one run. Plans and identities are looked up once for a task and profile, not once for each of 10,000 cells."""

    prepared: Prepared
    record: ExperimentFolder
    mode: str
    """Of cells: `full` or `smoke`. Plans for others are always made in mode `plan`."""
    note: Callable[[str], None]
    _plans: dict[str, Path | None] = field(default_factory=dict)
    _identities: dict[tuple[str, str], str] = field(default_factory=dict)
    _bases: dict[str, Path] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)

    def task(self, cell: Cell) -> Task:
        return next(t for t in self.prepared.experiment.tasks if t.name == cell.task)

    def profile(self, cell: Cell) -> Profile:
        return next(p for p in profiles_of(self.prepared.experiment) if p.name == cell.profile)

    def made_plan(self, cell: Cell) -> Path | None:
        """The plan that the cell's profile has made for all."""
        with self.noting() as torn:
            return made_plan(self.record, cell.task, cell.profile, self.planning_identity(cell), torn)

    @contextlib.contextmanager
    def noting(self, after: str = "") -> Iterator[Quarantine]:
        """What is found torn is told, and what comes `after`."""
        torn = Quarantine()
        yield torn
        for damage in torn:
            self.note(f"{damage}{after}")

    def forget_plans(self) -> None:
        """A plan was made: what was looked up before does not hold any more."""
        self._plans.clear()
        self._identities.clear()

    def plan_file(self, cell: Cell) -> Path | None:
        if cell.task not in self._plans:
            task = self.task(cell)
            base = self.prepared.mirrors[task.name].base
            experiment, planner = self.prepared.experiment, self.prepared.experiment.plan.source
            by = experiment.plan.kind is PlanModeKind.SHARED_BY and planner is not None
            planning = self.planning_identity(Cell(task.name, str(planner), 1)) if by else None
            with self.noting() as torn:
                self._plans[cell.task] = shared_plan(experiment, task, base, planning=planning, torn=torn)
        return self._plans[cell.task]

    def plan_hash(self, cell: Cell) -> str | None:
        path = self.plan_file(cell)
        return None if path is None else plan_hash(load_plan(path))

    def identity(self, cell: Cell) -> str:
        key = cell.task, cell.profile
        if key not in self._identities:
            task, profile = self.task(cell), self.profile(cell)
            self._identities[key] = self.prepared.identity(task, profile, self.plan_hash(cell))
        return self._identities[key]

    @property
    def identities(self) -> Mapping[tuple[str, str], str]:
        """Those that were asked for so far, by task and profile."""
        return self._identities

    def planning_identity(self, cell: Cell) -> str:
        """Of an attempt that makes a plan for others: it begins with none."""
        return self.prepared.identity(self.task(cell), self.profile(cell), None)

    def identity_in(self, record: ExperimentFolder, cell: Cell) -> str:
        """Of an attempt at a cell, or in `record.plans()` of one that makes a plan."""
        return self.identity(cell) if record is self.record else self.planning_identity(cell)

    def mode_in(self, record: ExperimentFolder) -> str:
        return self.mode if record is self.record else "plan"

    def say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.note(text)

    def _base(self, mirror: Mirror) -> Path:
        """The base in the record, looked at once a run."""
        if mirror.base not in self._bases:
            with self.noting("; it is made again") as torn:
                self._bases[mirror.base] = keep_base(mirror, self.record.path / "bases", torn)
        return self._bases[mirror.base]

    def workspace(self, record: ExperimentFolder, cell: Cell, number: int) -> Path:
        """Where it is; an attempt whose record or cache has moved since keeps the worktree that it began in."""
        folder = record.folder(cell, number)
        spec = read_spec(folder)
        if spec is not None and begun(folder) and is_of(spec, folder) and spec.workspace.exists():
            return spec.workspace
        places, experiment = self.prepared.places, self.prepared.experiment
        name = experiment.name if record is self.record else f"{experiment.name}+plans"
        return places.workspace(experiment.results, name, cell, number)

    def tell(self, record: ExperimentFolder, status: CellStatus, folder: RunFolder, gateway: RunGateway) -> AttemptSpec:
        """Make the attempt's folder, or take over the one there is, and write what its trial is told.

        Every path is written anew: the record may have moved since.
        """
        planning = record is not self.record
        experiment, cell = self.prepared.experiment, status.cell
        task, profile = self.task(cell), self.profile(cell)
        mirror = self.prepared.mirrors[task.name]
        place = record.folder(cell, status.number).create()
        workspace = self.workspace(record, cell, status.number)
        if status.state is CellState.OPEN:
            end_former(place)
        mode = self.mode_in(record)
        plan_file = None if planning else self.plan_file(cell)
        spec = AttemptSpec(
            experiment=experiment.name,
            cell=cell,
            number=status.number,
            task=task,
            profile=profile,
            endpoints=experiment.endpoints,
            limits=_limits(experiment, cell.profile, mode),
            plan=experiment.plan,
            sandbox=self.prepared.sandbox,
            folder=place.path.resolve(),
            workspace=workspace,
            mirror=mirror.path,
            base=mirror.base,
            gateway=gateway.control,
            gateway_socket=gateway.socket,
            leases=folder.leases,
            identity=self.identity_in(record, cell),
            plan_file=_copy_plan(plan_file, place),
            mode=mode,
            agents=experiment.agents,
            unequal_limits=cell.profile in experiment.unequal_limits,
            started_by=folder.run_id,
            grading=self.prepared.places.grading,
            kept_gates=self.prepared.gates[task.name].resolve(),
        )
        kept = self._base(mirror)
        write_spec(place, spec)
        hash_ = None if planning else self.plan_hash(cell)
        write_manifest(place, manifest_of(self.prepared, spec, hash_) | {"base_pack": kept.name})
        return spec


def _copy_plan(plan_file: Path | None, folder: AttemptFolder) -> Path | None:
    """The plan as it was when the attempt began: the file may be edited later."""
    if plan_file is None:
        return None
    copy = folder.shared_plan.resolve()
    if not copy.exists():
        atomic_write(copy, plan_file.read_bytes())
    return copy


def _limits(experiment: Experiment, profile: str, mode: str) -> Limits:
    limits = experiment.limits_of(profile)
    return dataclasses.replace(limits, iterations=1) if mode == "smoke" else limits
