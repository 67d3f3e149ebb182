"""One run of an experiment, from the lock to the last cell."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ralphbench.errors import DiskError, WorkspaceError
from ralphbench.grading import remove_abandoned
from ralphbench.model import AttemptResult, AttemptSpec, Ending, Experiment, PlanMode, PlanModeKind
from ralphbench.record import AttemptFolder, ExperimentFolder, Journal, write_result
from ralphbench.schedule.choosing import Chooser, judged, next_number
from ralphbench.schedule.holding import using_mirrors
from ralphbench.schedule.listener import Listener
from ralphbench.schedule.machinery import Machinery, machinery
from ralphbench.schedule.manifest import lock_of
from ralphbench.schedule.options import RunOptions
from ralphbench.schedule.order import cells_in_order
from ralphbench.schedule.places import Places
from ralphbench.schedule.prepare import Prepared, check_disk, check_models, prepare
from ralphbench.schedule.report import RunReport
from ralphbench.schedule.runfolder import Reaped, RunFolder, reap
from ralphbench.schedule.scheduler import Scheduler
from ralphbench.schedule.sharing import SharedPlans
from ralphbench.schedule.stop import StopButton
from ralphbench.schedule.survey import CellStatus, attempts_of
from ralphbench.schedule.telling import Teller
from ralphbench.schedule.tidying import read_journal
from ralphbench.trial import dead_result, keep_work


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
    with record.owner() as lock, using_mirrors(places):
        if lock.taken_over is not None:
            listener.note(f"taking over from a run that died ({lock.taken_over})")
        remove_abandoned(places.grading)
        reaped = reap(places.runtime)
        for each in reaped:
            listener.note(f"reaped {each.run_id} of {each.experiment}: {each.processes} processes ended")
        with stop.at_once():
            prepared = prepare(experiment, places, listener.note)
        for warning in prepared.warnings:
            listener.note(f"warning: {warning}")
        with contextlib.closing(Journal(record.journal)) as journal:
            teller = Teller(prepared, record, options.mode, listener.note)
            with teller.noting() as torn:
                told = read_journal(journal, torn)
            chooser = Chooser(prepared, options, record, journal, teller, told)
            yield _Run(chooser, listener, stop, reaped)


@dataclass(slots=True)
class _Run:
    chooser: Chooser
    listener: Listener
    stop: StopButton
    reaped: tuple[Reaped, ...]
    machine: Machinery | None = None

    @property
    def prepared(self) -> Prepared:
        return self.chooser.prepared

    @property
    def options(self) -> RunOptions:
        return self.chooser.options

    @property
    def record(self) -> ExperimentFolder:
        return self.chooser.record

    @property
    def plans(self) -> SharedPlans:
        return SharedPlans(self.chooser, self._run_cells, self.stop)

    def go(self, on_prepared: Callable[[Prepared], None]) -> RunReport:
        cells = cells_in_order(self.prepared.experiment)
        report = RunReport(self.prepared.experiment.name, 0, len(cells), reaped=self.reaped)
        with self.chooser.teller.noting() as torn:
            attempts = attempts_of(self.record, torn)
        if self.options.fresh:
            self.chooser.told.first.update({c.path.as_posix(): next_number(attempts, c) for c in cells})
        # That there is nothing to do is known before a gateway is started, where no plan is still to be made.
        if not self.plans.missing() and not self.chooser.todo(cells, attempts):
            report.done = len(cells)
            return report
        self._ask_servers(on_prepared)
        with self._machinery():
            self.plans.make(report)
            if not self.stop.level:
                queue = self.chooser.todo(cells, attempts)
                report.done = len(cells) - len(queue)
                before = len(report.results)
                self._run_cells(queue, self.record, report)
                report.done += len({r.cell for r in report.results[before:] if not r.ending.void})
            else:
                report.done = sum(judged(attempts, cell) for cell in cells)
        report.stopped = self.stop.level > 0
        self.chooser.journal.append("run_ended", done=report.done, total=report.total, stopped=report.stopped)
        return report

    def plan_anew(self, planner: str) -> Path:
        """One more plan of the experiment's only task."""
        self._ask_servers()
        with self._machinery():
            return self.plans.make_anew(planner)

    def _ask_servers(self, on_prepared: Callable[[Prepared], None] = lambda prepared: None) -> None:
        """The last thing before anything is spent; and what was found is written down."""
        with self.stop.at_once():
            check_models(self.prepared, self.listener.note)
            lock = lock_of(self.prepared)
            on_prepared(self.prepared)
        if self.options.mode != "plan" or not self.record.lock_path.exists():
            known = (self.record.read_lock() or {}).get("identities", {})
            self.record.write_lock({**lock, "identities": known})
            self.record.note_identities(self.chooser.teller.identities)

    @contextlib.contextmanager
    def _machinery(self) -> Iterator[None]:
        log = self.record.path / "gateway.log"
        with machinery(self.prepared.experiment, self.prepared.places, log, self._begin) as self.machine:
            yield

    def _begin(self, folder: RunFolder) -> None:
        journal, options = self.chooser.journal, self.options
        journal.append("run_started", run=folder.run_id, jobs=options.jobs, mode=options.mode)
        for damage in journal.damages:
            self.listener.note(str(damage))
        if options.fresh:
            journal.append("fresh", first=self.chooser.told.first)
            journal.sync()

    def _run_cells(self, queue: deque[CellStatus], record: ExperimentFolder, report: RunReport) -> None:
        machine = self.machine
        assert machine is not None
        scheduler = Scheduler(
            queue=queue,
            jobs=self.options.jobs,
            void_retries=self.prepared.experiment.void_retries,
            journal=self.chooser.journal,
            gateway=machine.gateway,
            make_spec=lambda status: self.chooser.teller.tell(record, status, machine.folder, machine.gateway),
            finish_dead=lambda spec, ending, detail: _finish_dead(spec, ending, detail, self.listener.note),
            listener=self.listener,
            stop=self.stop,
            control=self.record.path / "control",
            check_disk=lambda: check_disk(self.prepared.experiment, self.prepared.places),
            keep_workspaces=self.options.keep_workspaces,
        )
        scheduler.run()
        report.results += scheduler.results
        report.exhausted += scheduler.exhausted
        report.unjudged |= scheduler.unjudged


def _finish_dead(
    spec: AttemptSpec, ending: Ending, detail: str, say: Callable[[str], None]
) -> tuple[AttemptResult, bool]:
    folder, kept = AttemptFolder(spec.folder), True
    try:
        keep_work(spec.workspace, folder)
    except (DiskError, WorkspaceError) as error:
        say(f"the work of {spec.cell} a{spec.number} could not be kept, and stays in {spec.workspace}: {error}")
        kept = False
    result = dead_result(spec, ending, detail)
    write_result(folder, result)
    return result, kept
