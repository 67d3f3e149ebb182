"""Anthropic's own API."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ralphbench.endpoints.http_endpoint import HttpEndpoint
from ralphbench.endpoints.names import same_model
from ralphbench.endpoints.preflight import missing
from ralphbench.endpoints.protocol import ModelInfo
from ralphbench.model import StageModel

VERSION = "2023-06-01"


class _Entry(msgspec.Struct):
    id: str
    max_input_tokens: int | None = None


class _Listed(msgspec.Struct):
    data: list[_Entry]


class AnthropicEndpoint(HttpEndpoint):
    """Speaks messages. With `auth: passthrough` the agent's own login goes through and no key of ours is sent."""

    kind = "anthropic"
    default_url = "https://api.anthropic.com/v1"
    default_key = "ANTHROPIC_API_KEY"
    spoken: ClassVar[tuple[str, ...]] = ("messages",)
    default_dialect = "messages"

    def auth_headers(self) -> dict[str, str]:
        if self.spec.auth == "passthrough":
            return {}
        key = self.key()
        return {"anthropic-version": VERSION, **({} if key is None else {"x-api-key": key})}

    def price_provider(self) -> str | None:
        return super().price_provider() or "anthropic"

    def models(self) -> tuple[ModelInfo, ...]:
        listed = self.client(api=True).get("/models?limit=1000", _Listed)
        return tuple(ModelInfo(e.id, max_context=e.max_input_tokens, local=self.local()) for e in listed.data)

    def identify(self, model: StageModel) -> ModelInfo:
        """An alias without its date is the newest model of that name."""
        asked = model.model.model
        there = self._listed()
        exact = [info for info in there if info.id == asked]
        near = exact or [info for info in there if same_model(asked, info.id)]
        if not near:
            raise missing(self.spec, asked, tuple(i.id for i in there), remedy=self.remedy_missing(model))
        return max(near, key=lambda info: info.id)
