"""What the end of a gate means: pass, fail or error.

| how it ended | without a report | with a report |
| --- | --- | --- |
| exit 0 | pass | pass if it can be read, at least `min_tests` tests ran and none failed; fail if one failed; else error |
| exit 1 to 123, 128 and up | fail | fail |
| ended by a signal (also as 128 + n, as a shell says it) | fail | fail |
| exit 124 to 127: timed out by itself, not runnable, not found | error | error |
| its time was up, or it was ended from outside | error | error |

An error says that the gate could not judge; at base only `fail` shows that a gate tells work from no work.
"""

from __future__ import annotations

import signal
from pathlib import Path

from ralphbench.grading.counts import ReportError
from ralphbench.grading.reports import read_report
from ralphbench.model import Gate, GateOutcome, Report, TestCounts
from ralphbench.sandbox import Completed

_NOT_RUN = {
    124: "a timeout of its own ran out (exit 124)",
    125: "it could not be started (exit 125)",
    126: "it cannot be executed (exit 126)",
    127: "a command was not found (exit 127)",
}

Judged = tuple[GateOutcome, str, TestCounts | None]


def judge_gate(gate: Gate, done: Completed, checkout: Path) -> Judged:
    """(outcome, reason in words, tests counted) of a gate that has ended."""
    outcome, reason = judge_exit(done, gate.timeout)
    if gate.report is None or outcome is GateOutcome.ERROR:
        return outcome, reason, None
    try:
        tests = read_report(checkout, gate.report)
    except ReportError as error:
        if outcome is GateOutcome.FAIL:
            return outcome, f"{reason}; its report {gate.report.path} {error}", None
        return GateOutcome.ERROR, f"exit 0, but its report {gate.report.path} {error}", None
    if outcome is GateOutcome.FAIL:
        return outcome, f"{reason}{_of(tests)}", tests
    return _judge_report(gate.report, tests)


def judge_exit(done: Completed, timeout: float) -> tuple[GateOutcome, str]:
    """What the end alone means, without a look at a report."""
    if done.timed_out:
        return GateOutcome.ERROR, f"timed out after {timeout:g} s"
    if done.exit is None:
        return GateOutcome.ERROR, "ended from outside"
    if done.exit in _NOT_RUN:
        return GateOutcome.ERROR, _NOT_RUN[done.exit]
    if done.exit == 0:
        return GateOutcome.PASS, "exit 0"
    return GateOutcome.FAIL, _signal(done.exit) or f"exit {done.exit}"


def _signal(status: int) -> str | None:
    number = -status if status < 0 else status - 128
    try:
        return f"killed by {signal.Signals(number).name}"
    except ValueError:
        return None


def _judge_report(report: Report, tests: TestCounts | None) -> Judged:
    if tests is None:
        return GateOutcome.ERROR, f"exit 0, but it wrote no report {report.path}", None
    if tests.failed:
        return GateOutcome.FAIL, f"exit 0, but its report counts failures{_of(tests)}", tests
    if tests.ran < report.min_tests:
        ran = "no test ran" if tests.ran == 0 else f"only {tests.ran} tests ran"
        skipped = f", {tests.skipped} skipped" if tests.skipped else ""
        return GateOutcome.ERROR, f"{ran} (at least {report.min_tests} must{skipped})", tests
    return GateOutcome.PASS, f"exit 0{_of(tests)}", tests


def _of(tests: TestCounts | None) -> str:
    if tests is None:
        return ", no report"
    return f", {tests.failed} of {tests.ran} tests failed" if tests.failed else f", {tests.ran} tests passed"
