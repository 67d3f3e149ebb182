"""Any server that speaks OpenAI's chat completions: OpenAI, OpenRouter, vLLM, Ollama, and whatever is compatible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

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
        listed = self.client(api=True).get("/models")
        entries = listed.get("data") if isinstance(listed, dict) else listed
        local = self.local()
        return tuple(read_entry(e, local=local) for e in entries or () if isinstance(e, dict) and e.get("id"))


def read_entry(entry: Mapping[str, Any], *, local: bool) -> ModelInfo:
    """A line of `/models`, with what OpenRouter, vLLM, llama.cpp and Mistral add to it."""
    meta = entry.get("meta") or {}
    context = meta.get("n_ctx") or entry.get("max_model_len")
    top = entry.get("context_length") or entry.get("max_context_length") or meta.get("n_ctx_train")
    supported = entry.get("supported_parameters")
    return ModelInfo(
        id=str(entry["id"]),
        loaded=True if context is not None else None,
        context=context,
        max_context=top if top is not None else context,
        size_bytes=meta.get("size"),
        tools="tools" in supported if isinstance(supported, list) else None,
        local=local,
    )
