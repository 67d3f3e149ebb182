"""One run of an experiment, from the lock to the last cell."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ralphbench.errors import RunError, StaleRecord
from ralphbench.loop import load_plan, plan_hash
from ralphbench.model import (
    AttemptResult,
    AttemptSpec,
    Cell,
    Ending,
    Experiment,
    Limits,
    PlanMode,
    PlanModeKind,
    Profile,
    Task,
    codec,
)
from ralphbench.record import (
    AttemptFolder,
    ExperimentFolder,
    Journal,
    read_manifest,
    read_spec,
    write_manifest,
    write_result,
    write_spec,
)
from ralphbench.schedule.gateway import RunGateway
from ralphbench.schedule.leases import Leases, serve_leases
from ralphbench.schedule.manifest import lock_of, manifest_of
from ralphbench.schedule.options import RunOptions
from ralphbench.schedule.order import cells_in_order
from ralphbench.schedule.places import Places
from ralphbench.schedule.plans import made_plan, shared_plan
from ralphbench.schedule.prepare import Prepared, check_models, prepare
from ralphbench.schedule.runfolder import Reaped, RunFolder, reap
from ralphbench.schedule.scheduler import Listener, Scheduler
from ralphbench.schedule.stop import StopButton
from ralphbench.schedule.survey import CellState, CellStatus, survey
from ralphbench.trial import dead_result
from ralphbench.workspace import keep_base


@dataclass(slots=True)
class RunReport:
    """What a run did."""

    experiment: str
    done: int
    """Cells that are done now, earlier runs included."""
    total: int
    results: list[AttemptResult] = field(default_factory=list)
    exhausted: list[Cell] = field(default_factory=list)
    stopped: bool = False
    reaped: tuple[Reaped, ...] = ()


def run_experiment(
    experiment: Experiment,
    options: RunOptions,
    places: Places,
    listener: Listener,
    stop: StopButton,
    *,
    on_prepared: Callable[[Prepared], None] = lambda prepared: None,
) -> RunReport:
    """Run what is not done yet. The same call again goes on where this one stopped.

    `on_prepared` is called when everything was checked and nothing is spent yet; what it raises ends the run.
    Raises AlreadyRunning, StaleRecord, and whatever `prepare` raises; then nothing was spent.
    """
    with _opened(experiment, options, places, listener, stop) as run:
        return run.go(on_prepared)


def run_plans(
    experiment: Experiment,
    planner: str,
    options: RunOptions,
    places: Places,
    listener: Listener,
    stop: StopButton,
) -> Path:
    """Let a profile plan the experiment's one task anew; returns the plan's file in the record.

    Raises what `run_experiment` raises, and RunError where no plan came of it.
    """
    planning = dataclasses.replace(experiment, plan=PlanMode(PlanModeKind.SHARED_BY, planner))
    with _opened(planning, options, places, listener, stop) as run:
        return run.plan_anew(planner)


@contextlib.contextmanager
def _opened(
    experiment: Experiment, options: RunOptions, places: Places, listener: Listener, stop: StopButton
) -> Iterator[_Run]:
    """Take the lock, reap what dead runs left, make sure of everything."""
    record = ExperimentFolder(experiment.results, experiment.name).create()
    with record.owner() as lock:
        if lock.taken_over is not None:
            listener.note(f"taking over from a run that died ({lock.taken_over})")
        reaped = reap(places.runtime)
        for each in reaped:
            listener.note(f"reaped {each.run_id} of {each.experiment}: {each.processes} processes ended")
        prepared = prepare(experiment, places, listener.note)
        for warning in prepared.warnings:
            listener.note(f"warning: {warning}")
        with contextlib.closing(Journal(record.journal)) as journal:
            yield _Run(prepared, options, record, journal, listener, stop, reaped)


@dataclass(slots=True)
class _Run:
    prepared: Prepared
    options: RunOptions
    record: ExperimentFolder
    journal: Journal
    listener: Listener
    stop: StopButton
    reaped: tuple[Reaped, ...]
    folder: RunFolder | None = None
    gateway: RunGateway | None = None

    def go(self, on_prepared: Callable[[Prepared], None]) -> RunReport:
        experiment = self.prepared.experiment
        cells = cells_in_order(experiment)
        report = RunReport(experiment.name, 0, len(cells), reaped=self.reaped)
        if self.options.fresh:
            self._start_afresh(cells)
        # Nothing to do is known before a gateway is started, where no plan is still to be made.
        if experiment.plan.kind is not PlanModeKind.SHARED_BY and not self._todo(cells, report):
            report.done = len(cells) - len(report.exhausted)
            return report
        report.exhausted.clear()
        self._ask_servers()
        on_prepared(self.prepared)
        with self._machinery():
            self._make_plans(report)
            if not self.stop.level:
                self._run_cells(self._todo(cells, report), self._make_spec, report)
        report.stopped = self.stop.level > 0
        statuses = self._survey(cells)
        report.done = sum(s.state is CellState.DONE for s in statuses.values())
        self.journal.append("run_ended", done=report.done, total=report.total, stopped=report.stopped)
        return report

    def _ask_servers(self) -> None:
        """The last thing before anything is spent; and what was found is written down."""
        check_models(self.prepared, self.listener.note)
        lock = lock_of(self.prepared)
        if self.options.mode != "plan" or not self.record.lock_path.exists():
            self.record.write_lock(lock)

    @contextlib.contextmanager
    def _machinery(self) -> Iterator[None]:
        """The run's own processes and sockets, for as long as there are trials."""
        experiment, places = self.prepared.experiment, self.prepared.places
        self.folder = RunFolder(places.runtime, experiment.name)
        try:
            self.journal.append("run_started", run=self.folder.run_id, jobs=self.options.jobs, mode=self.options.mode)
            gateway = self.gateway = RunGateway(self.folder.path)
            try:
                with contextlib.closing(serve_leases(self.folder.leases, Leases(experiment.endpoints))):
                    yield
            finally:
                gateway.close()
                with contextlib.suppress(OSError):
                    shutil.copyfile(gateway.log, self.record.path / "gateway.log")
        finally:
            self.folder.remove()

    def _run_cells(
        self, queue: deque[CellStatus], make_spec: Callable[[CellStatus], AttemptSpec], report: RunReport
    ) -> None:
        assert self.gateway is not None
        scheduler = Scheduler(
            queue=queue,
            jobs=self.options.jobs,
            void_retries=self.prepared.experiment.void_retries,
            journal=self.journal,
            gateway=self.gateway,
            make_spec=make_spec,
            finish_dead=self._finish_dead,
            listener=self.listener,
            stop=self.stop,
            control=self.record.path / "control",
            keep_workspaces=self.options.keep_workspaces,
        )
        scheduler.run()
        report.results += scheduler.results
        report.exhausted += scheduler.exhausted

    # Which cells

    def _survey(self, cells: tuple[Cell, ...]) -> dict[Cell, CellStatus]:
        return survey(
            self.record,
            cells,
            identity=self._identity,
            resumable=lambda cell, number: self._resumable(self.record, cell, number),
            void_retries=self.prepared.experiment.void_retries,
            first=self._first_numbers(),
        )

    def _todo(self, cells: tuple[Cell, ...], report: RunReport) -> deque[CellStatus]:
        statuses = self._survey(cells)
        self._handle_stale([s for s in statuses.values() if s.state is CellState.STALE])
        queue: deque[CellStatus] = deque()
        for status in statuses.values():
            if status.state is CellState.STALE:
                status = CellStatus(status.cell, CellState.TODO, self._next(status.cell), status.voids)
            if status.state in (CellState.TODO, CellState.OPEN):
                queue.append(status)
            elif status.state is CellState.EXHAUSTED:
                report.exhausted.append(status.cell)
        return queue

    def _next(self, cell: Cell) -> int:
        numbers = self.record.attempts(cell)
        return numbers[-1] + 1 if numbers else 1

    def _handle_stale(self, stale: list[CellStatus]) -> None:
        if not stale or self.options.rerun_stale:
            return
        first = stale[0]
        manifest = read_manifest(self.record.folder(first.cell, first.number)) or {}
        from ralphbench.config import differences

        parts = self.prepared.identity_parts(
            self._task(first.cell), self._profile(first.cell), self._plan_hash(first.cell)
        )
        changed = "\n    ".join(differences(manifest.get("identity_parts", {}), codec.builtins(parts))[:10])
        raise StaleRecord(
            f"{len(stale)} cells were recorded under another identity, {first.cell} among them:\n    {changed}",
            remedy=f"ralphbench run {self.record.name} --rerun-stale   # new attempts for these; the old ones stay",
        )

    def _first_numbers(self) -> dict[str, int]:
        """The lowest attempt that counts for a cell: since the last `--fresh`."""
        first: dict[str, int] = {}
        for event in self.journal.read():
            if event.kind == "fresh":
                first.update(event.data["first"])
        return first

    def _start_afresh(self, cells: tuple[Cell, ...]) -> None:
        self.journal.append("fresh", first={cell.path.as_posix(): self._next(cell) for cell in cells})
        self.journal.sync()

    def _resumable(self, record: ExperimentFolder, cell: Cell, number: int) -> bool:
        """Whether an attempt that was cut off can go on: told the same, and its worktree is still there."""
        folder = record.folder(cell, number)
        spec = read_spec(folder)
        if spec is None:
            self.listener.note(f"{cell} a{number} cannot go on: nothing says what its trial was told")
            return False
        same = spec.mode == self.options.mode and spec.identity == self._identity(cell)
        begun = folder.events.exists() and folder.events.stat().st_size > 0
        return same and (spec.workspace.exists() or not begun)

    # What a trial is told

    def _task(self, cell: Cell) -> Task:
        return next(t for t in self.prepared.experiment.tasks if t.name == cell.task)

    def _profile(self, cell: Cell) -> Profile:
        experiment = self.prepared.experiment
        everybody = (*experiment.profiles, *([experiment.planner] if experiment.planner else []))
        return next(p for p in everybody if p.name == cell.profile)

    def _plan_file(self, cell: Cell) -> Path | None:
        task = self._task(cell)
        return shared_plan(self.prepared.experiment, task, self.prepared.mirrors[task.name].base)

    def _plan_hash(self, cell: Cell) -> str | None:
        path = self._plan_file(cell)
        return None if path is None else plan_hash(load_plan(path))

    def _identity(self, cell: Cell) -> str:
        return self.prepared.identity(self._task(cell), self._profile(cell), self._plan_hash(cell))

    def _make_spec(self, status: CellStatus) -> AttemptSpec:
        return self._spec_in(self.record, status, self.options.mode, self._plan_file(status.cell))

    def _spec_in(self, record: ExperimentFolder, status: CellStatus, mode: str, plan_file: Path | None) -> AttemptSpec:
        """Make the attempt's folder, or take over the one there is, and write what its trial is told."""
        assert self.folder is not None
        assert self.gateway is not None
        experiment, cell = self.prepared.experiment, status.cell
        task, profile = self._task(cell), self._profile(cell)
        mirror = self.prepared.mirrors[task.name]
        folder = record.folder(cell, status.number).create()
        kept = keep_base(mirror, record.path / "bases")
        hash_ = None if plan_file is None else plan_hash(load_plan(plan_file))
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
            folder=folder.path.resolve(),
            workspace=self._workspace(record, cell, status.number),
            mirror=mirror.path,
            base=mirror.base,
            gateway=self.gateway.control,
            gateway_socket=self.gateway.socket,
            leases=self.folder.leases,
            identity=self.prepared.identity(task, profile, hash_),
            plan_file=self._copy_plan(plan_file, folder),
            mode=mode,
            agents=experiment.agents,
            unequal_limits=cell.profile in experiment.unequal_limits,
            started_by=self.folder.run_id,
        )
        write_spec(folder, spec)
        write_manifest(folder, manifest_of(self.prepared, spec, hash_) | {"base_pack": kept.name})
        return spec

    def _workspace(self, record: ExperimentFolder, cell: Cell, number: int) -> Path:
        places, experiment = self.prepared.places, self.prepared.experiment
        name = experiment.name if record is self.record else f"{experiment.name}-plans"
        return places.workspace(experiment.results, name, cell, number)

    def _copy_plan(self, plan_file: Path | None, folder: AttemptFolder) -> Path | None:
        """The plan as it was when the attempt began: the file may be edited later."""
        if plan_file is None:
            return None
        copy = folder.path.resolve() / "shared-plan.yaml"
        if not copy.exists():
            shutil.copyfile(plan_file, copy)
        return copy

    def _finish_dead(self, spec: AttemptSpec, detail: str) -> AttemptResult:
        result = dead_result(spec, Ending.HARNESS, detail)
        write_result(AttemptFolder(spec.folder), result)
        return result

    # Plans for all

    def _make_plans(self, report: RunReport) -> None:
        """Where a profile plans for all, its plans come first; each once a task."""
        experiment = self.prepared.experiment
        if experiment.plan.kind is not PlanModeKind.SHARED_BY or experiment.plan.source is None:
            return
        planner = experiment.plan.source
        self._plan(
            [t.name for t in experiment.tasks if made_plan(self.record, t.name, planner) is None], planner, report
        )
        missing = [t.name for t in experiment.tasks if made_plan(self.record, t.name, planner) is None]
        if missing and not self.stop.level:
            raise RunError(
                f"{planner} made no plan for {', '.join(missing)}: there is nothing to share",
                remedy=f"ls {self.record.plans().cells_path}",
            )

    def _plan(self, tasks: list[str], planner: str, report: RunReport) -> None:
        plans = self.record.plans().create()
        queue: deque[CellStatus] = deque()
        for task in tasks:
            cell = Cell(task, planner, 1)
            numbers = plans.attempts(cell)
            queue.append(CellStatus(cell, CellState.TODO, numbers[-1] + 1 if numbers else 1, 0))
        self._run_cells(queue, lambda status: self._spec_in(plans, status, "plan", None), report)

    def plan_anew(self, planner: str) -> Path:
        """One more plan of the experiment's only task."""
        task = self.prepared.experiment.tasks[0]
        report = RunReport(self.record.name, 0, 1)
        self._ask_servers()
        with self._machinery():
            self._plan([task.name], planner, report)
        path = made_plan(self.record, task.name, planner)
        latest = report.results[-1] if report.results else None
        if path is None or latest is None or latest.number != int(path.parent.name.removeprefix("a")):
            why = "stopped" if latest is None else f"{latest.ending}: {latest.detail}"
            raise RunError(
                f"{planner} made no plan for {task.name} ({why})", remedy=f"ls {self.record.plans().cells_path}"
            )
        return path


def _limits(experiment: Experiment, profile: str, mode: str) -> Limits:
    limits = experiment.limits_of(profile)
    return dataclasses.replace(limits, iterations=1) if mode == "smoke" else limits


def with_agent(experiment: Experiment, agent: str) -> Experiment:
    """The same experiment with every stage through another agent."""

    def changed(profile: Profile) -> Profile:
        stages = {s: dataclasses.replace(m, agent=agent, agent_options={}) for s, m in profile.stages.items()}
        return dataclasses.replace(profile, stages=stages)

    planner = None if experiment.planner is None else changed(experiment.planner)
    return dataclasses.replace(experiment, profiles=tuple(map(changed, experiment.profiles)), planner=planner)
