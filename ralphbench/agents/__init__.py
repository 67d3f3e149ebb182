"""Drive one stage with one coding agent: opencode, builtin, or any command line."""

from ralphbench.agents.protocol import Agent, Watch

__all__ = ["Agent", "Watch"]
