"""What a dialect is to the gateway: words of its requests, shape of its errors, reader of its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ralphbench.gateway.meter import Meter
from ralphbench.model import Sampling

Body = Mapping[str, Any]
"""A request's top level."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as an agent is told of it; `message` is already quiet."""

    message: str
    type: str
    code: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """One of `chat`, `responses`, `messages`."""

    name: str
    path: str
    """Appended to the upstream's base address."""
    meter: Callable[[], Meter]
    sampling: Callable[[Sampling, Mapping[str, Any]], dict[str, Any]]
    """(sampling, the request's decoded nested options) -> keys to set."""
    output_fields: tuple[str, ...]
    """Names of the limit on an answer's tokens; the first is set where the agent has set none."""
    least_output: Callable[[Body], int]
    """(the request's decoded values) -> the smallest limit that it may be sent with, in tokens."""
    error_body: Callable[[Problem], bytes]
    """Of an HTTP error."""
    error_event: Callable[[Problem, int], bytes]
    """(problem, last sequence number) -> the event that ends a broken stream."""


def as_object(value: Any) -> dict[str, Any]:
    """What the agent has set there; nothing where that is no object."""
    return value if isinstance(value, dict) else {}


def set_keys(sampling: Sampling, names: tuple[str, ...]) -> dict[str, Any]:
    """The sampling values that are stated, under the names of `Sampling`, and the extra keys."""
    stated = {name: getattr(sampling, name) for name in names}
    return {name: value for name, value in stated.items() if value is not None} | dict(sampling.extra)
