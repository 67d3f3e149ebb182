"""The prompts: files of this room, filled in strictly, told apart by one hash over all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ralphbench.loop.ports import CHECK_SECONDS
from ralphbench.model import Stage, Task, Ticket

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).with_name("prompts")

DIFF_LIMIT = 200_000
"""Bytes of a diff that a reviewer is shown at most."""
_DIFF_SHARE_PERCENT = 40
_BYTES_PER_TOKEN = 3  # code is dense: fewer than the four of English prose

_TICKET = {
    "id": "t1",
    "title": "Greet by name",
    "detail": "In greet.py, let main() take a name and print it after the word hello.",
    "acceptance": {"run": "python3 greet.py Ada", "expect": {"exit": 0, "stdout": "^hello Ada$"}},
    "depends_on": [],
    "priority": 1,
}
_PART = {
    "id": "p2",
    "title": "Greet the world",
    "detail": "In greet.py, let main() print hello world where it is given no name.",
    "acceptance": {"run": "python3 greet.py", "expect": {"exit": 0, "stdout": "^hello world$"}},
    "depends_on": ["p1"],
    "priority": 2,
}
EXAMPLES: Mapping[Stage, Mapping[str, Any]] = {
    Stage.PLAN: {"tickets": [_TICKET]},
    Stage.BUILD: {"status": "done", "summary": "greet.py prints the name it is given.", "issues": []},
    Stage.VERIFY: {"accept": False, "reason": "greet.py ignores its argument.", "issues": [], "complete": {}},
    Stage.INVESTIGATE: {
        "tickets": [{**_TICKET, "id": "new1", "issues": ["issue-1"]}],
        "dropped": [{"issue": "issue-2", "reason": "The spec does not ask for colours."}],
    },
    Stage.DECOMPOSE: {"parts": [{**_TICKET, "id": "p1"}, _PART]},
}
"""The answers that the prompts show. One that comes back word for word is an echo, and refused."""


def example(stage: Stage, claims: Sequence[str] = ()) -> Mapping[str, Any]:
    if stage is Stage.VERIFY:
        return {**EXAMPLES[stage], "complete": dict.fromkeys(claims, False)}
    return EXAMPLES[stage]


def claim_names(task: Task) -> tuple[str, ...]:
    """What a review has to call complete or not: the phases of a task in phases, else the task."""
    return ("task",) if task.phase is not None or not task.phases else task.phases


def diff_limit(context: int | None) -> int:
    """Bytes of a diff that fit into a reviewer's window of so many tokens, beside all else that is in the prompt."""
    return DIFF_LIMIT if context is None else min(DIFF_LIMIT, context * _DIFF_SHARE_PERCENT * _BYTES_PER_TOKEN // 100)


def marker(stage: Stage, *, iteration: int, ticket: str | None, task: str, attempt: int) -> str:
    """The first line of every prompt: what scripted models answer by."""
    return f"<!-- ralphbench stage={stage} iteration={iteration} ticket={ticket or '-'} task={task} try={attempt} -->"


def render(name: str, **values: Any) -> str:
    """The prompt `prompts/<name>.md.j2`. Raises `jinja2.UndefinedError` for a value that is not given."""
    return _environment().get_template(f"{name}.md.j2").render(**values)


def prompts_hash() -> str:
    """SHA-256 over all templates, their names, the examples and what else they say: part of an attempt's identity."""
    digest = hashlib.sha256()
    for path in sorted(FOLDER.glob("*.j2")):
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode() + content)
    digest.update(b"%d\0" % CHECK_SECONDS)
    digest.update(json.dumps({str(stage): answer for stage, answer in EXAMPLES.items()}, sort_keys=True).encode())
    return digest.hexdigest()


def in_words(ticket: Ticket) -> str:
    """What a ticket's check expects."""
    acceptance = ticket.acceptance
    printed = "" if acceptance.stdout is None else f", standard output matches the pattern {acceptance.stdout}"
    return f"exit status {acceptance.exit}{printed}"


@cache
def _environment() -> Environment:
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["in_words"] = in_words
    environment.filters["json"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False)
    return environment
