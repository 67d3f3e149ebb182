"""Any server that speaks OpenAI's chat completions: OpenAI, OpenRouter, vLLM, Ollama, and whatever is compatible."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

import msgspec

from ralphbench.endpoints.http_endpoint import HttpEndpoint
from ralphbench.endpoints.protocol import ModelInfo

_PRICED = {
    "api.openai.com": "openai",
    "openrouter.ai": "openrouter",
    "api.anthropic.com": "anthropic",
    "api.mistral.ai": "mistral",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "api.x.ai": "x-ai",
    "api.together.xyz": "together",
    "api.fireworks.ai": "fireworks",
    "api.cerebras.ai": "cerebras",
    "api.moonshot.ai": "moonshotai",
    "api.perplexity.ai": "perplexity",
    "api.z.ai": "zai",
    "generativelanguage.googleapis.com": "google",
}
"""Host to provider of the price table."""


class OpenAIEndpoint(HttpEndpoint):
    """Trusts what `/models` says beyond the standard (context, tools), where it says it."""

    kind = "openai"
    default_url = "https://api.openai.com/v1"
    default_key: ClassVar[str | None] = "OPENAI_API_KEY"
    spoken: ClassVar[tuple[str, ...]] = ("chat", "responses")

    @property
    def _host(self) -> str:
        return urlsplit(self.base_url).hostname or ""

    def price_provider(self) -> str | None:
        return super().price_provider() or _PRICED.get(self._host)

    def reports_cost(self) -> bool:
        """OpenRouter answers `usage: {include: true}`; others refuse the words."""
        return self._host == "openrouter.ai"

    def models(self) -> tuple[ModelInfo, ...]:
        listed = self.client(api=True).get("/models", Listed | list[Entry])  # type: ignore[arg-type]
        local = self.local()
        return tuple(read_entry(e, local=local) for e in (listed.data if isinstance(listed, Listed) else listed))


class Meta(msgspec.Struct):
    """What llama.cpp adds."""

    n_ctx: int | None = None
    n_ctx_train: int | None = None
    size: int | None = None


class Status(msgspec.Struct):
    value: str | None = None


class Entry(msgspec.Struct):
    """A line of `/models`, with what OpenRouter, vLLM, Mistral and llama.cpp (also as a router) add to it."""

    id: str
    context_length: int | None = None
    max_context_length: int | None = None
    max_model_len: int | None = None
    supported_parameters: list[str] | None = None
    meta: Meta | None = None
    aliases: list[str] = []
    status: Status | None = None


class Listed(msgspec.Struct):
    data: list[Entry]


def read_entry(entry: Entry, *, local: bool) -> ModelInfo:
    """What a line of `/models` tells."""
    meta = entry.meta or Meta()
    context = meta.n_ctx or entry.max_model_len
    top = entry.context_length or entry.max_context_length or meta.n_ctx_train or context
    return ModelInfo(
        id=entry.id,
        loaded=True if context is not None else None,
        context=context,
        max_context=top,
        size_bytes=meta.size,
        tools=None if entry.supported_parameters is None else "tools" in entry.supported_parameters,
        local=local,
    )
