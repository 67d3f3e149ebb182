"""Where two requests differ in what a model reads, once everything is taken away that differs from run to run anyway."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

READ = ("system", "instructions", "messages", "input", "tools", "tool_choice")
"""Top-level keys that are compared; the others are set by the harness or by the profile."""

MOST = 3
"""Differences named of one request; after the first, the others mostly follow from it."""

_SHOWN = 120

_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AP]M)?"

_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", "<uuid>"),
        (rf"\d{{4}}-\d{{2}}-\d{{2}}(?:[T ]{_CLOCK}(?:Z| ?[+-]\d{{2}}:?\d{{2}})?)?", "<date>"),
        (rf"(?:{_DAY},? )?{_MONTH} +\d{{1,2}}(?:,? {_CLOCK}(?: [A-Z]{{3,4}})?)?(?:,? \d{{4}})?(?= |\W|$)", "<date>"),
        (rf"(?:{_DAY},? )?\d{{1,2}} {_MONTH} \d{{4}}(?: {_CLOCK})?", "<date>"),
        (rf"(?<![\d.:]){_CLOCK}(?![\d:])", "<time>"),
        (r"\b(?:call|toolu|msg|ses|prt|fc|rs|resp|req|gen|chatcmpl)[-_][A-Za-z0-9_-]{6,}", "<id>"),
        (r"(?:/[^\s\"'`:;,()<>/]+)+/(?:tree|home)(?=[/\s\"'`:;,()<>.]|$)", "<workspace>"),
        (r"/(?:private/)?(?:tmp|var/folders)/[^\s\"'`:;,()<>/]+", "<tmp>"),
        (r"(?<=127\.0\.0\.1:)\d+|(?<=localhost:)\d+", "<port>"),
        (r"(?<![\w.])\d+(?:\.\d+)? ?(?:ms|µs|us|ns|s|secs?|seconds?|mins?|minutes?)\b", "<duration>"),
        (r"(?<![\w.])1[6-9]\d{8}(?:\d{3})?(?:\.\d+)?\b", "<epoch>"),
        (r"\b0x[0-9a-fA-F]+\b", "<hex>"),
        (r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,64}\b", "<hex>"),
        (r"(?i)(?<=\bpid )\d+|(?<=\bpid=)\d+", "<pid>"),
    )
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One place. `call` is the recorded one; None: none was recorded there, or it was never asked for."""

    call: str | None
    stage: str
    ordinal: int
    where: str
    """`messages[3].content`; empty for a call that one side does not have."""
    recorded: str
    asked: str

    def __str__(self) -> str:
        place = f" at {self.where}" if self.where else ""
        return f"stage {self.stage}, call {self.ordinal}{place}: recorded {self.recorded}, asked {self.asked}"


def normalised(text: str) -> str:
    """The text with dates, ids, durations, paths and the like replaced by what they are."""
    for pattern, name in _RULES:
        text = pattern.sub(name, text)
    return text


def compare(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(where, recorded, asked) of the first few places where two requests differ in what a model reads."""
    found: list[tuple[str, str, str]] = []
    for key in READ:
        if key in recorded or key in asked:
            found += islice(_walk(recorded.get(key), asked.get(key), key), MOST - len(found))
    return found


def _walk(one: Any, other: Any, where: str) -> Iterator[tuple[str, str, str]]:
    if one == other:
        return
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            yield from _walk(one.get(key), other.get(key), f"{where}.{key}")
    elif isinstance(one, list) and isinstance(other, list):
        for i, (left, right) in enumerate(zip(one, other, strict=False)):
            yield from _walk(left, right, f"{where}[{i}]")
        if len(one) != len(other):
            yield where, f"{len(one)} items", f"{len(other)} items"
    elif isinstance(one, str) and isinstance(other, str):
        left, right = normalised(one), normalised(other)
        if left != right:
            yield where, *_excerpt(left, right)
    else:
        yield where, repr(one)[:_SHOWN], repr(other)[:_SHOWN]


def _excerpt(one: str, other: str) -> tuple[str, str]:
    """Both texts from a little before where they part."""
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, at - 20)
    return repr(one[start : start + _SHOWN]), repr(other[start : start + _SHOWN])
