"""Runs the cells of an experiment to their end, or to where it is told to stop."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ralphbench.errors import DiskError
from ralphbench.model import AttemptResult, AttemptSpec, Cell, Ending
from ralphbench.record import AttemptFolder, Journal, read_result
from ralphbench.schedule.gateway import RunGateway
from ralphbench.schedule.journaling import note_end
from ralphbench.schedule.listener import Listener
from ralphbench.schedule.stop import StopButton
from ralphbench.schedule.survey import CellState, CellStatus
from ralphbench.schedule.trials import RunningTrial, log_tail, start_trial
from ralphbench.schedule.wishes import Wishes
from ralphbench.trial import Exit, read_history
from ralphbench.workspace import remove_tree

TICK = 0.1
"""Seconds between two looks at the children."""
MOST_RESTARTS = 3
"""How often a trial that dies without getting any further is started again before it counts as void."""


@dataclass(slots=True)
class Scheduler:
    """One run. `make_spec` writes an attempt's folder and returns what its trial is told."""

    queue: deque[CellStatus]
    jobs: int
    void_retries: int
    journal: Journal
    gateway: RunGateway
    make_spec: Callable[[CellStatus], AttemptSpec]
    finish_dead: Callable[[AttemptSpec, Ending, str], tuple[AttemptResult, bool]]
    """Commits an attempt whose trial cannot be brought to an end, as void. False: what it did could not be kept."""
    listener: Listener
    stop: StopButton
    control: Path
    """The folder of requests from outside."""
    check_disk: Callable[[], None]
    """Raises DiskError where there is no room to begin an attempt, or to go on with one."""
    keep_workspaces: bool = False
    running: list[RunningTrial] = field(default_factory=list)
    crashes: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Attempt to (deaths without progress, boundaries reached at the last one)."""
    results: list[AttemptResult] = field(default_factory=list)
    exhausted: list[Cell] = field(default_factory=list)
    unjudged: dict[Cell, str] = field(default_factory=dict)
    """Whose work is done and could not be judged, and why."""
    _refused: list[tuple[RunningTrial, int]] = field(default_factory=list)
    """Trials that the disk has cut off: they go on when there is room, or nobody is left whose end could bring it."""
    _voids: Counter[Cell] = field(default_factory=Counter)
    """By this run alone: whoever types the command again wants the cell tried again."""

    def run(self) -> None:
        """Returns when nothing is left to do, or everything has stopped."""
        wishes = Wishes(self.journal, self.listener, self.stop, self.control)
        wishes.drop_old()
        try:
            while self.running or self._refused or (self.queue and not self._stopping()):
                wishes.hear()
                wishes.pass_on_stop(self.running)
                self._look_after_gateway()
                self._reap()
                self._take_up_refused()
                if not wishes.paused:
                    self._fill()
                self.listener.tick(self.running, len(self.queue))
                time.sleep(TICK)
        finally:
            with contextlib.ExitStack() as ends:  # every one of them, also where one does not die
                for trial in self.running:
                    ends.callback(trial.end)

    def _stopping(self) -> bool:
        return self.stop.level > 0

    def _fill(self) -> None:
        while self.queue and len(self.running) < self.jobs and not self._stopping():
            if not self._room():
                return
            status = self.queue.popleft()
            spec = self.make_spec(status)
            resumed = status.state is CellState.OPEN
            started = {
                "cell": str(status.cell),
                "attempt": status.number,
                "resumed": resumed,
                "plan": spec.mode == "plan",
            }
            self.journal.append("cell_started", **started, **dataclasses.asdict(status.cell))
            self.running.append(start_trial(spec, resumed=resumed, gateway=self.gateway.starts))
            self.listener.cell_started(spec, resumed=resumed)

    def _reap(self) -> None:
        for trial in list(self.running):
            code = trial.poll()
            if code is None:
                continue
            self.running.remove(trial)
            trial.end()
            result = read_result(AttemptFolder(trial.spec.folder))
            if result is not None:
                self._committed(trial, result)
            elif code == Exit.NO_DISK:
                self._refused.append((trial, code))
                self.listener.note(f"{trial.cell}: cut off, the disk takes no more: {log_tail(trial.spec.folder)}")
            else:
                self._cut_off(trial, code)

    def _committed(self, trial: RunningTrial, result: AttemptResult, *, kept: bool = True) -> None:
        self.results.append(result)
        if kept and not self.keep_workspaces:
            with contextlib.suppress(OSError):  # what an agent made unremovable is `ralphbench clean`'s to complain of
                remove_tree(trial.spec.workspace)
        # After the worktree: an attempt without this entry is tidied up by the next run.
        note_end(self.journal, result)
        note = self._requeue_void(trial, result) if result.ending.void else ""
        self.listener.cell_ended(trial.spec, result, note)

    def _requeue_void(self, trial: RunningTrial, result: AttemptResult) -> str:
        """A void attempt is followed by another, at the end of its round, as long as its cell has retries left."""
        self._voids[trial.cell] += result.ending is not Ending.INTERRUPTED
        voids = self._voids[trial.cell]
        if voids > self.void_retries:
            self.exhausted.append(trial.cell)
            path, plan = trial.cell.path.as_posix(), trial.spec.mode == "plan"
            self.journal.append("cell_exhausted", cell=str(trial.cell), path=path, plan=plan, voids=voids)
            return f"void {voids} times: not tried again by this run"
        later = CellStatus(trial.cell, CellState.TODO, result.number + 1)
        self._insert_in_round(later)
        self.journal.append("cell_requeued", cell=str(trial.cell), attempt=later.number, voids=voids)
        return "void: queued again"

    def _insert_in_round(self, status: CellStatus) -> None:
        index = len(self.queue)
        while index > 0 and self.queue[index - 1].cell.repeat > status.cell.repeat:
            index -= 1
        self.queue.insert(index, status)

    def _cut_off(self, trial: RunningTrial, code: int) -> None:
        """A trial that left no result: asked to stop, its gateway gone, or killed. It goes on where it was."""
        spec = trial.spec
        asked = self._stopping() and code == Exit.INTERRUPTED
        self.journal.append("cell_cut_off", cell=str(trial.cell), attempt=spec.number, exit=code, asked=asked)
        if asked:
            self.listener.cell_ended(spec, None, "stopped; the same command goes on with it")
            return
        tail = log_tail(spec.folder)
        if code == Exit.UNJUDGED:
            self._unjudged(trial, tail.rpartition("NotJudged: ")[2])
            return
        count = self._count_death(trial, code)
        if count > MOST_RESTARTS:
            ending = Ending.DISK if code == Exit.NO_DISK else Ending.HARNESS
            result, kept = self.finish_dead(spec, ending, f"the trial process died {count} times (exit {code}): {tail}")
            self._committed(trial, result, kept=kept)
            return
        self.listener.note(f"{trial.cell}: its process ended with {code}; it goes on from its last boundary {tail}")
        if self._stopping():
            self.listener.cell_ended(spec, None, "cut off; the same command goes on with it")
        else:
            self.queue.appendleft(CellStatus(trial.cell, CellState.OPEN, spec.number))

    def _take_up_refused(self) -> None:
        """Nothing can be journaled of them before there is room."""
        if self._refused and self._room():
            refused, self._refused = self._refused, []
            for trial, code in refused:
                self._cut_off(trial, code)

    def _room(self) -> bool:
        """Whether the disk takes more. One who runs may be who fills it, and then clears it when it ends: that is waited
        for. Raises DiskError where nobody runs: the run ends, and the same command goes on when there is room.
        """
        try:
            self.check_disk()
        except DiskError:
            if not self.running:
                raise
            return False
        return True

    def _unjudged(self, trial: RunningTrial, why: str) -> None:
        """Its work is kept. It is judged once more when all else is done; then by the next run."""
        later = trial.cell not in self.unjudged and not self._stopping()
        self.unjudged[trial.cell] = why
        if later:
            self.queue.append(CellStatus(trial.cell, CellState.OPEN, trial.spec.number))
        when = "it is judged again when all else is done" if later else "the same command judges it again"
        self.listener.cell_ended(trial.spec, None, f"not judged, {when}: {why}")

    def _count_death(self, trial: RunningTrial, code: int) -> int:
        """Deaths in a row between which the attempt came no further. What the gateway's death cut off has not died."""
        if code == Exit.INTERRUPTED and (trial.gateway != self.gateway.starts or not self.gateway.alive()):
            return 0
        reached = read_history(AttemptFolder(trial.spec.folder)).checkpoints
        count, before = self.crashes.get(trial.spec.id, (0, -1))
        count = count + 1 if reached == before else 1
        self.crashes[trial.spec.id] = count, reached
        return count

    def _look_after_gateway(self) -> None:
        if self.gateway.alive() or self._stopping():
            return
        self.journal.append("gateway_restarted", starts=self.gateway.starts)
        self.listener.note("the gateway was gone and is started again; what it cut off goes on")
        self.gateway.restart()
