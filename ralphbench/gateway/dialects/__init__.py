"""The three dialects. None is translated into another; each knows its fields, its errors and how its answers end."""

from __future__ import annotations

from ralphbench.gateway.dialects.base import Dialect, Problem, as_object
from ralphbench.gateway.dialects.chat import CHAT
from ralphbench.gateway.dialects.messages import MESSAGES
from ralphbench.gateway.dialects.responses import RESPONSES

BY_PATH: dict[str, Dialect] = {
    "chat/completions": CHAT,
    "responses": RESPONSES,
    "messages": MESSAGES,
}

__all__ = ["BY_PATH", "CHAT", "MESSAGES", "RESPONSES", "Dialect", "Problem", "as_object"]
