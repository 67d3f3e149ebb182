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
from ralphbench.model import (
    AttemptResult,
    AttemptSpec,
    Cell,
    Ending,
    Experiment,
    PlanMode,
    PlanModeKind,
    Profile,
    codec,
)
from ralphbench.record import AttemptFolder, ExperimentFolder, Journal, read_manifest, write_result
from ralphbench.schedule.gateway import RunGateway
from ralphbench.schedule.leases import Leases, serve_leases
from ralphbench.schedule.manifest import lock_of
from ralphbench.schedule.options import RunOptions
from ralphbench.schedule.order import cells_in_order
from ralphbench.schedule.places import Places
from ralphbench.schedule.plans import made_plan
from ralphbench.schedule.prepare import Prepared, check_disk, check_models, prepare
from ralphbench.schedule.runfolder import Reaped, RunFolder, reap
from ralphbench.schedule.scheduler import Listener, Scheduler
from ralphbench.schedule.stop import StopButton
from ralphbench.schedule.survey import Attempts, CellState, CellStatus, attempts_of, ours, survey
from ralphbench.schedule.telling import Teller
from ralphbench.schedule.tidying import Told, read_journal, tidy
from ralphbench.trial import dead_result


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
        with stop.at_once():
            prepared = prepare(experiment, places, listener.note)
        for warning in prepared.warnings:
            listener.note(f"warning: {warning}")
        with contextlib.closing(Journal(record.journal)) as journal:
            teller = Teller(prepared, record, options.mode, listener.note)
            yield _Run(
                prepared, options, record, journal, listener, stop, reaped, teller=teller, told=read_journal(journal)
            )


