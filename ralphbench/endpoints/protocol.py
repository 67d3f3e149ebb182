"""What each server can tell and do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from ralphbench.model import EndpointSpec, StageModel


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as its server describes it. None: the server does not say."""

    id: str
    loaded: bool | None = None
    context: int | None = None
    """Tokens of the loaded instance."""
    max_context: int | None = None
    quantization: str | None = None
    size_bytes: int | None = None
    tools: bool | None = None
    local: bool | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServerInfo:
    kind: str
    version: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Upstream:
    """How the gateway reaches the server. Lives in the gateway's memory alone; its repr hides the headers."""

    base_url: str
    """Up to and including `/v1` or its like; dialect paths are appended: `/chat/completions`, `/responses`, `/messages`."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    dialects: tuple[str, ...] = ("chat",)
    price_provider: str | None = None
    """The provider's id in the price table; None: not a priced provider."""
    usage_option: bool = True
    """Whether `stream_options.include_usage` is understood (chat dialect)."""
    reported_cost: bool = False
    """Whether the server reports cost in `usage.cost` (OpenRouter)."""


class Endpoint(Protocol):
    """One configured server. Blocking calls with short time-outs; nothing is cached."""

    spec: EndpointSpec

    def dialect(self) -> str:
        """What agents speak to it: `chat`, `responses` or `messages`."""

    def local(self) -> bool:
        """Whether its calls cost nothing but the user's own electricity."""

    def upstream(self) -> Upstream:
        """With the real key, read from the environment now. Raises EndpointError with the variable's name if missing."""

    def server(self) -> ServerInfo:
        """Raises EndpointDown."""

    def models(self) -> tuple[ModelInfo, ...]:
        """Raises EndpointDown."""

    def identify(self, model: StageModel) -> ModelInfo:
        """The model as it is now. Raises EndpointDown, ModelMissing (with what there is and "did you mean")."""

    def preflight(self, model: StageModel) -> ModelInfo:
        """All that can be checked before anything is spent: there, loaded with enough context, answers a tool call
        with a tool call, served under its own name. Raises EndpointDown, ModelMissing, WrongModel, ContextTooSmall,
        NoToolCalls, each with the remedy as a command.
        """


class EmbeddedServer(Protocol):
    """A server that lives in the caller's event loop."""

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen; returns the base URL, up to and including `/v1`. Raises OSError where the port is taken."""

    async def stop(self) -> None:
        """Stop listening and end what is being answered."""


RECORDED_FAULT = "x-ralphbench-fault"
"""Header of a replayed error: the kind that the gateway gave it then, of an error that was no server's answer."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What a stage asked, held against what it should have asked."""

    differences: tuple[str, ...] = ()
    """In words, in their order."""
    failed: str | None = None
    """Why the stage must not count. None: it may, differences or not."""


@runtime_checkable
class Compares(EmbeddedServer, Protocol):
    """One that knows what it is going to be asked (`replay`)."""

    def stage_over(self, stage: str) -> Compared:
        """Asked once a stage's last call has ended. `stage`: as the header `x-ralphbench-stage-id` of its calls named it."""


@runtime_checkable
class Embedded(Protocol):
    """An endpoint whose server the gateway starts itself (`scripted`, `replay`), unless its spec has a `base_url`.

    The gateway then works with `load_endpoint(replace(spec, base_url=await server.start()))`.
    """

    def open_server(self) -> EmbeddedServer:
        """Raises ConfigError or RecordError where what it answers from cannot be used."""


@dataclass(frozen=True, slots=True)
class PriceTerms:
    """What the price of a model is looked up by."""

    spec: EndpointSpec
    """Whose stated price counts."""
    provider: str | None
    """The provider's id in the price table."""
    local: bool


@runtime_checkable
class PricedElsewhere(Protocol):
    """An endpoint whose calls count as those of another one (`replay`: of the recorded one), so that caps bite alike."""

    def price_terms(self, model: str) -> PriceTerms | None:
        """None: its own count after all."""


@runtime_checkable
class Loads(Protocol):
    """An endpoint that can bring a model into memory itself (`lmstudio` with `options: {load: true}`).

    Whoever holds the lease on the endpoint calls `prepare` before a stage; what it takes is an interval of kind `load`.
    """

    def prepare(self, model: StageModel) -> float | None:
        """Have the model in memory as the profile states it. Returns seconds; None: it was there, or nobody asked for it.

        Raises EndpointDown, ModelMissing, EndpointError (it cannot be loaded, and why).
        """
