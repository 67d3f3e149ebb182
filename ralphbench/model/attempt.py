"""One try at a cell: what it is told, and what is written of it last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ralphbench.model.experiment import Cell, Limits, PlanMode
from ralphbench.model.names import Ending, Stage, StageEnding
from ralphbench.model.profile import EndpointSpec, Profile
from ralphbench.model.task import Task
from ralphbench.model.verdict import Verdict

RECORD_VERSION = 1


@dataclass(frozen=True, slots=True)
class Spent:
    """What an attempt has used so far; carried over a resume. None: unknown because a call did not say."""

    seconds: float = 0.0
    """The contender's clock."""
    calls: int = 0
    input: int | None = 0
    output: int | None = 0
    cost: float | None = 0.0
    unknown_calls: int = 0
    """Calls whose usage is not known (no answer, or a server that does not count)."""

    @property
    def tokens(self) -> int | None:
        return None if self.input is None or self.output is None else self.input + self.output


@dataclass(frozen=True, slots=True)
class AttemptSpec:
    """All that a trial process is told; written by the scheduler as `trial.json` in the attempt's folder."""

    experiment: str
    cell: Cell
    number: int
    """`a<n>`, from 1."""
    task: Task
    profile: Profile
    endpoints: Mapping[str, EndpointSpec]
    limits: Limits
    plan: PlanMode
    sandbox: str
    folder: Path
    """The attempt's folder in the record."""
    workspace: Path
    """Where its repository and worktree lie, outside any other repository."""
    mirror: Path
    base: str
    """The base commit in the mirror."""
    gateway: Path
    """The gateway's control socket."""
    gateway_socket: Path
    """The gateway's socket for agents; its folder is what a sandbox shows."""
    leases: Path
    """The scheduler's lease socket."""
    identity: str
    """SHA-256 of what makes two attempts comparable (design section 10)."""
    plan_file: Path | None = None
    """For a shared plan: the tickets, already there."""
    mode: str = "full"
    """`full`; `smoke`: one iteration, does everything answer; `plan`: the plan alone."""
    agents: Mapping[str, Any] = field(default_factory=dict)
    """`Experiment.agents`: how `command` agents are called."""
    unequal_limits: bool = False
    """These limits are the profile's own, not those of the experiment: every report says so."""
    started_by: str = ""
    """The run that owns the trial process: what its processes are marked with."""
    grading: Path | None = None
    """Where its commits are judged: a folder that no agent is told of. None: in its workspace."""
    kept_gates: Path | None = None
    """What judges it, as it was when the run began. None: what lies in the task's folder."""

    @property
    def id(self) -> str:
        return f"{self.experiment}/{self.cell.path.as_posix()}/a{self.number}"

    @property
    def mark(self) -> str:
        """What every process of the attempt carries in RALPHBENCH_OWNER."""
        return f"{self.started_by}:{self.id}"


@dataclass(frozen=True, slots=True)
class StageSums:
    """Sums over the stages of one name; times in seconds. In imported attempts `calls` are the stage runs themselves."""

    runs: int = 0
    done: int = 0
    seconds: float = 0.0
    model_seconds: float | None = 0.0
    tool_seconds: float | None = 0.0
    calls: int = 0
    local_calls: int = 0
    input: int | None = 0
    output: int | None = 0
    cache_read: int | None = 0
    cache_write: int | None = 0
    reasoning: int | None = 0
    local_tokens: int | None = 0
    cost: float | None = 0.0
    retries: int = 0
    truncated: int = 0
    unknown_calls: int = 0
    endings: Mapping[str, int] = field(default_factory=dict)
    repairs: int | None = None
    """Answers that had to be asked for again. None: not recorded."""


@dataclass(frozen=True, slots=True)
class Times:
    """Unions of intervals, seconds. They overlap (a tool may run while a model answers): they need not add up to `wall`.

    None only in imported attempts: the predecessor did not measure it.
    """

    wall: float
    """From the attempt's start to its end, time between two processes of it left out."""
    clock: float | None
    """The contender's clock: what `wall_time` limits."""
    model: float | None
    tools: float | None
    checks: float | None
    gates: float | None
    queue: float | None
    load: float | None
    retry: float | None
    harness: float | None
    """What no other interval covers."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the loop did. None only in imported attempts: the predecessor did not record it."""

    iterations: int
    tickets: int | None
    accepted: int | None
    already_satisfied: int | None
    rejected: int | None
    """Rejections, not tickets: one ticket can be rejected more than once."""
    decomposed: int | None
    abandoned: int | None
    issues: int | None
    commits: int | None
    files_changed: int | None
    lines_added: int | None
    lines_removed: int | None
    repairs: int | None = 0
    """Answers that had to be asked for again."""


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """`result.json`: written last, by rename; the mark that this attempt is committed."""

    experiment: str
    cell: Cell
    number: int
    identity: str
    ending: Ending
    stage: Stage | None
    """Where it ended."""
    cause: StageEnding | None
    """For `failures`: the stage ending that filled the count."""
    detail: str
    verdict: Verdict | None
    """None for a void attempt."""
    wip_verdict: Verdict | None
    """Of the work that was cut off, kept as commit `wip`; shown beside, never the verdict."""
    base: str
    commit: str | None
    """The last accepted commit."""
    work: Work
    times: Times
    spent: Spent
    stages: Mapping[str, StageSums]
    started: str
    """ISO 8601, UTC."""
    ended: str
    processes: int = 1
    """How many trial processes it took: more than one where it was cut off and went on."""
    isolated: bool = False
    """False: the host sandbox, that is none."""
    plan_hash: str | None = None
    plan_by: str | None = None
    """Profile, file or experiment that the plan came from; None: its own."""
    models: Mapping[str, str | None] = field(default_factory=dict)
    """Stage to served model."""
    warnings: tuple[str, ...] = ()
    version: int = RECORD_VERSION
    imported: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
