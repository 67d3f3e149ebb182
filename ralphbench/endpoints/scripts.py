"""The script of the `scripted` endpoint: what a made-up model answers, and when. docs/scripted.md is its manual.

`script_file` reads and checks it, `matching` makes it quick to ask.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

MARKER_KEYS = ("stage", "iteration", "ticket", "task", "try")
"""What a stage prompt says of itself in its first line, and `when` can ask for."""

FaultName = Literal[
    "overflow_400",
    "overflow_in_stream",
    "overflow_empty",
    "rate_limit",
    "quota",
    "auth",
    "server_error",
    "overloaded",
    "loading",
    "load_failed",
    "out_of_memory",
    "model_missing",
    "nothing_loaded",
    "crash",
    "http",
    "reset",
    "stall",
    "no_finish",
    "malformed_arguments",
    "wrong_model",
    "truncated_usage",
    "empty_answer",
    "length",
]
OverflowStyle = Literal[
    "llamacpp",
    "lmstudio",
    "lmstudio_n_keep",
    "lmstudio_truncate",
    "mlx",
    "ollama",
    "vllm",
    "openai",
    "anthropic",
]

_STRICT: dict[str, Any] = {"extra": "forbid", "frozen": True}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong with a turn."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    name: FaultName
    times: int | None = None
    """Strikes so often a stage and turn, then the turn is answered; None: always. `loading` has 2."""
    style: OverflowStyle = "llamacpp"
    """Whose words an overflow is told in."""
    status: int | None = None
    message: str | None = None
    retry_after: float | None = None
    """Seconds, sent as `Retry-After`."""
    at: int | None = None
    """Content events that are sent before a fault in mid-stream strikes; for `crash`: None is before the stream."""
    seconds: float = 3600.0
    """How long a `stall` is silent."""
    end: Literal["done", "eof"] = "done"
    """How a stream without a finish reason ends."""
    model: str = "another-model"
    """Who answers a `wrong_model`."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    name: str
    arguments: dict[str, Any] | str = field(default_factory=dict)
    """A text is sent as it is, so that it need not be JSON."""


@dataclass(frozen=True, slots=True)
class UsageSaid:
    """What the server says it counted; what is not given is counted (`input`, `output`) or not said (the others)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    omit: bool = False
    """Says nothing at all: `usage: none`."""
    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of the model."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    text: str = ""
    json: Any = None
    """Instead of `text`: a value that is answered as JSON."""
    reasoning: str = ""
    tools: tuple[ToolCall, ...] = ()
    finish: Literal["stop", "tool_calls", "length", "content_filter"] | None = None
    """None: `tool_calls` where there are any, else `stop`."""
    usage: UsageSaid = field(default_factory=UsageSaid)
    fault: Fault | None = None
    delay: float = 0.0
    """Seconds before the first byte, on top of the model's own."""
    speed: float | None = None
    """Tokens a second; None: the model's."""


@dataclass(frozen=True, slots=True)
class When:
    """All that is given must hold. Words may hold `*`; a list is a choice."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    marker: dict[str, tuple[str, ...]] = field(default_factory=dict)
    model: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    """Texts that the last user message holds, all of them."""
    matches: str | None = None
    """A regular expression found in the last user message."""
    first: str | None = None
    """The same in the first user message."""
    system: str | None = None
    tools: bool | None = None
    """Whether the request offers tools."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Turns for the requests that `when` holds for; the first rule that holds answers."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    turns: tuple[Turn, ...]
    name: str | None = None
    when: When = field(default_factory=When)
    after: Literal["repeat", "last", "stop"] = "stop"
    """What follows the last turn: all again, the last one again, or a plain end."""


@dataclass(frozen=True, slots=True)
class ScriptedModel:
    """A model as the server lists and serves it. Times in seconds."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    id: str
    context: int | None = None
    """Tokens; a prompt of more is an overflow. None: no end."""
    overflow: Literal["400", "in_stream", "empty"] = "400"
    style: OverflowStyle = "llamacpp"
    speed: float | None = None
    """Tokens a second; None: as fast as it goes."""
    first_token: float = 0.0
    load: float = 0.0
    """What the first request to the model waits, once a process."""
    chunk: int | None = None
    """Tokens an event; None: 1 where there is a speed, else 8."""
    timings: bool = False
    """Say llama.cpp's `timings` at the end (chat dialect)."""
    reasoning_field: Literal["reasoning_content", "reasoning"] = "reasoning_content"
    tools: bool = True


@dataclass(frozen=True, slots=True)
class Script:
    """The whole file."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    rules: tuple[Rule, ...]
    models: tuple[ScriptedModel, ...] = (ScriptedModel("scripted"),)
    title: str = ""
