"""What all endpoints over HTTP share: address, key, options, and the order of the checks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from ralphbench.endpoints.client import Client, ServerRefused, is_loopback
from ralphbench.endpoints.faults import AUTH
from ralphbench.endpoints.options import DIALECTS, check_options, dialect_of
from ralphbench.endpoints.preflight import (
    TRY_SECONDS,
    check_answer,
    check_context,
    check_variant,
    missing,
    try_tool_call,
)
from ralphbench.endpoints.protocol import ModelInfo, ServerInfo, Upstream
from ralphbench.errors import ConfigError, EndpointError, NoToolCalls
from ralphbench.model import EndpointSpec, StageModel

AUTHS = ("key", "passthrough", "none")


class HttpEndpoint:
    """One configured server. A kind says what its server lists (`models`) and overrides what it does differently."""

    kind: ClassVar[str]
    default_url: ClassVar[str]
    default_key: ClassVar[str | None] = None
    """The variable that holds the key where the address is the default one."""
    always_local: ClassVar[bool] = False
    spoken: ClassVar[tuple[str, ...]] = DIALECTS
    default_dialect: ClassVar[str] = "chat"
    own_options: ClassVar[Mapping[str, type]] = {}
    start_hint: ClassVar[str | None] = None

    def __init__(self, spec: EndpointSpec) -> None:
        known = {"dialect": str, "tool_check": bool, "timeout": float, "price_provider": str, **self.own_options}
        self.spec = spec
        self.options: dict[str, Any] = check_options(spec, known)
        self._dialect = dialect_of(spec, self.options, spoken=self.spoken, default=self.default_dialect)
        if spec.auth not in AUTHS:
            raise ConfigError(f"expected {', '.join(AUTHS)}, found {spec.auth!r}", key=f"endpoints.{spec.name}.auth")
        self.base_url = _base_url(spec, self.default_url)

    @property
    def root(self) -> str:
        """The server's own address, without the path of the API."""
        return self.base_url.removesuffix("/v1")

    def dialect(self) -> str:
        return self._dialect

    def local(self) -> bool:
        if self.spec.local is not None:
            return self.spec.local
        return self.always_local or is_loopback(self.base_url)

    def key(self) -> str | None:
        """The real key, read now; None where none is needed. Raises EndpointError where its variable is not set."""
        if self.spec.auth != "key":
            return None
        name = self.spec.api_key_env or (self.default_key if self.base_url == self.default_url else None)
        if name is None:
            return None
        if not (value := os.environ.get(name, "").strip()):
            raise EndpointError(
                f"endpoint {self.spec.name!r}: the variable {name} is not set; the key for {self.base_url} is read from it",
                remedy=f"export {name}=…",
            )
        return value

    def auth_headers(self) -> dict[str, str]:
        key = self.key()
        return {} if key is None else {"Authorization": f"Bearer {key}"}

    def upstream(self) -> Upstream:
        return Upstream(
            base_url=self.base_url,
            headers=self.auth_headers(),
            dialects=self.spoken,
            price_provider=self.price_provider(),
            reported_cost=self.reports_cost(),
        )

    def price_provider(self) -> str | None:
        """The provider's id in the price table; None: not a priced provider."""
        given = self.options.get("price_provider")
        return str(given) if given is not None else None

    def output_field(self) -> str:
        """What the server calls the most tokens that an answer of the chat dialect may have."""
        if (given := self.spec.options.get("output_field")) is not None:
            return str(given)
        # Its reasoning models refuse the older name; all its models know this one.
        return "max_completion_tokens" if urlsplit(self.base_url).hostname == "api.openai.com" else "max_tokens"

    def reports_cost(self) -> bool:
        return False

    def client(self, *, api: bool = False) -> Client:
        """`api`: with paths after `/v1`, else after the server's root."""
        root = self.base_url if api else self.root
        return Client(self.spec.name, root, self.auth_headers(), self.start_hint)

    def server(self) -> ServerInfo:
        self._listed()
        return ServerInfo(kind=self.kind, details={"base_url": self.base_url})

    def models(self) -> tuple[ModelInfo, ...]:
        raise EndpointError(f"endpoints of kind {self.kind!r} list no models")

    def identify(self, model: StageModel) -> ModelInfo:
        there = self._listed()
        by_id = {info.id: info for info in there}
        if (info := by_id.get(model.model.model)) is not None:
            return info
        raise missing(self.spec, model.model.model, tuple(by_id), remedy=self.remedy_missing(model))

    def _listed(self) -> tuple[ModelInfo, ...]:
        """The models, or with a login of the agent's own: none, since we hold no key to ask with."""
        try:
            return self.models()
        except ServerRefused as error:
            if error.kind == AUTH and self.spec.auth == "passthrough":
                return ()
            raise

    def preflight(self, model: StageModel) -> ModelInfo:
        if self.spec.auth == "passthrough":
            # The agent's own login calls through: there is no key of ours to try anything with.
            self._listed()
            return ModelInfo(model.model.model, local=self.local(), details={"auth": "passthrough"})
        info = self.identify(model)
        check_context(self.spec, model, info, remedy=self.remedy_context(model, info))
        check_variant(self.spec, model, info, remedy=self.remedy_variant(model, info))
        if not self.options.get("tool_check", True):
            return info
        if info.tools is False:
            raise NoToolCalls(
                f"endpoint {self.spec.name!r} says that {model.model.model!r} has no tool calls",
                remedy=self.remedy_tools(model),
            )
        timeout = float(self.options.get("timeout", TRY_SECONDS))
        tried = try_tool_call(self.client(api=True), self._dialect, model, field=self.output_field(), timeout=timeout)
        remedies = {"wrong_model": self.remedy_wrong(model, tried.served), "tools": self.remedy_tools(model)}
        return check_answer(self.spec, model, info, tried, also=self._served_as(model), remedies=remedies)

    def _served_as(self, model: StageModel) -> tuple[str, ...]:
        """Further names that the user says the server may answer under."""
        named = self.options.get("served_as", {}).get(model.model.model, ())
        return (str(named),) if isinstance(named, str) else tuple(str(name) for name in named)

    def remedy_missing(self, model: StageModel) -> str:
        return f"name one that is there in profiles.yaml: `{self.spec.name}/<model>`"

    def remedy_context(self, model: StageModel, info: ModelInfo) -> str:
        return f"state `context: {info.context or info.max_context}` in profiles.yaml, or serve it with {model.context}"

    def remedy_variant(self, model: StageModel, info: ModelInfo) -> str:
        return f"state `variant: {info.quantization}` in profiles.yaml, or serve {model.variant}"

    def remedy_tools(self, model: StageModel) -> str:
        return (
            "choose a model that was trained for tool use, and see that the server uses the model's own chat template"
        )

    def remedy_wrong(self, model: StageModel, served: str | None) -> str:
        return f"serve {model.model.model} there, or name `{self.spec.name}/{served}` in profiles.yaml"


def _base_url(spec: EndpointSpec, default: str) -> str:
    """The address up to `/v1`; an address without a path gets it. Raises ConfigError."""
    url = (spec.base_url or default).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        where = f"endpoints.{spec.name}.base_url"
        raise ConfigError(f"expected http://host:port or https://host, found {spec.base_url!r}", key=where)
    return url if parts.path else f"{url}/v1"
