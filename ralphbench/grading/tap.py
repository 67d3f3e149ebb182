"""TAP 13 and 14: test points at the left margin count; subtests are summed up by the point that follows them.

`# SKIP` is skipped; `# TODO` is skipped too, whatever its result: nobody expects it to pass yet. Points that the plan
promises and that never came count as failed. No plan, two plans, a number used twice or beyond the plan, and
`Bail out!` make the report an error: whoever wrote it did not finish.
"""

from __future__ import annotations

import re

from ralphbench.grading.counts import Counter, ReportError
from ralphbench.model import TestCounts

_POINT = re.compile(r"(not )?ok\b(?:\s+(\d{1,9})\b)?(.*)", re.DOTALL)
_PLAN = re.compile(r"1\.\.(\d{1,9})\s*(?:#.*)?")
_DIRECTIVE = re.compile(r"(?<!\\)(?:\\\\)*\s#\s*(skip|todo)\b", re.IGNORECASE)


def read_tap(data: bytes) -> TestCounts:
    """Raises ReportError."""
    reader = _Reader()
    for line in data.decode("utf-8", "replace").splitlines():
        reader.line(line.rstrip())
    return reader.finish()


class _Reader:
    def __init__(self) -> None:
        self._counter = Counter()
        self._plan: int | None = None
        self._seen: set[int] = set()
        self._last = 0
        self._yaml = False

    def line(self, line: str) -> None:
        if self._yaml:
            self._yaml = line.strip() != "..."
        elif line.startswith("Bail out!"):
            raise ReportError(f"says that its tests bailed out: {line[9:].strip() or 'no reason given'}")
        elif line.startswith((" ", "\t")):
            self._yaml = bool(self._seen) and line.startswith("  ---") and line.strip() == "---"
        elif plan := _PLAN.fullmatch(line):
            if self._plan is not None:
                raise ReportError("has two plans")
            self._plan = int(plan[1])
        elif point := _POINT.fullmatch(line):
            self._point(point)

    def _point(self, point: re.Match[str]) -> None:
        number = int(point[2]) if point[2] else self._last + 1
        if number in self._seen:
            raise ReportError(f"has the test {number} twice")
        self._seen.add(number)
        self._last = number
        if _DIRECTIVE.search(point[3]):
            self._counter.skipped += 1
        elif point[1]:
            self._counter.failed += 1
        else:
            self._counter.passed += 1

    def finish(self) -> TestCounts:
        if self._plan is None:
            raise ReportError("has no plan (a line `1..<number of tests>`)")
        beyond = [n for n in self._seen if not 1 <= n <= self._plan]
        if beyond:
            raise ReportError(f"has the test {max(beyond)}, but planned {self._plan}")
        self._counter.failed += self._plan - len(self._seen)
        return self._counter.counts()
