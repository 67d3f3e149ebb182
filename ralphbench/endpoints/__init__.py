"""What each server can tell and do: list, identify, health; the scripted and the replay endpoint.

Public submodules, imported where they are needed since they bring asyncio and aiohttp: `scripted` (ScriptedServer), `replay`
(ReplayServer), `fake_lmstudio` (FakeLMStudio, Downloaded), `embedded` (serve_in_thread), `openai` (OpenAIEndpoint: what
an endpoint of one's own is made with).
"""

from ralphbench.endpoints.faults import classify, error_text, overflow_sizes
from ralphbench.endpoints.names import in_the_cloud, same_model
from ralphbench.endpoints.protocol import (
    RECORDED_FAULT,
    Compared,
    Compares,
    Embedded,
    EmbeddedServer,
    Endpoint,
    Loads,
    ModelInfo,
    PriceTerms,
    ServerInfo,
    Upstream,
)
from ralphbench.endpoints.registry import is_local, load_endpoint, price_terms

__all__ = [
    "RECORDED_FAULT",
    "Compared",
    "Compares",
    "Embedded",
    "EmbeddedServer",
    "Endpoint",
    "Loads",
    "ModelInfo",
    "PriceTerms",
    "ServerInfo",
    "Upstream",
    "classify",
    "error_text",
    "in_the_cloud",
    "is_local",
    "load_endpoint",
    "overflow_sizes",
    "price_terms",
    "same_model",
]
