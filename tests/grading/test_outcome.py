from __future__ import annotations

from pathlib import Path

import pytest

from ralphbench.grading.outcome import judge_gate
from ralphbench.model import Gate, GateKind, GateOutcome, Report
from ralphbench.sandbox import Completed

GOOD = "1..3\nok\nok\nok\n"
BAD = "1..3\nok\nnot ok\nok\n"
SKIPPED = "1..3\nok # SKIP\nok # SKIP\nok # SKIP\n"

CASES = [
    (0, None, False, "pass", "exit 0"),
    (1, None, False, "fail", "exit 1"),
    (2, None, False, "fail", "exit 2"),
    (123, None, False, "fail", "exit 123"),
    (124, None, False, "error", "timeout of its own"),
    (125, None, False, "error", "could not be started"),
    (126, None, False, "error", "cannot be executed"),
    (127, None, False, "error", "not found"),
    (128, None, False, "fail", "exit 128"),
    (139, None, False, "fail", "killed by SIGSEGV"),
    (255, None, False, "fail", "exit 255"),
    (-6, None, False, "fail", "killed by SIGABRT"),
    (0, GOOD, True, "pass", "exit 0, 3 tests passed"),
    (0, BAD, True, "fail", "1 of 3 tests failed"),
    (0, SKIPPED, True, "error", "no test ran (at least 2 must, 3 skipped)"),
    (0, "1..1\nok\n", True, "error", "only 1 tests ran"),
    (0, "1..0\n", True, "error", "no test ran"),
    (0, None, True, "error", "wrote no report out.tap"),
    (0, "junk", True, "error", "its report out.tap has no plan"),
    (1, GOOD, True, "fail", "exit 1, 3 tests passed"),
    (1, None, True, "fail", "exit 1, no report"),
    (1, "junk", True, "fail", "exit 1; its report out.tap has no plan"),
    (127, GOOD, True, "error", "not found"),
]


@pytest.mark.parametrize(("status", "report", "reports", "outcome", "reason"), CASES)
def test_the_end_of_a_gate_means_one_thing(
    tmp_path: Path, status: int, report: str | None, reports: bool, outcome: str, reason: str
) -> None:
    if report is not None:
        (tmp_path / "out.tap").write_text(report)
    gate = Gate("g", GateKind.GOAL, "x", report=Report("tap", "out.tap", 2) if reports else None)
    done = Completed(exit=status, timed_out=False, seconds=1.0, leftovers=0)
    found, why, _ = judge_gate(gate, done, tmp_path)
    assert found == GateOutcome(outcome)
    assert reason in why


def test_time_that_was_up_is_an_error_whatever_was_reported(tmp_path: Path) -> None:
    (tmp_path / "out.tap").write_text(GOOD)
    gate = Gate("g", GateKind.GOAL, "x", timeout=2.5, report=Report("tap", "out.tap"))
    done = Completed(exit=None, timed_out=True, seconds=2.6, leftovers=3)
    assert judge_gate(gate, done, tmp_path) == (GateOutcome.ERROR, "timed out after 2.5 s", None)
    gone = Completed(exit=None, timed_out=False, seconds=2.6, leftovers=0)
    assert judge_gate(gate, gone, tmp_path)[0] is GateOutcome.ERROR
