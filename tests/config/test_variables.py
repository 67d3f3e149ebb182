from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ralphbench.config.variables import expand

KNOWN = {"HOME": "/home/me", "EMPTY": "", "A_1": "x"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("$HOME/src", "/home/me/src"),
        ("${HOME}src", "/home/mesrc"),
        ("~/src", "/home/me/src"),
        ("a~/b", "a~/b"),
        ("$A_1-$A_1", "x-x"),
        ("cost $$5", "cost $5"),
        ("plain", "plain"),
    ],
)
def test_variables_are_put_in(text: str, wanted: str) -> None:
    assert expand(text, KNOWN) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$NOPE/x", "NOPE .* is not set"),
        ("$EMPTY/x", "EMPTY .* is empty"),
        ("5 $ x", "begins no"),
        ("$(id)", "begins no"),
        ("${A", "begins no"),
    ],
)
def test_what_cannot_be_expanded_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        expand(text, KNOWN)


def test_a_value_is_not_expanded_again() -> None:
    assert expand("$X", {"X": "$HOME", "HOME": "/h"}) == "$HOME"


@given(st.text(alphabet="${}~/AHOME_ x", max_size=30))
def test_junk_never_crashes(text: str) -> None:
    said = ""
    try:
        expand(text, KNOWN)
    except ValueError as error:
        said = str(error)
    assert not said or "variable" in said


@given(st.text(max_size=30))
def test_doubled_dollars_come_back_as_they_were(text: str) -> None:
    if not text.startswith("~/"):
        assert expand(text.replace("$", "$$"), {}) == text
