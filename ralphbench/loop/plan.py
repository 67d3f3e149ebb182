"""Plans that are shared: read from a file, written to one, and told apart by their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ralphbench.errors import ConfigError
from ralphbench.loop.answers import read_plan
from ralphbench.model import Ticket, codec


@dataclass(frozen=True, slots=True)
class SharedPlan:
    """Tickets that somebody else made."""

    tickets: tuple[Ticket, ...]
    by: str
    """The profile, file or experiment that they come from."""


def plan_hash(tickets: Sequence[Ticket]) -> str:
    """SHA-256 of what is to be done, in order; how far it is done does not matter."""
    return hashlib.sha256(codec.canonical([_row(ticket) for ticket in tickets])).hexdigest()


def load_plan(path: Path) -> tuple[Ticket, ...]:
    """The tickets of a `plan.yaml`, by the rules that an agent's own plan is held to; unknown keys are errors here.

    Raises ConfigError with the file, the line and the key of the first mistake.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        node, value = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except OSError as error:
        raise ConfigError(
            f"the plan cannot be read: {error.strerror}", file=path, remedy=f"ls {path.parent}"
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = None if mark is None else mark.line + 1
        why = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"the plan is not YAML: {why}", file=path, line=line) from error
    if not isinstance(value, Mapping):
        raise ConfigError("expected a mapping with the key `tickets`", file=path, line=1)
    read = read_plan(value)
    if read.ignored:
        raise ConfigError(_unknown(read.ignored[0]), file=path, line=_line(node, read.ignored[0]), key=read.ignored[0])
    if read.answer is None:
        key, _, what = read.errors[0].partition(": ")
        raise ConfigError(what or key, file=path, line=_line(node, key), key=key if what else None)
    if not read.answer.tickets:
        raise ConfigError("the plan has no ticket", file=path, line=_line(node, "tickets"), key="tickets")
    return read.answer.tickets


def dump_plan(tickets: Sequence[Ticket]) -> str:
    """The text of a `plan.yaml` that `load_plan` reads back."""
    import yaml

    rows = {"tickets": [_row(ticket) for ticket in tickets]}
    return str(yaml.safe_dump(rows, sort_keys=False, allow_unicode=True, width=110))


def _row(ticket: Ticket) -> dict[str, Any]:
    expect: dict[str, Any] = {"exit": ticket.acceptance.exit}
    if ticket.acceptance.stdout is not None:
        expect["stdout"] = ticket.acceptance.stdout
    return {
        "id": ticket.id,
        "title": ticket.title,
        "detail": ticket.detail,
        "acceptance": {"run": ticket.acceptance.run, "expect": expect},
        "depends_on": list(ticket.depends_on),
        "priority": ticket.priority,
    }


_KEYS = ("tickets", "id", "title", "detail", "acceptance", "depends_on", "priority", "run", "expect", "exit", "stdout")


def _unknown(key: str) -> str:
    near = get_close_matches(key.rpartition(".")[2], _KEYS, n=1)
    return "unknown key" + (f"; did you mean {near[0]!r}?" if near else f" (known: {', '.join(_KEYS)})")


def _line(node: Any, key: str) -> int | None:
    """The line of `tickets[2].acceptance.run`, or of what of it is there."""
    line: int | None = None
    for step in key.replace("[", ".[").split("."):
        if node is None:
            break
        line = int(node.start_mark.line) + 1
        node, line = _child(node, step, line)
    return line


def _child(node: Any, step: str, line: int) -> tuple[Any, int]:
    if step.startswith("["):
        index = step.strip("[]")
        if isinstance(node.value, list) and index.isdigit() and int(index) < len(node.value):
            child = node.value[int(index)]
            return child, int(child.start_mark.line) + 1
        return None, line
    for name, child in node.value if isinstance(node.value, list) else ():
        if name.value == step:
            return child, int(name.start_mark.line) + 1
    return None, line
