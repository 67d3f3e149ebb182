"""The description of a command line as an agent (agents.yaml), read and checked. docs/agents.md is its manual."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Literal

import msgspec

from ralphbench.errors import ConfigError

NAMES = (
    "base_url",
    "context",
    "cwd",
    "home",
    "key",
    "model",
    "output",
    "prompt",
    "prompt_file",
    "prompt_json",
    "python",
    "session",
    "stage",
)
"""What `{...}` may hold. `prompt_json` is the prompt as a JSON text, quotes included, for configuration files."""
_TEMPLATE = re.compile(r"\{([a-z_]+)\}")
Ending = Literal["done", "blocked", "no_output", "context", "agent_crash"]


class Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the version is asked. `pattern`: its first group, else its match, is the version. `pin`: no other will do."""

    argv: list[str]
    pattern: str = r"\d+\.\d+[\w.+-]*"
    pin: str | None = None


class EventRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of line. `when`: dotted paths and the values that must stand there. The others: dotted paths."""

    when: dict[str, str | int | bool]
    kind: Literal["message", "reasoning", "tool_call", "tool_result", "step", "error", "notice"]
    text: str | None = None
    tool: str | None = None
    call_id: str | None = None
    arguments: str | None = None
    seconds: str | None = None
    exit: str | None = None
    failed: str | None = None
    last: bool = False
    """After it the agent has nothing more to say."""


class AnswerFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A JSON file that the agent leaves, and the dotted paths to look at, the first with a text is the answer; no path:
    the whole file is.
    """

    file: str
    paths: list[str] = []


class Output(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How standard output is read. `text`: it is the answer, unless `answer` says otherwise. `jsonl`: line by line by
    the rules of `events`; the last `message` is the answer. `ours`: the events of the built-in agent.
    """

    format: Literal["text", "jsonl", "ours"] = "text"
    events: list[EventRule] = []
    session: str | None = None
    """Dotted path, in any line, of the session's id."""
    answer: AnswerFile | None = None


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A regular expression in the output's end or in standard error, and how a stage ended where it is found."""

    pattern: str
    ending: Ending


class Continue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a session is gone on with: `argv` in place of the usual one."""

    argv: list[str]


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"continue_": "continue"}):
    """One agent. Texts with `{...}` are templates."""

    argv: list[str]
    version: Version
    prompt: Literal["stdin", "file", "argv"] = "stdin"
    env: dict[str, str] = {}
    files: dict[str, str] = {}
    """Path to content, both templates; written before each stage. The path must lie in `{home}`."""
    dialects: tuple[Literal["chat", "responses", "messages"], ...] = ("chat",)
    output: Output = Output()
    exit: dict[int, Ending] = msgspec.field(default_factory=lambda: {0: "done"})
    """Exit codes; any other is `agent_crash`."""
    endings: list[Match] = []
    """Looked at where the exit is not `done`, the first that is found counts."""
    continue_: Continue | None = None
    install: str | None = None
    """What to type where the command is missing."""
    read_only: list[str] = []
    """Further folders of the installation."""


def read(name: str, given: Any) -> Description:
    """Check a description. Raises ConfigError that names the agent and the key."""
    try:
        described = msgspec.convert(given, Description)
    except msgspec.ValidationError as error:
        raise ConfigError(_words(str(error)), key=f"agents.{name}{_place(str(error))}") from error
    for key, message in _mistakes(described):
        raise ConfigError(message, key=f"agents.{name}.{key}")
    return described


def _place(message: str) -> str:
    """`... - at `$.output.format`` as a dotted key; that of an unknown field ends in its name."""
    found = re.search(r"`\$([^`]*)`$", message)
    unknown = re.search(r"unknown field `([^`]+)`", message)
    place = found.group(1).replace("[...]", "") if found else ""
    return f"{place}.{unknown.group(1)}" if unknown else place


def _words(message: str) -> str:
    text = message.partition(" - at `")[0]
    unknown = re.search(r"unknown field `([^`]+)`", text)
    if unknown is None:
        return text
    near = get_close_matches(unknown.group(1), _keys(), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown key {unknown.group(1)!r}{hint}"


def _keys() -> list[str]:
    kinds = (Description, Version, Output, EventRule, AnswerFile, Match, Continue)
    return sorted({field.encode_name for kind in kinds for field in msgspec.structs.fields(kind)})


def _mistakes(given: Description) -> Iterator[tuple[str, str]]:
    """What no type can say: (key, message)."""
    if not given.argv:
        yield "argv", "a command is needed"
    templates = {"argv": given.argv, "env": [*given.env.values()], "version.argv": given.version.argv}
    templates["files"] = [*given.files]
    templates["continue.argv"] = [] if given.continue_ is None else given.continue_.argv
    for key, texts in templates.items():
        for text in texts:
            yield from ((key, message) for message in _unknown(text))
    yield from _prompt_mistakes(given)
    for key, pattern in [("version.pattern", given.version.pattern), *(("endings", m.pattern) for m in given.endings)]:
        try:
            re.compile(pattern)
        except re.error as error:
            yield key, f"not a regular expression: {error}"
    if given.output.format == "jsonl" and not given.output.events:
        yield "output.events", "the format `jsonl` needs rules"
    if given.output.format != "jsonl" and (given.output.events or given.output.session):
        yield "output", "`events` and `session` are for the format `jsonl`"
    answer = [] if given.output.answer is None else [("output.answer.file", given.output.answer.file)]
    for key, path in [*(("files", path) for path in given.files), *answer]:
        if not path.startswith("{home}/") or ".." in path.split("/") or path.endswith("/"):
            yield key, f"{path!r} must be a file in {{home}}/"


def _prompt_mistakes(given: Description) -> Iterator[tuple[str, str]]:
    wanted = {"argv": ("{prompt}",), "file": ("{prompt_file}", "{prompt_json}")}.get(given.prompt)
    texts = [*given.argv, *given.env.values(), *given.files.values()]
    if wanted and not any(word in text for word in wanted for text in texts):
        yield "prompt", f"with `prompt: {given.prompt}`, {' or '.join(wanted)} must stand in argv, env or files"
    if given.continue_ is not None and not any("{session}" in text for text in given.continue_.argv):
        yield "continue.argv", "{session} must stand in it"


def _unknown(text: str) -> Iterator[str]:
    for found in _TEMPLATE.finditer(text):
        if found.group(1) not in NAMES:
            near = get_close_matches(found.group(1), NAMES, n=1)
            hint = f"; did you mean {{{near[0]}}}?" if near else f" (known: {', '.join(NAMES)})"
            yield f"there is no {{{found.group(1)}}}{hint}"


def fill(text: str, values: Mapping[str, str]) -> str:
    """A template with its values put in, once: what a value holds is not looked at again. Other braces stay."""
    return _TEMPLATE.sub(lambda found: values.get(found.group(1), found.group(0)), text)
