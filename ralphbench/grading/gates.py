"""Run the gates of a task on a sealed checkout, one after the other, each ended with everything that it started."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ralphbench.grading.counts import ReportError
from ralphbench.grading.outcome import Judged, judge_gate
from ralphbench.grading.reports import clear_report
from ralphbench.grading.seal import Checkout
from ralphbench.model import Gate, GateOutcome, GateResult, Tampering, Task
from ralphbench.record import make_folder
from ralphbench.sandbox import Sandbox

Emit = Callable[[GateResult], None]

_FIND_TOOLS = 'for tool in "$@"; do command -v "$tool" >/dev/null 2>&1 || printf "%s\\n" "$tool"; done'
_FIND_TIMEOUT = 30.0
_MISSING, _COMMA = "missing: ", ", "


@dataclass(slots=True)
class Run:
    """One run of a task's gates: results are emitted one by one, before the next gate starts."""

    task: Task
    checkout: Checkout
    sandbox: Sandbox
    out: Path
    """Folder of the logs: `<gate>.log`."""

    def results(self) -> Iterator[tuple[GateResult, tuple[Tampering, ...]]]:
        """Each gate's result as it ends, with what the gate's command did to the grader's own files."""
        make_folder(self.out)
        missing = self.missing_tools()
        for gate in self.task.gates:
            if missing:
                yield self._result(gate, (GateOutcome.ERROR, _MISSING + _COMMA.join(missing), None), None, 0.0), ()
                continue
            result = self._run(gate)
            # The last gate's traces can mislead nobody, but they tell of the code that was judged.
            yield result, self.checkout.renew(gate.id)

    def missing_tools(self) -> tuple[str, ...]:
        """Those of the task's `needs` that are not there in the sandbox."""
        if not self.task.needs:
            return ()
        log = self.out / "needs.log"
        self.sandbox.run(
            ["sh", "-c", _FIND_TOOLS, "sh", *self.task.needs], env=self._env(), timeout=_FIND_TIMEOUT, log=log
        )
        missing = tuple(log.read_text("utf-8", "replace").split("\n")[:-1])
        log.unlink()
        return missing

    def _run(self, gate: Gate) -> GateResult:
        if gate.report is not None:
            try:
                clear_report(self.checkout.path, gate.report)
            except ReportError as error:
                return self._result(gate, (GateOutcome.ERROR, f"its report {error}", None), None, 0.0)
        done = self.sandbox.run(
            ["sh", "-c", gate.run],
            env=self._env() | {"RALPHBENCH_GATE": gate.id},
            timeout=gate.timeout,
            log=self._log(gate),
            cwd=self.checkout.path,
        )
        return self._result(gate, judge_gate(gate, done, self.checkout.path), done.exit, done.seconds)

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


def missing_in(results: Sequence[GateResult]) -> tuple[str, ...]:
    """The tools for want of which no gate could run; empty where they ran."""
    reasons = {result.reason for result in results}
    if len(reasons) != 1 or not (reason := reasons.pop()).startswith(_MISSING):
        return ()
    return tuple(reason.removeprefix(_MISSING).split(_COMMA))
