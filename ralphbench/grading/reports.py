"""Test reports that gates write: read without trust, since the code under test may have written them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ralphbench.grading.counts import ReportError
from ralphbench.grading.ctrf import read_ctrf
from ralphbench.grading.junit import read_junit
from ralphbench.grading.tap import read_tap
from ralphbench.model import Report, TestCounts
from ralphbench.workspace import remove_tree

LIMIT = 32 * 1024 * 1024
"""Bytes of a report that are read; a larger one is an error."""

READERS = {"junit": read_junit, "tap": read_tap, "ctrf": read_ctrf}


def read_report(checkout: Path, report: Report) -> TestCounts | None:
    """What the report says; None: there is none. Raises ReportError where it cannot be read or means nothing."""
    reader = READERS.get(report.format)
    if reader is None:
        raise ReportError(f"has an unknown format {report.format!r} (known: {', '.join(sorted(READERS))})")
    data = _bytes(_place(checkout, report))
    return None if data is None else reader(data)


def clear_report(checkout: Path, report: Report) -> None:
    """Remove what lies where the report goes, so that nothing but the gate's own run can be read there."""
    remove_tree(_place(checkout, report))


def _place(checkout: Path, report: Report) -> Path:
    """The report's path, once it is certain that it lies in the checkout, also through links."""
    root = checkout.resolve()
    folder = (root / report.path).parent.resolve()
    name = Path(report.path).name
    if name in ("", "..") or not folder.is_relative_to(root):
        raise ReportError("has a path that leaves the checkout")
    return folder / name


def _bytes(place: Path) -> bytes | None:
    try:
        fd = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ReportError(f"cannot be opened: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ReportError("is no regular file")
        with open(fd, "rb", closefd=False) as file:
            data = file.read(LIMIT + 1)
    finally:
        os.close(fd)
    if len(data) > LIMIT:
        raise ReportError(f"is larger than {LIMIT} bytes")
    return data
