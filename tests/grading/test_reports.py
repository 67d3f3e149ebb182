from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ralphbench import model
from ralphbench.grading import ReportError, read_report
from ralphbench.grading.ctrf import read_ctrf
from ralphbench.grading.junit import read_junit
from ralphbench.grading.reports import LIMIT, READERS, clear_report
from ralphbench.grading.tap import read_tap
from ralphbench.model import Report


def counts(passed: int = 0, failed: int = 0, skipped: int = 0) -> model.TestCounts:
    return model.TestCounts(passed + failed, passed, failed, skipped)


JUNIT = {
    "pytest": (
        b"""<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest" errors="1" failures="1"
        skipped="1" tests="4"><testcase classname="a" name="ok"/><testcase name="bad"><failure message="m">t</failure>
        </testcase><testcase name="err"><error/></testcase><testcase name="skip"><skipped type="pytest.skip"/></testcase>
        </testsuite></testsuites>""",
        counts(1, 2, 1),
    ),
    "gtest": (
        b"""<testsuites tests="3"><testsuite name="S"><testcase name="a" status="run" result="completed"/>
        <testcase name="b" status="notrun" result="suppressed"/><testcase name="c" status="run"><failure/><failure/>
        </testcase></testsuite></testsuites>""",
        counts(1, 1, 1),
    ),
    "one suite, nested, with output": (
        b"""<testsuite><properties><property name="a" value="b"/></properties><testsuite><testcase name="a">
        <system-out>&lt;failure/&gt; said so</system-out></testcase></testsuite></testsuite>""",
        counts(1),
    ),
    "flaky, passed in the end": (
        b"<testsuite><testcase name='a'><flakyFailure/></testcase><testcase name='b'><skipped/><failure/></testcase>"
        b"</testsuite>",
        counts(1, 1),
    ),
    "namespaced": (b"<j:testsuite xmlns:j='x'><j:testcase/></j:testsuite>", counts(1)),
    "totals are not believed": (b"<testsuite tests='12' failures='0'/>", counts()),
    "another encoding": ("<?xml version='1.0' encoding='latin-1'?><testsuite name='é'/>".encode("latin-1"), counts()),
}


@pytest.mark.parametrize("name", JUNIT)
def test_junit_counts_every_testcase(name: str) -> None:
    data, wanted = JUNIT[name]
    assert read_junit(data) == wanted


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is no XML"),
        (b"<testsuite>", "is no XML"),
        (b"<html></html>", "root is <html>"),
        (b"<testcase/>", "root is <testcase>"),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><testsuite/>", "document type"),
        (b"<!DOCTYPE x SYSTEM 'file:///etc/passwd'><testsuite/>", "document type"),
        (b"<testsuite><testcase><testcase/></testcase></testsuite>", "in a <testcase>"),
        (b"<testsuite>" * 300, "nested deeper"),
        (b"<?xml version='1.0' encoding='none-such'?><testsuite/>", "is no XML"),
    ],
)
def test_junit_that_is_none_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(ReportError, match=said):
        read_junit(data)


TAP = {
    "version 13": (b"TAP version 13\n1..3\nok 1 - a\nnot ok 2 - b\n  ---\n  not ok 9\n  ...\nok 3\n", counts(2, 1)),
    "plan at the end": (b"ok\nok - named\nok 3\n1..3\n", counts(3)),
    "skip and todo": (
        b"1..4\nok 1 # SKIP no net\nnot ok 2 # todo later\nok 3 # TODO\nok 4 - a # skipping rope\n",
        counts(1, 0, 3),
    ),
    "escaped": (b"1..1\nok 1 - number \\# skip not\n", counts(1)),
    "all skipped": (b"1..0 # SKIP nothing here\n", counts()),
    "subtests": (b"TAP version 14\n1..1\n    1..2\n    ok 1\n    not ok 2\nnot ok 1 - sub\n", counts(0, 1)),
    "missing points failed": (b"1..5\nok 1\nok 2\n", counts(2, 3)),
    "noise between": (b"1..1\n# about\npragma +strict\nhello\nokay then\nnot okay\nok 1\n", counts(1)),
    "windows": (b"1..1\r\nok 1\r\n", counts(1)),
}


@pytest.mark.parametrize("name", TAP)
def test_tap_counts_every_point(name: str) -> None:
    data, wanted = TAP[name]
    assert read_tap(data) == wanted


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no plan"),
        (b"ok 1\nok 2\n", "no plan"),
        (b"1..1\n1..1\nok\n", "two plans"),
        (b"1..2\nok 1\nok 1\n", "the test 1 twice"),
        (b"1..1\nok 1\nok 2\n", "the test 2, but planned 1"),
        (b"1..2\nok 1\nBail out! no database\n", "bailed out: no database"),
    ],
)
def test_tap_that_was_not_finished_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(ReportError, match=said):
        read_tap(data)


