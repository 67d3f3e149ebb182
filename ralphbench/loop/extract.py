"""Finds the answer of a stage in what the agent said: one JSON object, with whatever prose around it.

A model quotes its instructions, thinks aloud, and puts braces of other languages around its answer. The rule is: the
answer is the *last* thing in the text that looks like one, that is, a braced group with one of the stage's own keys.
If that one is malformed or torn off, the answer is invalid: an earlier one, such as a quoted example, never takes its
place. No phrase of the prose is ever read as success. Two habits that leave no doubt of what is meant are forgiven: line
breaks inside a string, and an answer that is wrapped into another object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

MAX_TEXT = 2_000_000
"""Characters that are looked at: the last ones."""
MAX_DEPTH = 64
"""Braces and brackets inside one another; more is no answer."""

_WRAPPERS = ("answer", "final_answer", "json", "output", "response", "result")
"""The one key of an object that says of what is in it that it is the answer."""

# Possessive, so that nothing is read twice: a megabyte of quotation marks is one pass.
_TOKEN = re.compile(
    r'[ \t\r\n]*+(?:(?P<string>"[^"\\]*+(?:\\[^\x00-\x1f][^"\\]*+)*+")'
    r"|(?P<mark>[{}\[\],:])"
    r"|(?:true|false|null|-?[0-9][0-9.eE+-]*+)(?![A-Za-z0-9_]))"
)
_OPENED_BY = {"}": "{", "]": "["}


@dataclass(frozen=True, slots=True)
class Span:
    """A braced group of JSON tokens. `whole`: its braces close; else it ends where the tokens do."""

    start: int
    end: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The answer as it was decoded, or what is wrong with it."""

    value: Mapping[str, Any] | None
    error: str = ""


def find_answer(text: str, keys: Collection[str]) -> Found:
    """The last object of the text that has one of `keys`; where none has, the one that is in the last object that holds
    one. Never raises; takes time linear in the text.
    """
    text = text[-MAX_TEXT:]
    names = "|".join(map(re.escape, sorted(keys)))
    named = re.compile(rf'"(?:{names})"[ \t\r\n]*:')
    opened = re.compile(rf"\{{\s*[\"'`]?(?:{names})[\"'`]?\s*:")
    wrapped: Found | None = None
    for span in reversed(spans(text)):
        if not span.whole:
            if opened.match(text, span.start) or named.search(text, span.start, span.end):
                return wrapped or Found(None, _why_broken(text, span))
        elif named.search(text, span.start, span.end):
            found = _decode(text[span.start : span.end])
            if found.value is None or not found.value.keys().isdisjoint(keys):
                return found
            inner = _unwrapped(found.value, keys)
            if inner is not None and _is_wrapper(found.value):
                return Found(inner)
            wrapped = wrapped or (Found(inner) if inner is not None else None)
    return wrapped or Found(None, f"the answer has no JSON object with {' or '.join(repr(k) for k in sorted(keys))}")


def spans(text: str) -> list[Span]:
    """Braced groups by their start: the outermost ones, and in the place of one that breaks, also the whole ones in it.

    Outside of braces everything is prose; inside, whatever is no JSON token breaks the group. What looked like a string
    may have been prose with a stray quotation mark that hides a brace: after a break, reading goes on behind the opening
    mark of the group's last string. So every character is read a few times at most.
    """
    found: list[Span] = []
    at = 0
    while (start := text.find("{", at)) >= 0:
        group, at = _group(text, start)
        found += group
    return sorted(found, key=lambda span: span.start)


def _group(text: str, start: int) -> tuple[list[Span], int]:
    """The group that opens at `start`, and where to go on reading."""
    opened: list[int] = []
    inner: list[Span] = []
    at, last_string = start, start
    while len(opened) <= MAX_DEPTH and (token := _TOKEN.match(text, at)):
        at = token.end()
        if token["string"]:
            last_string = token.start("string")
            continue
        mark = token["mark"]
        if mark in ("{", "["):
            opened.append(at - 1)
        elif mark in ("}", "]"):
            first = opened.pop()
            if text[first] != _OPENED_BY[mark]:
                break
            if mark == "}":
                while inner and inner[-1].start > first:
                    inner.pop()
                inner.append(Span(first, at, True))
            if not opened:
                return inner, at
    return [Span(start, at, False), *inner], (last_string + 1 if last_string > start else at)


def _is_wrapper(value: Mapping[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).lower() in _WRAPPERS


def _unwrapped(value: Mapping[str, Any], keys: Collection[str]) -> Mapping[str, Any] | None:
    """The outermost object inside of another one that has one of `keys`; None: there is none, or more than one."""
    level = [value]
    while level:
        found = [one for one in level if not one.keys().isdisjoint(keys)]
        if found:
            return found[0] if len(found) == 1 else None
        level = [inner for one in level for inner in one.values() if isinstance(inner, dict)]
    return None


def _decode(text: str) -> Found:
    try:
        return Found(msgspec.json.decode(text))
    except ValueError:
        pass
    try:
        lenient = json.loads(text, strict=False)  # with line breaks inside strings
        return Found(msgspec.json.decode(msgspec.json.encode(lenient)))  # and nothing else that no record can hold
    except (ValueError, RecursionError) as error:
        return Found(None, f"the last JSON object cannot be read: {_reason(text) or error}")


def _why_broken(text: str, span: Span) -> str:
    return f"the last JSON object is broken or incomplete: {_reason(text[span.start : span.end + 200])}"


def _reason(text: str) -> str:
    """What a JSON parser says of the text, with the place in question."""
    try:
        json.JSONDecoder().raw_decode(text)
    except json.JSONDecodeError as error:
        near = text[max(0, error.pos - 30) : error.pos + 30]
        return f"{error.msg} near {near!r}"
    except RecursionError:
        return "it is nested too deeply"
    return ""
