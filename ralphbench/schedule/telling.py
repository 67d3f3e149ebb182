"""What trials are told: which task, profile and plan, under which identity, and where their worktree is."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ralphbench.errors import DiskError, WorkspaceError
from ralphbench.loop import load_plan, plan_hash
from ralphbench.model import AttemptSpec, Cell, Experiment, Limits, Profile, Task
from ralphbench.record import (
    AttemptFolder,
    ExperimentFolder,
    Quarantine,
    atomic_write,
    read_spec,
    write_manifest,
    write_spec,
)
from ralphbench.sandbox.processes import end_marked
from ralphbench.schedule.gateway import RunGateway
from ralphbench.schedule.manifest import manifest_of
from ralphbench.schedule.plans import shared_plan
from ralphbench.schedule.prepare import Prepared, profiles_of
from ralphbench.schedule.runfolder import RunFolder
from ralphbench.schedule.survey import CellState, CellStatus, CutOff
from ralphbench.trial import keep_work
from ralphbench.workspace import Mirror, keep_base, remove_tree


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

    def forget_plans(self) -> None:
        """A plan was made: what was looked up before does not hold any more."""
        self._plans.clear()
        self._identities.clear()

    def plan_file(self, cell: Cell) -> Path | None:
        if cell.task not in self._plans:
            task = self.task(cell)
            base = self.prepared.mirrors[task.name].base
            self._plans[cell.task] = shared_plan(self.prepared.experiment, task, base)
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

    def cut_off(self, record: ExperimentFolder, cell: Cell, number: int) -> CutOff:
        """Whether an attempt that was cut off can go on: told the same, and its worktree is still there."""
        folder = record.folder(cell, number)
        spec = read_spec(folder)
        why = self._lost(record, cell, folder, spec)
        if why is None:
            assert spec is not None
            same = spec.identity == self._identity_in(record, cell)
            return CutOff.GOES_ON if same else CutOff.CHANGED
        why = f"{cell} a{number} was cut off and cannot go on, a new attempt is made: {why}"
        if why not in self._said:
            self._said.add(why)
            self.note(why)
        return CutOff.LOST

    def _identity_in(self, record: ExperimentFolder, cell: Cell) -> str:
        return self.identity(cell) if record is self.record else self.planning_identity(cell)

    def _lost(
        self, record: ExperimentFolder, cell: Cell, folder: AttemptFolder, spec: AttemptSpec | None
    ) -> str | None:
        if spec is None:
            return "nothing says what its trial was told"
        mode = self.mode if record is self.record else "plan"
        if spec.mode != mode:
            return f"it was begun as a {spec.mode} run"
        if not _begun(folder):
            return None if spec.identity == self._identity_in(record, cell) else "it had not begun"
        if not _is_of(spec, folder):
            return f"this record is a copy, and the worktree belongs to {spec.folder}"
        return None if spec.workspace.exists() else f"its worktree {spec.workspace} is gone"

    def clear(self, record: ExperimentFolder, cell: Cell, number: int, *, keep: bool) -> bool:
        """Remove the worktree of an attempt that is over; `keep`: its work goes into the record first, and where that
        fails the worktree stays (False).
        """
        folder, workspace = record.folder(cell, number), self.workspace(record, cell, number)
        if keep and workspace.exists():
            end_former(folder)
            try:
                kept = keep_work(workspace, folder)
            except (DiskError, WorkspaceError) as error:
                self.note(f"the work of {cell} a{number} could not be kept, and stays in {workspace}: {error}")
                return False
            if kept:
                self.note(f"{cell} a{number} does not go on; its commits are kept in {folder.bundle}")
        with contextlib.suppress(OSError):  # what an agent made unremovable is `ralphbench clean`'s to complain of
            remove_tree(workspace)
        return True

    def _base(self, mirror: Mirror) -> Path:
        """The base in the record, looked at once a run."""
        if mirror.base not in self._bases:
            torn = Quarantine()
            self._bases[mirror.base] = keep_base(mirror, self.record.path / "bases", torn)
            for damage in torn:
                self.note(f"{damage}; it is made again")
        return self._bases[mirror.base]

    def workspace(self, record: ExperimentFolder, cell: Cell, number: int) -> Path:
        """Where it is; an attempt whose record or cache has moved since keeps the worktree that it began in."""
        folder = record.folder(cell, number)
        spec = read_spec(folder)
        if spec is not None and _begun(folder) and _is_of(spec, folder) and spec.workspace.exists():
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
        mode = "plan" if planning else self.mode
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
            identity=self.planning_identity(cell) if planning else self.identity(cell),
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


def _begun(folder: AttemptFolder) -> bool:
    try:
        return folder.events.stat().st_size > 0
    except FileNotFoundError:
        return False


def _is_of(spec: AttemptSpec, folder: AttemptFolder) -> bool:
    """Whether the trial was told of this very folder, or of a place that it has left since; else this is a copy."""
    return spec.folder == folder.path.resolve() or not spec.folder.exists()


def end_former(folder: AttemptFolder) -> None:
    """No two trials on one attempt: one that outlived its run, where that run's own folder cannot be seen from here."""
    spec = read_spec(folder)
    if spec is not None and spec.started_by:
        end_marked(spec.mark)


def _copy_plan(plan_file: Path | None, folder: AttemptFolder) -> Path | None:
    """The plan as it was when the attempt began: the file may be edited later."""
    if plan_file is None:
        return None
    copy = folder.path.resolve() / "shared-plan.yaml"
    if not copy.exists():
        atomic_write(copy, plan_file.read_bytes())
    return copy


def _limits(experiment: Experiment, profile: str, mode: str) -> Limits:
    limits = experiment.limits_of(profile)
    return dataclasses.replace(limits, iterations=1) if mode == "smoke" else limits