def test_ctrf_counts_every_test() -> None:
    data = b"""{"results": {"tool": {"name": "x"}, "summary": {"tests": 99, "passed": 99}, "tests": [
        {"name": "a", "status": "passed"}, {"name": "b", "status": "failed"}, {"name": "c", "status": "skipped"},
        {"name": "d", "status": "pending"}, {"name": "e", "status": "other"}]}}"""
    assert read_ctrf(data) == counts(1, 2, 2)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"results": {}}',
        b'{"results": {"tests": [1]}}',
        b'{"results": {"tests": [{}]}}',
        b"[" * 5000,
    ],
)
def test_ctrf_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(ReportError):
        read_ctrf(data)


XML = (b"<testsuite>", b"</testsuite>", b"<testcase>", b"</testcase>", b"<failure/>", b"<skipped/>", b"<testcase/>")
LINES = (b"ok", b"not ok", b" 1", b" 2", b"\n", b"1..2", b"# skip", b"  ---", b"  ...", b"Bail out!", b"\xff", b"\0")
JSON = (b'{"results":', b'{"tests":', b"[", b"]", b"}", b'{"status":"passed"}', b",")
MARKUP = st.lists(st.sampled_from([*XML, *LINES, *JSON]), max_size=40).map(b"".join)


@settings(max_examples=300)
@given(st.sampled_from(sorted(READERS)), st.one_of(st.binary(max_size=300), MARKUP))
def test_junk_is_counted_or_refused_and_nothing_else(format_: str, data: bytes) -> None:
    try:
        found = READERS[format_](data)
    except ReportError:
        return
    assert found.ran == found.passed + found.failed
    assert min(found.passed, found.failed, found.skipped) >= 0


@given(st.lists(st.sampled_from(["passed", "failed", "skipped"]), max_size=30))
def test_the_three_formats_agree(tests: list[str]) -> None:
    wanted = counts(*(tests.count(what) for what in ("passed", "failed", "skipped")))
    inner = {"passed": "", "failed": "<failure/>", "skipped": "<skipped/>"}
    cases = "".join(f"<testcase>{inner[what]}</testcase>" for what in tests)
    assert read_junit(f"<testsuite>{cases}</testsuite>".encode()) == wanted
    points = {"passed": "ok", "failed": "not ok", "skipped": "ok # SKIP"}
    assert read_tap("\n".join([f"1..{len(tests)}", *(points[what] for what in tests)]).encode()) == wanted
    entries = ",".join(f'{{"status": "{what}"}}' for what in tests)
    assert read_ctrf(f'{{"results": {{"tests": [{entries}]}}}}'.encode()) == wanted


def test_a_report_is_read_only_where_it_was_promised(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "sub").mkdir(parents=True)
    secret = tmp_path / "secret.xml"
    secret.write_bytes(JUNIT["pytest"][0])
    assert read_report(checkout, Report("junit", "out.xml")) is None
    assert read_report(checkout, Report("junit", "none/out.xml")) is None
    (checkout / "out.xml").symlink_to(secret)
    with pytest.raises(ReportError, match="cannot be opened"):
        read_report(checkout, Report("junit", "out.xml"))
    (checkout / "way").symlink_to(tmp_path)
    for path in ("../secret.xml", str(secret), "way/secret.xml", "sub/../../secret.xml"):
        with pytest.raises(ReportError, match="leaves the checkout"):
            read_report(checkout, Report("junit", path))
    os.mkfifo(checkout / "pipe")
    (checkout / "folder").mkdir()
    for path in ("pipe", "folder"):
        with pytest.raises(ReportError, match="no regular file"):
            read_report(checkout, Report("junit", path))
    with (checkout / "large").open("wb") as file:
        file.truncate(LIMIT + 1)
    with pytest.raises(ReportError, match="larger than"):
        read_report(checkout, Report("tap", "large"))
    with pytest.raises(ReportError, match="unknown format"):
        read_report(checkout, Report("xunit", "out.xml"))


def test_what_lies_where_a_report_goes_is_removed_and_not_followed(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "folder/deep").mkdir(parents=True)
    outside = tmp_path / "outside"
    outside.write_text("precious")
    (checkout / "link").symlink_to(outside)
    for path in ("folder", "link", "none"):
        clear_report(checkout, Report("tap", path))
        assert not (checkout / path).exists()
    assert outside.exists()
    with pytest.raises(ReportError, match="leaves the checkout"):
        clear_report(checkout, Report("tap", "../outside"))
    assert outside.exists()
