"""What it takes to drive one stage with one coding agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ralphbench.model import AgentEvent, StageEnding, StageResult, StageRun
from ralphbench.sandbox import Sandbox, SandboxProcess


class Watch(Protocol):
    """The harness's eye on a running stage: deadlines, caps and faults. Implemented by `trial`."""

    def event(self, event: AgentEvent) -> None:
        """Every event of the agent, as it comes."""

    def check(self, process: SandboxProcess) -> tuple[StageEnding, str] | None:
        """Called at least four times a second, and once when the agent has ended of itself. Not None: end the stage
        now, with this ending and its evidence.
        """


@runtime_checkable
class TrafficWatch(Protocol):
    """A watch that also sees the road to the model. Without it, "no first event" cannot be told from a slow model."""

    def model_activity(self) -> int | None:
        """Grows with every call and byte of this stage; 0: the model was not asked anything; None: not known."""


class Agent(Protocol):
    """Runs one stage. Exit codes are not trusted; a result is returned only when the whole process tree is dead."""

    name: str

    @property
    def dialects(self) -> Sequence[str]:
        """What it speaks, of `chat`, `responses` and `messages`. To be asked before a run: an endpoint that speaks
        another one cannot serve it.
        """

    def version(self) -> str:
        """What is installed. Raises AgentMissing where it is not there, or is not the pinned version."""

    def read_only(self) -> Sequence[Path]:
        """Folders of the installation that a sandbox must show."""

    def run(self, stage: StageRun, sandbox: Sandbox, watch: Watch) -> StageResult: ...


class AgentKind(Protocol):
    """What the entry points of `ralphbench.agents` name: made once for each stage's model of a profile."""

    def __call__(self, options: Mapping[str, Any]) -> Agent:
        """`options`: the profile's `agent_options`. Raises ConfigError for one that the agent does not know."""
