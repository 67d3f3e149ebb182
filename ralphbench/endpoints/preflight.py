"""What can be checked of a model before anything is spent, the same for every server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

import msgspec

from ralphbench.endpoints.client import KEY_REMEDY, Client, ServerRefused
from ralphbench.endpoints.faults import (
    AUTH,
    BAD_REQUEST,
    ENDPOINT_DOWN,
    MODEL_MISSING,
    NOTHING_LOADED,
    OVERFLOW,
    PROVIDER_ERROR,
)
from ralphbench.endpoints.names import same_model
from ralphbench.endpoints.protocol import ModelInfo
from ralphbench.errors import (
    ContextTooSmall,
    EndpointDown,
    EndpointError,
    ModelMissing,
    NoToolCalls,
    WrongModel,
)
from ralphbench.model import EndpointSpec, StageModel, codec

TRY_SECONDS = 180.0
"""A local model may have to be read from disk first."""

TRY_TOKENS = 1024
"""Room for a model that thinks before it calls."""

_TOOL = "report_status"
_ASK = "Call the tool `report_status` once, with status set to `ready`. Do not answer with text."
_SCHEMA = {
    "type": "object",
    "properties": {"status": {"type": "string", "description": "one word"}},
    "required": ["status"],
}


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of the tool call. `served` None: the server does not say."""

    served: str | None
    called: bool
    said: str
    """What it answered instead, the first 200 characters."""


def check_context(spec: EndpointSpec, model: StageModel, info: ModelInfo, *, remedy: str) -> None:
    """Raises ContextTooSmall where the server says that it has less than the profile states. Unknown passes."""
    has = info.context if info.context is not None else info.max_context
    if model.context is None or has is None or has >= model.context:
        return
    raise ContextTooSmall(
        f"endpoint {spec.name!r}: {model.model.model!r} has a context of {has:,} tokens, "
        f"the profile states {model.context:,}",
        remedy=remedy,
    )


def missing(spec: EndpointSpec, asked: str, there: tuple[str, ...], *, remedy: str) -> ModelMissing:
    """The error for a model that is not there, with the nearest names that are."""
    near = get_close_matches(asked, there, n=3, cutoff=0.4)
    hint = f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    listed = ", ".join(there[:12]) + (f" and {len(there) - 12} more" if len(there) > 12 else "") if there else "none"
    return ModelMissing(f"endpoint {spec.name!r} has no model {asked!r}{hint} (there: {listed})", remedy=remedy)


def check_variant(spec: EndpointSpec, model: StageModel, info: ModelInfo, *, remedy: str) -> None:
    """Raises WrongModel where another quantisation is there than the profile states. Unknown passes."""
    if model.variant is None or info.quantization is None or model.variant.lower() == info.quantization.lower():
        return
    raise WrongModel(
        f"endpoint {spec.name!r}: {model.model.model!r} is there as {info.quantization}, "
        f"the profile states {model.variant}",
        remedy=remedy,
    )


def check_answer(
    spec: EndpointSpec,
    model: StageModel,
    info: ModelInfo,
    tried: Tried,
    *,
    also: tuple[str, ...] = (),
    remedies: Mapping[str, str],
) -> ModelInfo:
    """The model with what the try showed. `also`: names that it may answer under. Raises WrongModel, NoToolCalls;
    `remedies` has `wrong_model` and `tools`.
    """
    asked = model.model.model
    if tried.served is not None and not any(same_model(n, tried.served) for n in (asked, info.id, *also)):
        raise WrongModel(
            f"endpoint {spec.name!r} was asked for {asked!r} and answered as {tried.served!r}",
            remedy=remedies["wrong_model"],
        )
    if not tried.called:
        raise NoToolCalls(
            f"endpoint {spec.name!r}: {asked!r} was offered one tool and told to call it; it answered with: "
            f"{tried.said!r}",
            remedy=remedies["tools"],
        )
    served = {} if tried.served is None else {"served": tried.served}
    return replace(info, tools=True, details={**info.details, **served})


