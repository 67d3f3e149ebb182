"""Stretches of time: their union, never their sum. Two things at once count once."""

from __future__ import annotations

from collections.abc import Iterable

from ralphbench.model import Interval

Span = tuple[float, float]
"""Start and end, seconds since the epoch."""


def union_seconds(intervals: Iterable[Interval]) -> float:
    """Length of the union in seconds. An interval that ends before it starts (a clock set back) is empty."""
    return length(merge((interval.start, interval.end) for interval in intervals))


def merge(spans: Iterable[Span]) -> list[Span]:
    """The union as disjoint spans in order; empty spans are left out."""
    merged: list[Span] = []
    for start, end in sorted(span for span in spans if span[1] > span[0]):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged


def length(merged: Iterable[Span]) -> float:
    """Seconds that disjoint spans cover."""
    return sum((end - start for start, end in merged), 0.0)


def clip(spans: Iterable[Span], within: list[Span]) -> list[Span]:
    """What of `spans` lies within the disjoint spans `within`: their intersection."""
    merged = merge(spans)
    clipped: list[Span] = []
    place = 0
    for low, high in within:
        while place < len(merged) and merged[place][1] <= low:
            place += 1
        for start, end in merged[place:]:
            if start >= high:
                break
            clipped.append((max(start, low), min(end, high)))
    return clipped
