"""What a request asks, in any of the three dialects, as far as a script can look at it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from ralphbench.endpoints.scripts import MARKER_KEYS

DIALECTS = {"/chat/completions": "chat", "/responses": "responses", "/messages": "messages"}
"""Path after `/v1` to dialect."""

BYTES_A_TOKEN = 4

_MARKER = re.compile(r"<!-- ralphbench ([^\n]*?) ?-->")
_PAIR = re.compile(r"(\w+)=(\S+)")


class _Part(msgspec.Struct):
    type: str = "text"
    text: str | None = None


class _Message(msgspec.Struct):
    role: str | None = None
    type: str | None = None
    content: str | list[_Part] | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool = False


class _Body(msgspec.Struct):
    model: str = ""
    messages: list[_Message] = []
    input: str | list[_Message] = ""
    system: str | list[_Part] | None = None
    instructions: str | None = None
    stream: bool | None = False
    stream_options: _StreamOptions | None = None
    tools: list[msgspec.Raw] | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None


_decoder = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. Texts are joined parts; a message without text does not count as a user's."""

    dialect: str
    model: str
    stream: bool
    include_usage: bool
    system: str
    first: str
    last: str
    marker: dict[str, str]
    """Of the last user message that carries a stage prompt's first line; empty where none does."""
    turn: int
    """Answers that the conversation holds since that message (without one: at all)."""
    tools: bool
    estimate: int
    """The prompt in tokens: the request's bytes by four. Cheap, and the same for the same request."""
    max_tokens: int | None


def read_request(dialect: str, body: bytes) -> Asked:
    """Raises `msgspec.DecodeError` or `msgspec.ValidationError` (both ValueErrors) where the body is no such request."""
    asked = _decoder.decode(body)
    messages = asked.messages if dialect != "responses" else _items(asked.input)
    users = [(i, text) for i, m in enumerate(messages) if m.role == "user" and (text := _text(m.content))]
    marker, since = _marker(users)
    limit = asked.max_completion_tokens or asked.max_output_tokens or asked.max_tokens
    options = asked.stream_options
    return Asked(
        dialect=dialect,
        model=asked.model,
        stream=bool(asked.stream),
        include_usage=dialect != "chat" or (options is not None and options.include_usage),
        system=_system(asked, messages),
        first=users[0][1] if users else "",
        last=users[-1][1] if users else "",
        marker=marker,
        turn=_answers(messages[since:], joined=dialect == "responses"),
        tools=bool(asked.tools),
        estimate=-(-len(body) // BYTES_A_TOKEN),
        max_tokens=limit,
    )


def _items(given: str | list[_Message]) -> list[_Message]:
    return [_Message(role="user", content=given)] if isinstance(given, str) else given


def _text(content: str | list[_Part] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(part.text for part in content if part.text and part.type in ("text", "input_text", "output_text"))


def _system(asked: _Body, messages: list[_Message]) -> str:
    given = [_text(asked.system), asked.instructions or ""]
    given += [_text(m.content) for m in messages if m.role in ("system", "developer")]
    return "\n".join(text for text in given if text)


def _marker(users: list[tuple[int, str]]) -> tuple[dict[str, str], int]:
    for index, text in reversed(users):
        if found := _MARKER.search(text):
            pairs = dict(_PAIR.findall(found[1]))
            return {key: pairs[key] for key in MARKER_KEYS if key in pairs}, index + 1
    return {}, 0


def _answers(messages: list[_Message], *, joined: bool) -> int:
    """How often the model has answered. In the responses dialect one answer may be several items in a row."""
    if not joined:
        return sum(m.role == "assistant" for m in messages)
    count, before = 0, False
    for m in messages:
        answer = m.role == "assistant" or m.type in ("function_call", "reasoning")
        count += answer and not before
        before = answer
    return count
