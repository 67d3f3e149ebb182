"""What each server can tell and do: list, identify, health; the scripted and the replay endpoint."""

from ralphbench.endpoints.protocol import Endpoint, ModelInfo, ServerInfo, Upstream

__all__ = ["Endpoint", "ModelInfo", "ServerInfo", "Upstream"]
