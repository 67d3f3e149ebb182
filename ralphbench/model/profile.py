"""A profile: which model serves which stage, through which agent, with which sampling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ralphbench.model.names import Stage


@dataclass(frozen=True, slots=True)
class ModelRef:
    """`endpoint/model`; the model's own name may hold slashes."""

    endpoint: str
    model: str

    @classmethod
    def parse(cls, text: str) -> ModelRef:
        """Split at the first slash. Raises ValueError where one half is missing."""
        endpoint, slash, model = text.partition("/")
        if not slash or not endpoint or not model:
            raise ValueError(f"expected <endpoint>/<model>, found {text!r}")
        return cls(endpoint, model)

    def __str__(self) -> str:
        return f"{self.endpoint}/{self.model}"


@dataclass(frozen=True, slots=True)
class Sampling:
    """What is set in every request of a stage. `None` leaves the server's default."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None
    reasoning_effort: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    """Further keys of the request's body, as the server knows them."""


@dataclass(frozen=True, slots=True)
class StageModel:
    """Who does one stage."""

    model: ModelRef
    agent: str
    """A registered agent, or the name of a `command` agent of agents.yaml."""
    context: int | None = None
    """Tokens: the window that the profile states; the loaded one must not be smaller."""
    output: int | None = None
    """Tokens that one answer may have at most."""
    variant: str | None = None
    """Quantisation or the like, as the server names it; part of the identity."""
    sampling: Sampling = field(default_factory=Sampling)
    agent_options: dict[str, Any] = field(default_factory=dict)


GATEWAY_OPTIONS: Mapping[str, type] = MappingProxyType(
    {
        "retries": int,  # tries in all, the first one included
        "retry_max_seconds": float,  # from the first failure; also the longest Retry-After that is waited for
        "retry_base_seconds": float,  # the first wait, doubled each time
        "load_max_seconds": float,  # patience with a server that says it is loading the model
        "connect_seconds": float,
        "stall_seconds": float,  # without a byte, then the server is given up
        "output_field": str,  # the only name that the server takes for the limit on an answer's tokens
        "served_as": dict,  # model -> name or list of names that the server may answer under
    }
)
"""Keys of `EndpointSpec.options` that every kind of endpoint takes: the gateway's, not the endpoint's own."""


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """A place that serves models, as the user described it. Holds the name of a key, never a key."""

    name: str
    kind: str
    base_url: str | None = None
    api_key_env: str | None = None
    auth: str = "key"
    """`key`: the gateway adds the key; `passthrough`: the agent's own login goes through; `none`."""
    slots: int = 1
    """Calls of one model at once; attempts lease them."""
    local: bool | None = None
    """None: local where the address is loopback or the kind is a local server's."""
    script: str | None = None
    """For `scripted`: the YAML script; for `replay`: the recorded attempt."""
    price: dict[str, float] | None = None
    """USD per million tokens: `input`, `output`, `cache_read`, `cache_write`; None: the price table."""
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Profile:
    """One contender."""

    name: str
    stages: Mapping[Stage, StageModel]
    """All five stages, each resolved: defaults are already filled in."""
    title: str = ""
