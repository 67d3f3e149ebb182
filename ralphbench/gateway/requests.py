"""A request as the agent wrote it, and what is set in it. Only the top level is read; all else stays the bytes it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ralphbench.gateway.dialects import Dialect, as_object
from ralphbench.model import StageModel, codec

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode
_LOOKED_AT = (
    "model",
    "stream",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    # Objects that are added to, not replaced:
    "stream_options",
    "reasoning",
    "output_config",
    "usage",
    # Looked at alone:
    "thinking",
)
_LONGEST_NAME = 200
LEAST_OUTPUT = 256
"""Tokens that an answer is left even where our estimate says that the window is full: the server knows better."""
NEAR = 8192
"""Tokens. Where neither agent nor profile states a limit, a cap or a window is told to the server from here down: models
refuse a limit beyond their own, which is not known. Further up the cap is kept by cutting the stream."""


class BadBody(ValueError):
    """Not a JSON object."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What an upstream understands beyond its dialect."""

    usage_option: bool = True
    reported_cost: bool = False
    output_field: str | None = None
    """The only name of the answer's limit that it takes; None: both."""


@dataclass(frozen=True, slots=True)
class AgentRequest:
    """What the agent asked for."""

    original: bytes
    fields: Mapping[str, msgspec.Raw]
    values: Mapping[str, Any]
    """Of the fields that the gateway looks at, decoded."""

    @property
    def model(self) -> str:
        return str(self.values.get("model", ""))[:_LONGEST_NAME]

    @property
    def stream(self) -> bool:
        return self.values.get("stream") is True

    def edited(self, changes: Mapping[str, Any]) -> bytes:
        """As it is sent: the changed keys in their place, everything else the bytes it was."""
        fields = dict(self.fields)
        for key, value in changes.items():
            if value is None:
                fields.pop(key, None)
            else:
                fields[key] = msgspec.Raw(codec.dumps(value))
        return _encode(fields)


def read_request(body: bytes) -> AgentRequest:
    """Raises BadBody."""
    try:
        fields = _decode(body)
        values = {key: msgspec.json.decode(fields[key]) for key in _LOOKED_AT if key in fields}
    except (ValueError, RecursionError) as error:
        raise BadBody(f"expected a JSON object: {error}") from error
    return AgentRequest(body, fields, values)


@dataclass(frozen=True, slots=True)
class Room:
    """How much an answer may have at most, by what sets the limit; None: that does not limit it. Tokens."""

    profile: int | None = None
    budget: int | None = None
    context: int | None = None
    floor: int = 1
    """What the dialect takes at least."""

    def least(self, asked: int | None) -> int | None:
        """What the server is told, where the agent asked for so much; None: nothing."""
        context = None if self.context is None else max(self.context, LEAST_OUTPUT, self.floor)
        budget = None if self.budget is None else max(self.budget, self.floor)
        limit = min((limit for limit in (asked, self.profile, budget, context) if limit is not None), default=None)
        stated = asked is not None or self.profile is not None
        return limit if stated or limit is None or limit <= NEAR else None


def edits(request: AgentRequest, dialect: Dialect, stage: StageModel, habits: Habits, room: Room) -> dict[str, Any]:
    """What is set in the request, by top-level key; None: the key is taken out. All else is left as it is."""
    nested = request.values
    changes: dict[str, Any] = {"model": stage.model.model}
    changes |= dialect.sampling(stage.sampling, nested)
    if dialect.name == "chat" and request.stream and habits.usage_option:
        changes["stream_options"] = {**as_object(nested.get("stream_options")), "include_usage": True}
    if habits.reported_cost:
        changes["usage"] = {**as_object(nested.get("usage")), "include": True}
    changes |= _output_limit(request, dialect, habits, room)
    return {key: value for key, value in changes.items() if not _same(request, key, value)}


def _output_limit(request: AgentRequest, dialect: Dialect, habits: Habits, room: Room) -> dict[str, Any]:
    names = dialect.output_fields
    asked_as = [name for name in names if name in request.fields]
    asked = (_positive(request.values[name]) for name in asked_as)
    limit = room.least(min((value for value in asked if value is not None), default=None))
    if limit is None:
        return {}
    field = habits.output_field or (asked_as[0] if asked_as else names[0])
    return {name: None for name in asked_as if name != field} | {field: limit}


def _positive(value: Any) -> int | None:
    """A limit that an agent asked for. None: it asked for none, by whatever it wrote there (-1 is a habit)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 1 or value != int(value):
        return None
    return int(value)


def _same(request: AgentRequest, key: str, value: Any) -> bool:
    raw = request.fields.get(key)
    return raw is None if value is None else raw is not None and bytes(raw) == codec.dumps(value)
