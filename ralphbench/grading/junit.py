"""JUnit XML, as pytest, surefire, gtest, jest-junit, nextest and others write it: every `testcase` is one test.

Totals in attributes are not believed. A document type is refused, and with it every entity: reports have none, and
what expands or reads files has no place here. Parsed as a stream: a large report needs little memory.
"""

from __future__ import annotations

from xml.parsers import expat

from ralphbench.grading.counts import Counter, ReportError
from ralphbench.model import TestCounts

_ROOTS = ("testsuites", "testsuite")
_NOT_RUN = ("notrun", "skipped", "disabled", "ignored")
_DEPTH = 200


def read_junit(data: bytes) -> TestCounts:
    """Raises ReportError."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.EntityDeclHandler = _refuse_doctype
    parser.ExternalEntityRefHandler = _refuse_doctype
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, UnicodeError) as error:
        raise ReportError(f"is no XML: {error}") from error
    return reader.counter.counts()


def _refuse_doctype(*_: object) -> int:
    raise ReportError("has a document type or an entity, which no test report needs")


class _Reader:
    """Handles the parser's events; a test is judged when its element ends."""

    def __init__(self) -> None:
        self.counter = Counter()
        self._path: list[str] = []
        self._state: str | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        if not self._path and tag not in _ROOTS:
            raise ReportError(f"is no JUnit report: its root is <{tag}>, not <testsuites> or <testsuite>")
        if len(self._path) >= _DEPTH:
            raise ReportError(f"is nested deeper than {_DEPTH} elements")
        if tag == "testcase":
            if self._state is not None:
                raise ReportError("has a <testcase> in a <testcase>")
            self._state = "skipped" if attributes.get("status", "").lower() in _NOT_RUN else "passed"
        elif self._state is not None and self._path[-1] == "testcase":
            self._judge(tag)
        self._path.append(tag)

    def _judge(self, tag: str) -> None:
        if tag in ("failure", "error"):
            self._state = "failed"
        elif tag == "skipped" and self._state != "failed":
            self._state = "skipped"

    def end(self, name: str) -> None:
        if self._path.pop() != "testcase":
            return
        if self._state == "passed":
            self.counter.passed += 1
        elif self._state == "failed":
            self.counter.failed += 1
        else:
            self.counter.skipped += 1
        self._state = None
