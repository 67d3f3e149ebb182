"""Whether an acceptance is met."""

from __future__ import annotations

import pytest

from ralphbench.loop.expect import found, met, problem
from ralphbench.model import Acceptance


@pytest.mark.parametrize(
    ("acceptance", "exit_code", "stdout", "passed"),
    [
        (Acceptance("x"), 0, "", True),
        (Acceptance("x"), 1, "", False),
        (Acceptance("x"), None, "", False),
        (Acceptance("x"), -9, "", False),
        (Acceptance("x", exit=2), 2, "", True),
        (Acceptance("x", stdout="^a-b$"), 0, "a-b\n", True),
        (Acceptance("x", stdout="^a-b$"), 0, "first\na-b\nlast\n", True),
        (Acceptance("x", stdout="^a-b$"), 0, "a--b\n", False),
        (Acceptance("x", stdout="^a-b$"), 1, "a-b\n", False),
        (Acceptance("x", stdout="plain"), 0, "it is plain", True),
        (Acceptance("x", stdout="plain"), 0, "", False),
        (Acceptance("x", stdout="^ä.$"), 0, "äö\n", True),
    ],
)
def test_status_and_output_must_both_be_as_expected(
    acceptance: Acceptance, exit_code: int | None, stdout: str, passed: bool
) -> None:
    assert met(acceptance, exit_code, stdout) is passed


def test_a_pattern_that_never_ends_is_not_found_and_does_not_hang() -> None:
    assert not found("(a+)+$", "a" * 60 + "!", seconds=1)


def test_patterns_are_tried_before_they_are_used() -> None:
    assert problem("^a+$") is None
    assert "not a regular expression" in (problem("(") or "")
    assert "NUL" in (problem("a\0b") or "")
    assert problem("(" * 5000) is not None
