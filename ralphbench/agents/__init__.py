"""Drive one stage with one coding agent: opencode, builtin, or any command line.

Public beside what is named below: `ralphbench.agents.install` (install the pinned opencode), `ralphbench.agents.driver`
(what an agent of one's own is made with).
"""

from ralphbench.agents.load import load_agent
from ralphbench.agents.protocol import Agent, AgentKind, TrafficWatch, Watch

__all__ = ["Agent", "AgentKind", "TrafficWatch", "Watch", "load_agent"]
