"""Read a script from YAML: every mistake with its file, line and key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ralphbench.endpoints.scripts import (
    MARKER_KEYS,
    Fault,
    Rule,
    Script,
    ScriptedModel,
    ToolCall,
    Turn,
    UsageSaid,
    When,
)
from ralphbench.errors import ConfigError

KeyPath = tuple[str | int, ...]

_NOT_A_KEY = "<marker>"
"""Stands for a `marker` that the user wrote: the word is ours, for what `_expand` makes of the marker's keys."""


def load_script(script: Path | Mapping[str, Any]) -> Script:
    """Read and check a script: a YAML file, or the same as plain values.

    Raises ConfigError with file, line and key: not YAML, unknown keys, wrong values, regular expressions that are none.
    """
    if isinstance(script, Mapping):
        return _check(dict(script), None, {})
    import yaml

    try:
        text = script.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"cannot read the script: {reason}", file=script) from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise ConfigError(f"not YAML: {error.problem}", file=script, line=line) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"not YAML: {error}", file=script) from error
    return _check(values, script, _lines(node, script))


def _check(values: Any, file: Path | None, lines: dict[KeyPath, int]) -> Script:
    from pydantic import TypeAdapter, ValidationError

    if not isinstance(values, dict):
        raise ConfigError(f"expected a mapping with `rules`, found {type(values).__name__}", file=file, line=1)
    try:
        script = TypeAdapter(Script).validate_python(_expand(values))
    except ValidationError as error:
        # An unknown key first: it is why another one is missing.
        found = sorted(error.errors(), key=lambda e: e["type"] != "unexpected_keyword_argument")
        first = found[0]
        path = _path(first["loc"])
        raise ConfigError(_message(first, path), file=file, line=_nearest(lines, path), key=_dotted(path)) from error
    _check_meaning(script, file, lines)
    return script


def _path(location: KeyPath) -> KeyPath:
    """Where the user wrote it: without what `_expand` put between, and without the names of types."""
    if "arguments" in location:
        location = location[: location.index("arguments") + 1]
    return tuple("marker" if part == _NOT_A_KEY else part for part in location if part != "marker")


def _message(error: Mapping[str, Any], path: KeyPath) -> str:
    if error["type"] != "unexpected_keyword_argument":
        found = error.get("input")
        if error["type"] == "dataclass_type":
            short = " or a text" if path[-2:-1] in (("turns",), ("models",)) or path[-1:] == ("fault",) else ""
            return f"expected a mapping{short}, found {found!r}"
        return f"{error['msg']}, found {found!r}" if isinstance(found, str | int | float | None) else str(error["msg"])
    known = _known_keys(path)
    near = get_close_matches(str(path[-1]), known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown key{hint} (known: {', '.join(known)})"


def _known_keys(path: KeyPath) -> list[str]:
    names = [part for part in path[:-1] if isinstance(part, str)]
    kind: type = (
        {
            "models": ScriptedModel,
            "rules": Rule,
            "turns": Turn,
            "when": When,
            "tools": ToolCall,
            "usage": UsageSaid,
            "fault": Fault,
        }[names[-1]]
        if names
        else Script
    )
    keys = [f.name for f in fields(kind) if f.name != "marker"]
    return [*MARKER_KEYS, *keys] if kind is When else keys


def _check_meaning(script: Script, file: Path | None, lines: dict[KeyPath, int]) -> None:
    for message, path in _mistakes(script):
        raise ConfigError(message, file=file, line=_nearest(lines, path), key=_dotted(path))


def _mistakes(script: Script) -> Iterator[tuple[str, KeyPath]]:
    """What no type can say: message and place."""
    if not script.rules:
        yield "at least one rule is needed", ("rules",)
    if not script.models:
        yield "at least one model is needed", ("models",)
    for i, rule in enumerate(script.rules):
        if not rule.turns:
            yield "at least one turn is needed", ("rules", i, "turns")
        for key in ("matches", "first", "system"):
            try:
                re.compile(getattr(rule.when, key) or "")
            except re.error as error:
                yield f"not a regular expression: {error}", ("rules", i, "when", key)
        for j, turn in enumerate(rule.turns):
            if turn.text and turn.json is not None:
                yield "`text` or `json`, not both", ("rules", i, "turns", j, "json")
            if turn.fault is not None and turn.fault.name == "http" and turn.fault.status is None:
                yield "the fault `http` needs a `status`", ("rules", i, "turns", j, "fault")


def _expand(values: dict[str, Any]) -> dict[str, Any]:
    """Write the short forms out: a text for a turn, a name for a fault or a model, one word for a list of words."""
    out = dict(values)
    if isinstance(models := out.get("models"), list):
        out["models"] = [{"id": m} if isinstance(m, str) else m for m in models]
    if isinstance(rules := out.get("rules"), list):
        out["rules"] = [_expand_rule(r) if isinstance(r, dict) else r for r in rules]
    return out


def _expand_rule(rule: dict[str, Any]) -> dict[str, Any]:
    out = dict(rule)
    if isinstance(turns := out.get("turns"), list):
        out["turns"] = [_expand_turn({"text": t} if isinstance(t, str) else t) for t in turns]
    if isinstance(when := out.get("when"), dict):
        marker = {key: _words(when[key]) for key in MARKER_KEYS if key in when}
        others = {key: value for key, value in when.items() if key not in MARKER_KEYS}
        rest = {_NOT_A_KEY if key == "marker" else key: value for key, value in others.items()}
        words = {key: _words(rest[key]) for key in ("model", "contains") if key in rest}
        out["when"] = {**rest, **words, "marker": marker}
    return out


def _expand_turn(turn: Any) -> Any:
    if not isinstance(turn, dict):
        return turn
    out = dict(turn)
    if isinstance(fault := out.get("fault"), str):
        out["fault"] = {"name": fault}
    usage = out.get("usage")
    if usage in ("auto", "none"):
        out["usage"] = {"omit": usage == "none"}
    return out


def _words(value: Any) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list) else [str(value)]


def _lines(node: Any, file: Path) -> dict[KeyPath, int]:
    """Line of each key and list item, counted from 1, by path. Raises ConfigError for a key that stands there twice."""
    found: dict[KeyPath, int] = {}

    def walk(at: Any, path: KeyPath) -> None:
        if at.id == "mapping":
            for key, value in at.value:
                name, line = (*path, str(key.value)), key.start_mark.line + 1
                if name in found:
                    message = f"stands here a second time (first in line {found[name]})"
                    raise ConfigError(message, file=file, line=line, key=_dotted(name))
                found[name] = line
                walk(value, name)
        elif at.id == "sequence":
            for i, item in enumerate(at.value):
                found[(*path, i)] = item.start_mark.line + 1
                walk(item, (*path, i))

    if node is not None:
        walk(node, ())
    return found


def _nearest(lines: dict[KeyPath, int], path: KeyPath) -> int | None:
    for length in range(len(path), 0, -1):
        if (line := lines.get(path[:length])) is not None:
            return line
    return None


def _dotted(path: KeyPath) -> str | None:
    return ".".join(str(part) for part in path) or None
