"""Run the gates of a task on a sealed checkout, one after the other, each ended with everything that it started."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ralphbench.errors import DiskError
from ralphbench.grading.counts import ReportError
from ralphbench.grading.needs import require_in
from ralphbench.grading.outcome import Judged, judge_gate
from ralphbench.grading.reports import clear_report
from ralphbench.grading.seal import Checkout
from ralphbench.model import Gate, GateOutcome, GateResult, Tampering, Task
from ralphbench.record import Room, free_room, make_folder, refuse_full, taken_by
from ralphbench.sandbox import Sandbox
from ralphbench.workspace import tree_bytes

Emit = Callable[[GateResult], None]

_NOT_FOUND = 127
"""Exit status of a shell that has not found a command."""


@dataclass(slots=True)
class Run:
    """One run of a task's gates: results are emitted one by one, before the next gate starts."""

    task: Task
    checkout: Checkout
    sandbox: Sandbox
    home: Path
    """The gates' own HOME, with their TMPDIR in it."""
    out: Path
    """Folder of the logs: `<gate>.log`."""

    def results(self) -> Iterator[tuple[GateResult, tuple[Tampering, ...]]]:
        """Each gate's result as it ends, with what the gate's command did to the grader's own files. Raises ToolMissing."""
        make_folder(self.out)
        self._require_tools()
        for gate in self.task.gates:
            result = self._run(gate)
            if result.exit == _NOT_FOUND:  # perhaps what was there before the first gate
                self._require_tools()
            # The last gate's traces can mislead nobody, but they tell of the code that was judged.
            yield result, self.checkout.renew(gate.id)

    def _require_tools(self) -> None:
        require_in(self.sandbox, self.task.name, self.task.needs, self._env(), self.out / "needs.log")

    def _run(self, gate: Gate) -> GateResult:
        if gate.report is not None:
            try:
                clear_report(self.checkout.path, gate.report)
            except ReportError as error:
                return self._result(gate, (GateOutcome.ERROR, f"its report {error}", None), None, 0.0)
        began = time.monotonic()
        try:
            done = self.sandbox.run(
                ["sh", "-c", gate.run],
                env=self._env() | {"RALPHBENCH_GATE": gate.id},
                timeout=gate.timeout,
                log=self._log(gate),
                cwd=self.checkout.path,
            )
            judged = judge_gate(gate, done, self.checkout.path)
            # Tools that find no room to write may say anything, also that all is well.
            refuse_full(self.checkout.path.parent, self.out)
        except DiskError:
            if not self._clear_if_short():
                raise
            return self._result(gate, (GateOutcome.ERROR, "it filled the disk", None), None, time.monotonic() - began)
        self._clear_if_short()
        return self._result(gate, judged, done.exit, done.seconds)

    def _clear_if_short(self) -> bool:
        """Begin with a fresh checkout where the code under test has filled the disk. False: it has not, or others have."""
        place = self.checkout.path.parent
        free = free_room(place)
        if free.enough():
            return False
        taken, given = taken_by([place]), tree_bytes(self.checkout.git, "HEAD")
        if not free.plus(Room(max(0, taken.bytes - given), taken.files)).enough():
            return False
        for folder, _, names in os.walk(self.home):
            for name in names:
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(folder, name))
        self.checkout.start_over()
        return True

    def _env(self) -> dict[str, str]:
        """The sandbox's own, and: no repository above the checkout is the checkout's, no byte code is left in it."""
        ceiling = os.path.dirname(self.sandbox.inside(self.checkout.path))
        return {**self.sandbox.base_env(), "GIT_CEILING_DIRECTORIES": ceiling, "PYTHONDONTWRITEBYTECODE": "1"}

    def _log(self, gate: Gate) -> Path:
        return self.out / f"{gate.id.replace('/', '+')}.log"

    def _result(self, gate: Gate, judged: Judged, status: int | None, seconds: float) -> GateResult:
        outcome, reason, tests = judged
        log = self._log(gate)
        return GateResult(
            id=gate.id,
            kind=gate.kind,
            outcome=outcome,
            reason=reason,
            weight=gate.weight,
            phase=gate.phase,
            exit=status,
            seconds=seconds,
            tests=tests,
            log=f"{self.out.name}/{log.name}" if log.exists() else None,
        )
