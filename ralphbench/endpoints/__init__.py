"""What each server can tell and do: list, identify, health; the scripted and the replay endpoint.

Public submodules, imported where they are needed since they bring asyncio and aiohttp: `scripted` (ScriptedServer), `replay`
(ReplayServer), `fake_lmstudio` (FakeLMStudio, Downloaded), `embedded` (serve_in_thread).
"""

from ralphbench.endpoints.faults import classify, error_text, overflow_sizes
from ralphbench.endpoints.names import same_model
from ralphbench.endpoints.protocol import Embedded, EmbeddedServer, Endpoint, Loads, ModelInfo, ServerInfo, Upstream
from ralphbench.endpoints.registry import load_endpoint

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
    "load_endpoint",
    "overflow_sizes",
    "same_model",
]
