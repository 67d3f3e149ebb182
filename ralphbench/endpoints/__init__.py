"""What each server can tell and do: list, identify, health; the scripted and the replay endpoint.

Public submodules, imported where they are needed since they bring aiohttp: `scripted` (ScriptedServer), `replay`
(ReplayServer), `fake_lmstudio` (FakeLMStudio).
"""

from ralphbench.endpoints.protocol import Embedded, EmbeddedServer, Endpoint, ModelInfo, ServerInfo, Upstream
from ralphbench.endpoints.registry import load_endpoint

__all__ = ["Embedded", "EmbeddedServer", "Endpoint", "ModelInfo", "ServerInfo", "Upstream", "load_endpoint"]
