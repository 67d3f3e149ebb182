"""One stage, as it is asked of an agent and as it came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ralphbench.model.names import Stage, StageEnding
from ralphbench.model.profile import StageModel


@dataclass(frozen=True, slots=True)
class GatewayAddress:
    """The only road to a model that a stage has."""

    url: str
    """`http://127.0.0.1:<port>/t/<token>/v1`"""
    socket: Path
    """The same on a unix socket: `/t/<token>/v1/...`."""
    token: str
    """Means nothing elsewhere; ends with the stage."""
    dialect: str
    """`chat`, `responses` or `messages`: what the endpoint speaks."""


@dataclass(frozen=True, slots=True)
class StageRun:
    """What an agent needs to do one stage."""

    id: str
    """`<iteration>-<stage>-<n>`, unique in the attempt."""
    stage: Stage
    iteration: int
    prompt: Path
    """A file; given on standard input, verbatim."""
    cwd: Path
    """The worktree as the harness sees it."""
    home: Path
    """The attempt's private folder: HOME, XDG and TMPDIR lie in it; kept between stages of an attempt."""
    model: StageModel
    gateway: GatewayAddress
    raw: Path
    """Where the agent's raw stream goes: `agent/<id>.jsonl`; its standard error beside it as `.err`."""
    session: str | None = None
    """Go on in this session of the agent (a repair), where it can."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Environment added by the harness: `RALPHBENCH_ATTEMPT` and the like."""


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """What an agent did, in our words. `kind`: `message`, `reasoning`, `tool_call`, `tool_result`, `step`, `error`, `notice`."""

    kind: str
    t: float
    """Wall clock, seconds since the epoch."""
    text: str | None = None
    """At most a few kB; the whole stands in the raw stream."""
    tool: str | None = None
    call_id: str | None = None
    arguments: Mapping[str, Any] | None = None
    seconds: float | None = None
    exit: int | None = None
    failed: bool | None = None


@dataclass(frozen=True, slots=True)
class StageResult:
    """What came of a stage. The text is the agent's last message: what it claims, not what is so."""

    ending: StageEnding
    text: str
    detail: str = ""
    """Evidence for the ending, in words."""
    session: str | None = None
    exit: int | None = None
    events: int = 0
    tools: int = 0
    killed: bool = False
    leftovers: int = 0
    """Processes that were still there at the end and were ended."""
    stage_id: str = ""
    """Which run it was; the harness's to say, and not the agent's."""
