"""How tests are counted, the same for every format of report.

A test counts as run when it passed or failed; one that was skipped, is pending or was expected to fail counts as
skipped. So a suite that skips everything has run nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from ralphbench.model import TestCounts


class ReportError(ValueError):
    """A report that cannot be read, or that contradicts itself. The message goes on from `the report`."""


@dataclass(slots=True)
class Counter:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def counts(self) -> TestCounts:
        """As the records have it."""
        return TestCounts(self.passed + self.failed, self.passed, self.failed, self.skipped)
