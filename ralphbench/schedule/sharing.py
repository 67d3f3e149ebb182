"""Plans that one profile makes for all: which are missing, and the making of them. Each once a task, before any cell."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ralphbench.errors import RunError
from ralphbench.model import Cell, PlanModeKind
from ralphbench.record import ExperimentFolder
from ralphbench.schedule.choosing import Chooser
from ralphbench.schedule.report import RunReport
from ralphbench.schedule.stop import StopButton
from ralphbench.schedule.survey import CellState, CellStatus, attempts_of

RunCells = Callable[[deque[CellStatus], ExperimentFolder, RunReport], None]


@dataclass(slots=True)
class SharedPlans:
    """Of one run. `run_cells` runs attempts in a record and adds what came of them to a report."""

    chooser: Chooser
    run_cells: RunCells
    stop: StopButton

    @property
    def record(self) -> ExperimentFolder:
        return self.chooser.record

    def missing(self) -> list[CellStatus]:
        """The plans that are still to be made. Raises StaleRecord for those of another identity."""
        experiment = self.chooser.prepared.experiment
        if experiment.plan.kind is not PlanModeKind.SHARED_BY or experiment.plan.source is None:
            return []
        planner = experiment.plan.source
        statuses = self._standing(planner)
        made = {c: self._made(c) is not None for c in statuses}
        stale = [s for c, s in statuses.items() if s.state is CellState.STALE and (made[c] or s.result is None)]
        self.chooser.refuse_stale(stale, "plans")
        self.chooser.tidy(self.record.plans(), statuses)
        return [s for c, s in statuses.items() if not (s.state is CellState.DONE and made[c])]

    def make(self, report: RunReport) -> None:
        """Make those that are missing. Raises RunError where no plan came of it."""
        missing = self.missing()
        if not missing:
            return
        self._plan(missing, report)
        without = [s.cell.task for s in missing if self._made(s.cell) is None]
        if without and not self.stop.level:
            raise RunError(
                f"{missing[0].cell.profile} made no plan for {', '.join(without)}: there is nothing to share",
                remedy=f"ls {self.record.plans().cells_path}",
            )

    def make_anew(self, planner: str) -> Path:
        """One more plan of the experiment's only task. Raises RunError where no plan came of it."""
        task = self.chooser.prepared.experiment.tasks[0]
        report = RunReport(self.record.name, 0, 1)
        (status,) = self._standing(planner).values()
        self._plan([status], report)
        path = self._made(status.cell)
        latest = report.results[-1] if report.results else None
        if path is None or latest is None or latest.number != int(path.parent.name.removeprefix("a")):
            why = "stopped" if latest is None else f"{latest.ending}: {latest.detail}"
            raise RunError(
                f"{planner} made no plan for {task.name} ({why})", remedy=f"ls {self.record.plans().cells_path}"
            )
        return path

    def _made(self, cell: Cell) -> Path | None:
        return self.chooser.teller.made_plan(cell)

    def _standing(self, planner: str) -> dict[Cell, CellStatus]:
        """Where the making of each task's plan stands."""
        plans = self.record.plans()
        cells = tuple(Cell(task.name, planner, 1) for task in self.chooser.prepared.experiment.tasks)
        return self.chooser.survey(plans, attempts_of(plans), cells, self.chooser.teller.planning_identity)

    def _plan(self, statuses: list[CellStatus], report: RunReport) -> None:
        """One more plan for each; one that was being made when it was cut off goes on."""
        plans = self.record.plans().create()
        queue: deque[CellStatus] = deque()
        for status in statuses:
            if status.state is not CellState.OPEN:
                number = (plans.attempts(status.cell) or (0,))[-1] + 1
                status = CellStatus(status.cell, CellState.TODO, number)
            queue.append(status)
        self.run_cells(queue, plans, report)
        self.chooser.teller.forget_plans()