def try_tool_call(client: Client, dialect: str, model: StageModel, *, field: str, timeout: float) -> Tried:
    """One small request with one tool. `field`: what the server calls the most that an answer of the chat dialect may have.

    Raises EndpointDown, ModelMissing, ContextTooSmall, EndpointError.
    """
    path, body = _request(dialect, model.model.model, field)
    try:
        answer = client.post(path, body, dict[str, Any], timeout=timeout)
    except ServerRefused as error:
        if error.kind == BAD_REQUEST and error.status >= 500:
            # llama.cpp's way to say that what the model wrote is no tool call.
            return Tried(None, False, error.text[:200])
        raise _translated(error, client.name, model) from error
    if answer.get("error"):
        # Some servers say 200 and put the error into the body.
        raise EndpointError(
            f"endpoint {client.name!r}: {model.model.model!r} cannot answer: {str(answer['error'])[:300]}"
        )
    try:
        served, calls, text = _READERS[dialect](answer)
    except msgspec.ValidationError as error:
        raise EndpointDown(
            f"endpoint {client.name!r} does not answer a {dialect} request as such a server does: {error}"
        ) from error
    called = any(name == _TOOL and _is_object(arguments) for name, arguments in calls)
    said = text or (f"a malformed call {calls[0]!r}" if calls else "nothing at all")
    return Tried(served or None, called, said[:200])


def _request(dialect: str, name: str, field: str) -> tuple[str, dict[str, Any]]:
    told = [{"role": "user", "content": _ASK}]
    function = {"name": _TOOL, "description": "Report the status.", "parameters": _SCHEMA}
    if dialect == "messages":
        tool = {"name": _TOOL, "description": "Report the status.", "input_schema": _SCHEMA}
        return "/messages", {"model": name, "messages": told, "tools": [tool], "max_tokens": TRY_TOKENS}
    if dialect == "responses":
        tool = {"type": "function", **function}
        return "/responses", {"model": name, "input": told, "tools": [tool], "max_output_tokens": TRY_TOKENS}
    body = {"model": name, "messages": told, "tools": [{"type": "function", "function": function}], "stream": False}
    return "/chat/completions", {**body, field: TRY_TOKENS}


class _Function(msgspec.Struct):
    name: str = ""
    arguments: Any = ""


class _Call(msgspec.Struct):
    function: _Function = msgspec.field(default_factory=_Function)


class _ChatMessage(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct):
    message: _ChatMessage = msgspec.field(default_factory=_ChatMessage)


class _ChatAnswer(msgspec.Struct):
    choices: list[_Choice]
    model: str | None = None


class _Part(msgspec.Struct):
    """A block of an Anthropic message, or a part of an item of a response."""

    type: str = ""
    text: str | None = None
    name: str = ""
    input: Any = None


class _Item(msgspec.Struct):
    type: str = ""
    name: str = ""
    arguments: Any = ""
    content: list[_Part] | None = None


class _ResponsesAnswer(msgspec.Struct):
    output: list[_Item]
    model: str | None = None


class _MessagesAnswer(msgspec.Struct):
    content: list[_Part]
    model: str | None = None


Read = tuple[str | None, list[tuple[str, Any]], str]
"""Served model, calls as name and arguments, text."""


def _read_chat(answer: dict[str, Any]) -> Read:
    read = msgspec.convert(answer, _ChatAnswer)
    message = read.choices[0].message if read.choices else _ChatMessage()
    calls = [(call.function.name, call.function.arguments) for call in message.tool_calls or []]
    return read.model, calls, message.content or message.reasoning_content or message.reasoning or ""


def _read_responses(answer: dict[str, Any]) -> Read:
    read = msgspec.convert(answer, _ResponsesAnswer)
    calls = [(item.name, item.arguments) for item in read.output if item.type == "function_call"]
    return read.model, calls, "".join(part.text or "" for item in read.output for part in item.content or [])


def _read_messages(answer: dict[str, Any]) -> Read:
    read = msgspec.convert(answer, _MessagesAnswer)
    calls = [(block.name, block.input) for block in read.content if block.type == "tool_use"]
    return read.model, calls, "".join(block.text or "" for block in read.content if block.type == "text")


_READERS = {"chat": _read_chat, "responses": _read_responses, "messages": _read_messages}


def _is_object(arguments: Any) -> bool:
    if isinstance(arguments, str):
        try:
            arguments = codec.loads_any(arguments)
        except ValueError:
            return False
    return isinstance(arguments, dict)


def _translated(error: ServerRefused, name: str, model: StageModel) -> EndpointError:
    """The server's refusal as the error that says what to do."""
    asked = model.model.model
    what = f"endpoint {name!r}: {asked!r} cannot answer a first small request ({error.status}): {error.text}"
    if error.kind in (MODEL_MISSING, NOTHING_LOADED):
        return ModelMissing(what)
    if error.kind == OVERFLOW:
        return ContextTooSmall(what)
    if error.kind in (ENDPOINT_DOWN, PROVIDER_ERROR):
        return EndpointDown(what)
    if error.kind == AUTH:
        return EndpointError(what, remedy=KEY_REMEDY)
    return EndpointError(what)
