"""When a loop goes round in a circle, and when it does not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loop_support import ticket

from ralphbench.loop.stall import HISTORY, MAX_PERIOD, evidence, fingerprint, period
from ralphbench.model import TicketState


@pytest.mark.parametrize(
    ("history", "size"),
    [
        ("AAA", 1),
        ("XABAB", 2),
        ("ABCABC", 3),
        ("ABCDABCD", 4),
        ("ABCDEABCDE", 5),
        ("ABCDEFABCDEF", 6),
        ("AABAAB", 3),
        ("AA", None),
        ("ABA", None),
        ("AABB", None),
        ("AABBCC", None),
        ("ABCAB", None),
        ("ABABX", None),
        ("ABCDEFGABCDEFG", None),
        ("", None),
    ],
)
def test_a_circle_of_any_period_up_to_six_is_seen(history: str, size: int | None) -> None:
    assert period(tuple(history)) == size


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=60))
def test_a_plan_that_is_worked_off_never_looks_like_a_circle(tries: list[bool]) -> None:
    """Each try is accepted, or rejected for the first time, or for the second, which ends the ticket."""
    state, rejected, history = 0, False, ["0"]
    for accepted in tries:
        if accepted or rejected:
            state, rejected = state + 1, False
        else:
            rejected = True
        history = [*history, str(state)][-HISTORY:]
        assert period(history) is None


def test_the_same_work_under_another_name_is_the_same_work() -> None:
    one = [ticket("a", "make x"), ticket("b", "make y", state=TicketState.ACCEPTED)]
    two = [ticket("i9.1", "make x", rejections=("no",), priority=1)]
    assert fingerprint("tree", one) == fingerprint("tree", two)
    assert fingerprint("tree", one) != fingerprint("other", one)
    assert fingerprint("tree", one) != fingerprint("tree", [*one, ticket("c", "make x")])


def test_the_evidence_names_the_iterations() -> None:
    assert evidence(tuple("XABAB"), 2, 9).startswith("iterations 6 to 9 ended in 2 states 2 times over")
    assert evidence(tuple("AAA"), 1, 2).startswith("iterations 0 to 2 ended in one state 3 times over")


def test_enough_history_is_kept_for_the_longest_period() -> None:
    assert HISTORY == 2 * MAX_PERIOD
