"""Unions of intervals, checked against counting seconds one by one."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ralphbench.model import Interval
from ralphbench.record import union_seconds
from ralphbench.record.intervals import clip, length, merge

_spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12)


def _seconds(spans: list[tuple[int, int]]) -> set[int]:
    return {second for start, end in spans for second in range(start, end)}


@given(_spans)
def test_a_second_counts_once_however_often_it_is_covered(spans: list[tuple[int, int]]) -> None:
    intervals = [Interval("model", start, end) for start, end in spans]
    assert union_seconds(intervals) == len(_seconds(spans))


@given(_spans)
def test_merged_spans_are_disjoint_and_in_order(spans: list[tuple[int, int]]) -> None:
    merged = merge(spans)
    assert all(end < start for (_, end), (start, _) in itertools.pairwise(merged))
    assert _seconds(merged) == _seconds(spans)  # type: ignore[arg-type]


@given(_spans, _spans)
def test_clipping_is_intersection(spans: list[tuple[int, int]], within: list[tuple[int, int]]) -> None:
    clipped = clip(spans, merge(within))
    assert length(clipped) == len(_seconds(spans) & _seconds(within))


def test_nothing_is_no_time() -> None:
    assert union_seconds([]) == 0.0
    assert isinstance(union_seconds([]), float)
