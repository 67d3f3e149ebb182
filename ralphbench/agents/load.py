"""Agents by name. Built-in ones and those of third parties come through the same entry points."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, cast

from ralphbench.agents.protocol import Agent, AgentKind
from ralphbench.errors import ConfigError, UnknownName

GROUP = "ralphbench.agents"
_DESCRIBED = "command"


def load_agent(name: str, options: Mapping[str, Any], commands: Mapping[str, Any]) -> Agent:
    """The agent of this name, with a profile's `agent_options`. `commands`: agents.yaml as it was parsed, name to
    description. Whether it is installed is asked by `version`.

    Raises UnknownName; ConfigError for an option or a description that is wrong.
    """
    kinds = {point.name: point for point in entry_points(group=GROUP) if point.name != _DESCRIBED}
    if name in commands:
        if name in kinds:
            raise ConfigError("an agent of that name is there already; give yours another one", key=f"agents.{name}")
        from ralphbench.agents.command import CommandAgent

        return CommandAgent(name, commands[name], options)
    if name not in kinds:
        raise UnknownName("agent", name, tuple(sorted({*kinds, *commands})))
    return cast(AgentKind, kinds[name].load())(options)
