"""Which cells a run has to do: those that have no result of today's identity."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ralphbench.config import differences
from ralphbench.errors import StaleRecord
from ralphbench.model import Cell, codec
from ralphbench.record import ExperimentFolder, Journal, read_manifest
from ralphbench.schedule.options import RunOptions
from ralphbench.schedule.prepare import Prepared
from ralphbench.schedule.race import Race
from ralphbench.schedule.resuming import cut_off
from ralphbench.schedule.survey import Attempts, CellState, CellStatus, attempts_of, ours, survey
from ralphbench.schedule.telling import Teller
from ralphbench.schedule.tidying import Told, tidy


@dataclass(slots=True)
class Chooser:
    """Of one run."""

    prepared: Prepared
    options: RunOptions
    record: ExperimentFolder
    journal: Journal
    teller: Teller
    told: Told

    def survey(
        self, record: ExperimentFolder, attempts: Attempts, cells: tuple[Cell, ...], identity: Callable[[Cell], str]
    ) -> dict[Cell, CellStatus]:
        """Where each cell stands, or in `record.plans()` the making of each plan."""
        return survey(
            attempts,
            cells,
            identity=identity,
            cut_off=lambda cell, number: cut_off(self.teller, record, cell, number),
            first=self.told.first if record is self.record else {},
        )

    def todo(self, cells: tuple[Cell, ...], attempts: Attempts) -> deque[CellStatus]:
        """What is to be run, in order. Raises StaleRecord."""
        statuses = self.survey(self.record, attempts, cells, self.teller.identity)
        self.refuse_stale([s for s in statuses.values() if s.state is CellState.STALE])
        if self.options.mode == "full":  # anything else is no race
            self._refuse_another_race(statuses, attempts)
        self.record.note_identities(self.teller.identities)
        self.tidy(self.record, statuses, attempts)
        queue: deque[CellStatus] = deque()
        for status in statuses.values():
            if status.state is CellState.STALE:
                status = CellStatus(status.cell, CellState.TODO, next_number(attempts, status.cell))
            if status.state in (CellState.TODO, CellState.OPEN):
                queue.append(status)
        return queue

    def tidy(
        self, record: ExperimentFolder, statuses: Mapping[Cell, CellStatus], attempts: Attempts | None = None
    ) -> None:
        """After earlier runs, once it is clear which of their attempts go on."""
        found = attempts_of(record) if attempts is None else attempts
        tidy(record, found, statuses, self.told, self.teller, self.journal)

    def refuse_stale(self, stale: list[CellStatus], what: str = "cells") -> None:
        """Raises StaleRecord that names what has changed, unless new attempts were asked for."""
        if not stale or self.options.rerun_stale:
            return
        first = stale[0]
        planning = what == "plans"
        record = self.record.plans() if planning else self.record
        manifest = read_manifest(record.folder(first.cell, first.number)) or {}
        hash_ = None if planning else self.teller.plan_hash(first.cell)
        parts = self.prepared.identity_parts(self.teller.task(first.cell), self.teller.profile(first.cell), hash_)
        changed = "\n    ".join(differences(manifest.get("identity_parts", {}), codec.builtins(parts))[:10])
        open_ = sum(status.result is None for status in stale)
        told = f" ({open_} cut off: as it was, they would go on)" if open_ else ""
        raise StaleRecord(
            f"{len(stale)} {what} were recorded under another identity{told}, {first.cell} among them:\n    {changed}",
            remedy=f"ralphbench run {self.record.name} --rerun-stale   # new attempts for these; the old ones stay",
        )

    def _refuse_another_race(self, statuses: Mapping[Cell, CellStatus], attempts: Attempts) -> None:
        """Raises StaleRecord where the cells that this run was not asked for ran under other conditions; warns where new
        attempts were asked for all the same.
        """
        race = Race(self.prepared, self.teller, self.record)
        found = list(race.unlike(attempts, {cell.path.as_posix() for cell in statuses}))
        if not found:
            return
        changed = "\n    ".join(found[0].differences[:10])
        message = (
            f"{len(found)} recorded cells that this run leaves out were another race, {found[0].cell} among them:\n"
            f"    {changed}"
        )
        if self.options.rerun_stale:
            self.teller.note(f"warning: {message}")
            return
        name = self.record.name
        raise StaleRecord(
            message,
            remedy=f"ralphbench run {name} --rerun-stale   # all of it anew; with --profile or --task only that, and the "
            "comparison says that the race was not the same",
            question="Go on all the same? The comparison will say that the race was not the same for all.",
        )


def next_number(attempts: Attempts, cell: Cell) -> int:
    found = attempts.get(cell.path.as_posix())
    return found[-1][0] + 1 if found else 1


def judged(attempts: Attempts, cell: Cell) -> bool:
    """Whether anything counts for the cell, where stopping came before the plan that its identity hangs on."""
    found = ours(list(attempts.get(cell.path.as_posix(), ())))
    return any(result is not None and not result.ending.void for _, result in found)
