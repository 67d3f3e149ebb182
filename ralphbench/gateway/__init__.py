"""The only road to a model: attributes every call by its address, meters, caps, mends and records it.

Public submodules: `client` (what a trial asks and is told), `process` (how a run starts its gateway).
Everything else belongs to the gateway's own process, `python -m ralphbench.gateway`.
"""

from __future__ import annotations

from ralphbench.gateway.client import GatewayClient, StageGrant, StageTraffic

__all__ = ["GatewayClient", "StageGrant", "StageTraffic"]
