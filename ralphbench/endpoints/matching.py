"""A script made quick to ask: which rule answers a request, and with which turn."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import translate
from typing import Any

from ralphbench.endpoints.asked import Asked
from ralphbench.endpoints.scripts import Rule, Script, ScriptedModel, ToolCall, Turn, When
from ralphbench.model import codec

END = Turn(text="Done.")
"""What follows the last turn of a rule that says `stop`."""

_PLACE = re.compile(r"\{\{ *(stage|iteration|ticket|task|try|model) *\}\}")

Check = Callable[[Asked], bool]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The turn that answers a request."""

    rule: int
    name: str
    turn: Turn
    index: int
    """Of the turn in its rule; -1 for the plain end."""
    filled: bool
    """Whether the request's own words were put into it."""


@dataclass(frozen=True, slots=True)
class _Ready:
    rule: Rule
    checks: tuple[Check, ...]
    filled: tuple[bool, ...]


class Matcher:
    """Pure: the same request gets the same turn, whatever was asked before."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.models: dict[str, ScriptedModel] = {m.id: m for m in script.models}
        self._rules = [_Ready(r, _checks(r.when), tuple(_has_places(t) for t in r.turns)) for r in script.rules]

    def choose(self, asked: Asked) -> Chosen | None:
        """None: no rule holds."""
        for number, ready in enumerate(self._rules):
            if all(check(asked) for check in ready.checks):
                index = _index(ready.rule, asked.turn)
                name = ready.rule.name or f"rule {number}"
                if index < 0:
                    return Chosen(number, name, END, index, False)
                turn = ready.rule.turns[index]
                if ready.filled[index]:
                    turn = _fill_turn(turn, {**asked.marker, "model": asked.model})
                return Chosen(number, name, turn, index, ready.filled[index])
        return None


def _index(rule: Rule, turn: int) -> int:
    count = len(rule.turns)
    if turn < count:
        return turn
    if rule.after == "repeat":
        return turn % count
    return count - 1 if rule.after == "last" else -1


def _checks(when: When) -> tuple[Check, ...]:
    checks: list[Check] = [_marker_check(key, words) for key, words in when.marker.items()]
    if when.model:
        fits = _words(when.model)
        checks.append(lambda asked: fits(asked.model))
    if when.tools is not None:
        wanted = when.tools
        checks.append(lambda asked: asked.tools is wanted)
    if when.contains:
        texts = when.contains
        checks.append(lambda asked: all(text in asked.last for text in texts))
    for name, pattern in (("last", when.matches), ("first", when.first), ("system", when.system)):
        if pattern is not None:
            checks.append(_pattern_check(name, pattern))
    return tuple(checks)


def _marker_check(key: str, words: tuple[str, ...]) -> Check:
    fits = _words(words)
    return lambda asked: key in asked.marker and fits(asked.marker[key])


def _pattern_check(name: str, pattern: str) -> Check:
    search = re.compile(pattern, re.MULTILINE).search
    return lambda asked: search(getattr(asked, name)) is not None


def _words(words: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a word is one of these, where `*` and `?` stand for any."""
    plain = frozenset(words)
    if not any("*" in word or "?" in word for word in words):
        return plain.__contains__
    match = re.compile("|".join(translate(word) for word in words)).match
    return lambda word: match(word) is not None


def _has_places(turn: Turn) -> bool:
    """Whether the turn holds anything to fill in."""
    return _PLACE.search(codec.dumps([turn.text, turn.json, turn.reasoning, turn.tools]).decode()) is not None


def _fill_turn(turn: Turn, words: Mapping[str, str]) -> Turn:
    tools = tuple(ToolCall(t.name, _fill(t.arguments, words)) for t in turn.tools)
    return replace(
        turn,
        text=_fill(turn.text, words),
        json=_fill(turn.json, words),
        reasoning=_fill(turn.reasoning, words),
        tools=tools,
    )


def _fill(value: Any, words: Mapping[str, str]) -> Any:
    """`{{ticket}}` becomes the ticket; what the request does not say stays as it is written."""
    if isinstance(value, str):
        return _PLACE.sub(lambda found: words.get(found[1], found[0]), value)
    if isinstance(value, dict):
        return {_fill(key, words): _fill(item, words) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, words) for item in value]
    return value
