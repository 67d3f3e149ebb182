"""Agents' words cut to what an event may carry; the whole stands in the raw stream."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ralphbench.model import AgentEvent

EVENT_TEXT = 4_000
"""Characters of an event's text, and of each argument of a tool call."""
LAST_TEXT = 1_000_000
"""Characters of a stage's answer."""
_ITEMS = 50


def clip(text: str, limit: int = EVENT_TEXT) -> str:
    """Head and tail, with what was left out said between them."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters left out ...]\n{text[-half:]}"


def clip_value(value: Any, depth: int = 4) -> Any:
    """The same for whatever JSON gives: long strings cut, long lists and deep nests too."""
    if isinstance(value, str):
        return clip(value)
    if isinstance(value, Mapping):
        if depth == 0:
            return "..."
        return {clip(str(key), 200): clip_value(item, depth - 1) for key, item in list(value.items())[:_ITEMS]}
    if isinstance(value, list | tuple):
        return [clip_value(item, depth - 1) for item in value[:_ITEMS]] if depth else "..."
    return value


def arguments(value: Any) -> Mapping[str, Any]:
    """A tool call's arguments as a mapping, whatever the agent calls them."""
    clipped = clip_value(value)
    return clipped if isinstance(clipped, dict) else {"value": clipped}


def notice(text: str) -> AgentEvent:
    """Something that the harness noticed about the agent."""
    return AgentEvent(kind="notice", t=time.time(), text=clip(text))
