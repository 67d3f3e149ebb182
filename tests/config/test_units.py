from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ralphbench.config import units


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("3h", 10800),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("2d", 172800),
        ("0.5s", 0.5),
        ("1.5h", 5400),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert units.duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", " ", "15", "15x", "m15", "30m1h", "1h1h", "-5m", "1.m", "５m", None, True, [], {}, "1e3s"]
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        units.duration(text)


def test_a_number_without_a_unit_is_answered_with_what_was_meant() -> None:
    with pytest.raises(ValueError, match="'90s' or '90m'"):
        units.duration(90)


def test_a_duration_of_centuries_is_a_slip() -> None:
    with pytest.raises(ValueError, match="at most"):
        units.duration("999999999d")


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (8192, 8192),
        ("96k", 96_000),
        ("96K", 96_000),
        ("128Ki", 131_072),
        ("1M", 1_000_000),
        ("1.5M", 1_500_000),
        ("0.5k", 500),
    ],
)
def test_token_counts(value: object, count: int) -> None:
    assert units.tokens(value) == count


@pytest.mark.parametrize("value", ["", "k", "96kb", "0.0001k", -1, 1.5, True, None, "9" * 30, [96]])
def test_what_is_no_token_count_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected a number of tokens"):
        units.tokens(value)


@pytest.mark.parametrize(
    ("text", "count"), [("2GiB", 2**31), ("512 MiB", 2**29), ("10kB", 10_000), ("3B", 3), ("1.5TiB", 1649267441664)]
)
def test_sizes(text: str, count: int) -> None:
    assert units.size(text) == count


def test_money_needs_its_currency() -> None:
    assert units.money("2.50 USD") == 2.5
    with pytest.raises(ValueError, match=r"'2\.5 USD'"):
        units.money(2.5)
    with pytest.raises(ValueError, match="USD alone"):
        units.money("2.50 EUR")
    with pytest.raises(ValueError, match=r"found '\$2'"):
        units.money("$2")


@pytest.mark.parametrize(("value", "share"), [(0.9, 0.9), ("90%", 0.9), (1, 1.0), ("12.5 %", 0.125)])
def test_ratios(value: object, share: float) -> None:
    assert units.ratio(value) == share


@pytest.mark.parametrize("value", [0, 1.1, "0%", "101%", "90", -0.1, float("nan"), True, None])
def test_what_is_no_ratio_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected a share"):
        units.ratio(value)


@given(st.integers(0, 10_000 * 86400) | st.decimals(0, 10_000 * 86400, places=3).map(float))
def test_durations_come_back(seconds: float) -> None:
    assert units.duration(units.format_duration(seconds)) == seconds


@given(st.integers(0, 10**15))
def test_token_counts_come_back(count: int) -> None:
    assert units.tokens(units.format_tokens(count)) == count


@given(st.decimals(0, 10**9, places=6).map(float))
def test_money_comes_back(amount: float) -> None:
    assert units.money(units.format_money(amount)) == amount


@given(st.decimals("0.0001", 1, places=4).map(float))
def test_ratios_come_back(share: float) -> None:
    assert units.ratio(units.format_ratio(share)) == share


READERS: list[Callable[[object], Any]] = [units.duration, units.tokens, units.size, units.money, units.ratio]
JUNK = (
    st.text(max_size=30)
    | st.text(alphabet="0123456789.dhmskKMGTiBUSD% ", max_size=40)
    | st.floats()
    | st.integers()
    | st.booleans()
    | st.none()
    | st.lists(st.integers())
)


@given(JUNK)
def test_junk_is_read_or_refused_but_never_crashes(value: object) -> None:
    for reader in READERS:
        said = ""
        try:
            assert reader(value) >= 0
        except ValueError as error:
            said = str(error)
        assert said.startswith("expected") or not said
