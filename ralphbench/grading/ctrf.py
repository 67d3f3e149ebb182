"""CTRF (Common Test Report Format, JSON): every entry of `results.tests` is one test. The summary is not believed."""

from __future__ import annotations

from typing import Any

from ralphbench.grading.counts import Counter, ReportError
from ralphbench.model import TestCounts, codec


def read_ctrf(data: bytes) -> TestCounts:
    """Raises ReportError. A status other than passed, skipped and pending counts as failed."""
    tests = _tests(data)
    counter = Counter()
    for n, test in enumerate(tests):
        status = test.get("status") if isinstance(test, dict) else None
        if not isinstance(status, str):
            raise ReportError(f"has a test without a status (number {n + 1})")
        if status == "passed":
            counter.passed += 1
        elif status in ("skipped", "pending"):
            counter.skipped += 1
        else:
            counter.failed += 1
    return counter.counts()


def _tests(data: bytes) -> list[Any]:
    try:
        report = codec.loads_any(data)
    except (ValueError, RecursionError) as error:
        raise ReportError(f"is no JSON: {error}") from error
    results = report.get("results") if isinstance(report, dict) else None
    tests = results.get("tests") if isinstance(results, dict) else None
    if not isinstance(tests, list):
        raise ReportError("is no CTRF report: it has no list `results.tests`")
    return tests
