"""What each server can tell and do: list, identify, health; the scripted and the replay endpoint.

Public submodules, imported where they are needed since they bring asyncio and aiohttp: `scripted` (ScriptedServer), `replay`
(ReplayServer), `fake_lmstudio` (FakeLMStudio, Downloaded), `embedded` (serve_in_thread), `openai` (OpenAIEndpoint: what
an endpoint of one's own is made with).
"""

from ralphbench.endpoints.faults import classify, error_text, overflow_sizes
from ralphbench.endpoints.names import in_the_cloud, same_model
from ralphbench.endpoints.protocol import Embedded, EmbeddedServer, Endpoint, Loads, ModelInfo, ServerInfo, Upstream
from ralphbench.endpoints.registry import is_local, load_endpoint

__all__ = [
    "Embedded",
    "EmbeddedServer",
    "Endpoint",
    "Loads",
    "ModelInfo",
    "ServerInfo",
    "Upstream",
    "classify",
    "error_text",
    "in_the_cloud",
    "is_local",
    "load_endpoint",
    "overflow_sizes",
    "same_model",
]