@dataclass(slots=True)
class _Run:
    prepared: Prepared
    options: RunOptions
    record: ExperimentFolder
    journal: Journal
    listener: Listener
    stop: StopButton
    reaped: tuple[Reaped, ...]
    teller: Teller
    told: Told
    folder: RunFolder | None = None
    gateway: RunGateway | None = None

    def go(self, on_prepared: Callable[[Prepared], None]) -> RunReport:
        cells = cells_in_order(self.prepared.experiment)
        report = RunReport(self.prepared.experiment.name, 0, len(cells), reaped=self.reaped)
        attempts = attempts_of(self.record)
        if self.options.fresh:
            self.told.first.update({c.path.as_posix(): _next(attempts, c) for c in cells})
        # That there is nothing to do is known before a gateway is started, where no plan is still to be made.
        if not self._plans_to_make():
            queue = self._todo(cells, attempts, report)
            if not queue:
                report.done = len(cells) - len(report.exhausted)
                return report
            report.exhausted.clear()
        self._ask_servers(on_prepared)
        with self._machinery():
            self._make_plans(report)
            if not self.stop.level:
                queue = self._todo(cells, attempts, report)
                report.done = len(cells) - len(report.exhausted) - len(queue)
                before = len(report.results)
                self._run_cells(queue, self.record, report)
                report.done += len({r.cell for r in report.results[before:] if not r.ending.void})
            else:
                report.done = sum(_judged(attempts, cell) for cell in cells)
        report.stopped = self.stop.level > 0
        self.journal.append("run_ended", done=report.done, total=report.total, stopped=report.stopped)
        return report

    def _ask_servers(self, on_prepared: Callable[[Prepared], None] = lambda prepared: None) -> None:
        """The last thing before anything is spent; and what was found is written down."""
        with self.stop.at_once():
            check_models(self.prepared, self.listener.note)
            lock = lock_of(self.prepared)
            on_prepared(self.prepared)
        if self.options.mode != "plan" or not self.record.lock_path.exists():
            self.record.write_lock(lock)

    @contextlib.contextmanager
    def _machinery(self) -> Iterator[None]:
        """The run's own processes and sockets, for as long as there are trials."""
        experiment, places = self.prepared.experiment, self.prepared.places
        self.folder = RunFolder(places.runtime, experiment.name)
        try:
            self.journal.append("run_started", run=self.folder.run_id, jobs=self.options.jobs, mode=self.options.mode)
            if self.options.fresh:
                self.journal.append("fresh", first=self.told.first)
                self.journal.sync()
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

    def _run_cells(self, queue: deque[CellStatus], record: ExperimentFolder, report: RunReport) -> None:
        folder, gateway = self.folder, self.gateway
        assert folder is not None
        assert gateway is not None
        scheduler = Scheduler(
            queue=queue,
            jobs=self.options.jobs,
            void_retries=self.prepared.experiment.void_retries,
            journal=self.journal,
            gateway=gateway,
            make_spec=lambda status: self.teller.tell(record, status, folder, gateway),
            finish_dead=_finish_dead,
            listener=self.listener,
            stop=self.stop,
            control=self.record.path / "control",
            check_disk=lambda: check_disk(self.prepared.experiment, self.prepared.places),
            keep_workspaces=self.options.keep_workspaces,
        )
        scheduler.run()
        report.results += scheduler.results
        report.exhausted += scheduler.exhausted

    # Which cells

    def _survey(
        self, record: ExperimentFolder, attempts: Attempts, cells: tuple[Cell, ...], identity: Callable[[Cell], str]
    ) -> dict[Cell, CellStatus]:
        return survey(
            attempts,
            cells,
            identity=identity,
            resumable=lambda cell, number: self.teller.resumable(record, cell, number),
            void_retries=self.prepared.experiment.void_retries,
            first=self.told.first if record is self.record else {},
        )

    def _todo(self, cells: tuple[Cell, ...], attempts: Attempts, report: RunReport) -> deque[CellStatus]:
        statuses = self._survey(self.record, attempts, cells, self.teller.identity)
        self._refuse_stale([s for s in statuses.values() if s.state is CellState.STALE])
        tidy(self.record, attempts, statuses, self.told, self.teller, self.journal)
        queue: deque[CellStatus] = deque()
        for status in statuses.values():
            if status.state is CellState.STALE:
                status = CellStatus(status.cell, CellState.TODO, _next(attempts, status.cell), status.voids)
            if status.state in (CellState.TODO, CellState.OPEN):
                queue.append(status)
            elif status.state is CellState.EXHAUSTED:
                report.exhausted.append(status.cell)
        return queue

    def _refuse_stale(self, stale: list[CellStatus], what: str = "cells") -> None:
        if not stale or self.options.rerun_stale:
            return
        first = stale[0]
        planning = what == "plans"
        record = self.record.plans() if planning else self.record
        manifest = read_manifest(record.folder(first.cell, first.number)) or {}
        from ralphbench.config import differences

        hash_ = None if planning else self.teller.plan_hash(first.cell)
        parts = self.prepared.identity_parts(self.teller.task(first.cell), self.teller.profile(first.cell), hash_)
        changed = "\n    ".join(differences(manifest.get("identity_parts", {}), codec.builtins(parts))[:10])
        raise StaleRecord(
            f"{len(stale)} {what} were recorded under another identity, {first.cell} among them:\n    {changed}",
            remedy=f"ralphbench run {self.record.name} --rerun-stale   # new attempts for these; the old ones stay",
        )

    # Plans for all

    def _planning(self, planner: str) -> dict[Cell, CellStatus]:
        """Where the making of each task's plan stands."""
        plans = self.record.plans()
        cells = tuple(Cell(task.name, planner, 1) for task in self.prepared.experiment.tasks)
        return self._survey(plans, attempts_of(plans), cells, self.teller.planning_identity)

    def _plans_to_make(self) -> list[CellStatus]:
        """Where a profile plans for all: the plans that are missing. Raises StaleRecord for those of another identity."""
        experiment = self.prepared.experiment
        if experiment.plan.kind is not PlanModeKind.SHARED_BY or experiment.plan.source is None:
            return []
        planner = experiment.plan.source
        statuses = self._planning(planner)
        made = {c: made_plan(self.record, c.task, planner) is not None for c in statuses}
        self._refuse_stale([s for c, s in statuses.items() if s.state is CellState.STALE and made[c]], "plans")
        return [s for c, s in statuses.items() if not (s.state is CellState.DONE and made[c])]

    def _make_plans(self, report: RunReport) -> None:
        """The plans come first; each once a task."""
        missing = self._plans_to_make()
        if not missing:
            return
        report.exhausted += [s.cell for s in missing if s.state is CellState.EXHAUSTED]
        self._plan([s for s in missing if s.state is not CellState.EXHAUSTED], report)
        planner = missing[0].cell.profile
        without = [s.cell.task for s in missing if made_plan(self.record, s.cell.task, planner) is None]
        if without and not self.stop.level:
            raise RunError(
                f"{planner} made no plan for {', '.join(without)}: there is nothing to share",
                remedy=f"ls {self.record.plans().cells_path}",
            )

    def _plan(self, statuses: list[CellStatus], report: RunReport) -> None:
        """One more plan for each; one that was being made when it was cut off goes on."""
        plans = self.record.plans().create()
        queue: deque[CellStatus] = deque()
        for status in statuses:
            if status.state is not CellState.OPEN:
                number = (plans.attempts(status.cell) or (0,))[-1] + 1
                status = CellStatus(status.cell, CellState.TODO, number, status.voids)
            queue.append(status)
        self._run_cells(queue, plans, report)
        self.teller.forget_plans()

    def plan_anew(self, planner: str) -> Path:
        """One more plan of the experiment's only task."""
        task = self.prepared.experiment.tasks[0]
        report = RunReport(self.record.name, 0, 1)
        self._ask_servers()
        (status,) = self._planning(planner).values()
        with self._machinery():
            self._plan([dataclasses.replace(status, voids=0)], report)
        path = made_plan(self.record, task.name, planner)
        latest = report.results[-1] if report.results else None
        if path is None or latest is None or latest.number != int(path.parent.name.removeprefix("a")):
            why = "stopped" if latest is None else f"{latest.ending}: {latest.detail}"
            raise RunError(
                f"{planner} made no plan for {task.name} ({why})", remedy=f"ls {self.record.plans().cells_path}"
            )
        return path


def _next(attempts: Attempts, cell: Cell) -> int:
    found = attempts.get(cell.path.as_posix())
    return found[-1][0] + 1 if found else 1


def _judged(attempts: Attempts, cell: Cell) -> bool:
    """Whether anything counts for the cell, where stopping came before the plan that its identity hangs on."""
    found = ours(list(attempts.get(cell.path.as_posix(), ())))
    return any(result is not None and not result.ending.void for _, result in found)


def _finish_dead(spec: AttemptSpec, detail: str) -> AttemptResult:
    result = dead_result(spec, Ending.HARNESS, detail)
    write_result(AttemptFolder(spec.folder), result)
    return result


def with_agent(experiment: Experiment, agent: str) -> Experiment:
    """The same experiment with every stage through another agent."""

    def changed(profile: Profile) -> Profile:
        stages = {s: dataclasses.replace(m, agent=agent, agent_options={}) for s, m in profile.stages.items()}
        return dataclasses.replace(profile, stages=stages)

    planner = None if experiment.planner is None else changed(experiment.planner)
    return dataclasses.replace(experiment, profiles=tuple(map(changed, experiment.profiles)), planner=planner)
