"""What a comparison says: one row a profile of an experiment, each figure with its denominator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ralphbench.analysis.settings import Setting

SCHEMA = "ralphbench.comparison/1"
KILLS = ("stage_timeout", "idle_timeout", "context", "wall_time", "tokens", "cost", "calls")
"""Stage endings with which the harness cut a stage off."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Sums over the attempts of a profile; None: at least one call did not say."""

    input: int | None
    output: int | None
    cache_read: int | None
    cache_write: int | None
    reasoning: int | None


@dataclass(frozen=True, slots=True)
class Split:
    """Mean seconds an attempt; the parts overlap where things ran at once. None: unknown."""

    wall: float | None
    model: float | None
    tools: float | None
    gates: float | None
    harness: float | None
    waiting: float | None
    """For a lease, a model's load, the gateway's retries: on nobody's clock."""


@dataclass(frozen=True, slots=True)
class StageLine:
    """One stage of one profile, over all its attempts."""

    stage: str
    runs: int
    done: int
    seconds: float | None
    calls: int
    local_calls: int
    input: int | None
    output: int | None
    cost: float | None
    truncated: int | None
    kills: int
    """Runs that the harness cut off."""
    repairs: int | None
    """Answers that had to be asked for again."""
    endings: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """One contender in one experiment. `attempts` is every denominator that is not named otherwise.

    Runs of the predecessor have a row of their own: what it counted, and how, is not what is counted here.
    """

    experiment: str
    profile: str
    attempts: int
    """Committed attempts that are neither void nor plan-only."""
    tasks: int
    void: int
    resolved: int
    judged: int
    """Attempts with a verdict: what `resolved` and `score` are out of."""
    score: float | None
    """Mean of the scores."""
    claimed: int
    """Attempts whose last reviewer called everything complete."""
    claims: int
    """Attempts in which a reviewer said anything of it."""
    overclaimed: int
    """Called complete and not resolved."""
    tampered: int
    iterations: int | None
    tickets: int | None
    accepted: int | None
    already_satisfied: int | None
    """Tickets whose check passed before any work: they earn nothing."""
    rejected: int | None
    abandoned: int | None
    repairs: int | None
    """Answers that had to be asked for again."""
    commits: int | None
    files_changed: int | None
    lines_added: int | None
    lines_removed: int | None
    time: Split
    tokens: Tokens
    calls: int | None
    local_calls: int | None
    local_tokens: int | None
    tokens_per_second: float | None
    """Output tokens over the time that a model was answering."""
    cost: float | None
    plan_cost: float | None
    """For plans that this profile made for everybody; contained in `cost`."""
    cost_per_resolved: float | None
    retries: int | None
    truncated: int | None
    unknown_calls: int | None
    kills: int | None
    """Runs of a stage that the harness cut off; of an imported row as the predecessor counted them."""
    endings: Mapping[str, int]
    causes: Mapping[str, int]
    """Of the ending `failures`: the stage ending that filled the count."""
    plans: tuple[str, ...]
    """`own`, or whose plans it worked on."""
    unequal_limits: bool
    """It had limits of its own in any of the attempts."""
    isolated: bool
    imported: bool
    """Runs of the predecessor: no gate judged them, and their calls are runs of stages."""
    legacy_completed: int | None = None
    """Of an imported row, as the predecessor counted it: for its own score alone."""
    legacy_total: int | None = None
    stages: tuple[StageLine, ...] = ()
    gates: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """`<task>: <gate>` to (passed, judged)."""

    @property
    def name(self) -> str:
        """What tells the row from the others of its experiment."""
        return f"{self.profile} (imported)" if self.imported else self.profile

    @property
    def cloud_calls(self) -> int | None:
        return None if self.calls is None or self.local_calls is None else self.calls - self.local_calls

    @property
    def all_tokens(self) -> int | None:
        """In and out."""
        sums = self.tokens
        return None if sums.input is None or sums.output is None else sums.input + sums.output

    @property
    def cloud_tokens(self) -> int | None:
        return None if self.all_tokens is None or self.local_tokens is None else self.all_tokens - self.local_tokens


@dataclass(frozen=True, slots=True)
class Comparison:
    rows: tuple[ProfileRow, ...]
    warnings: tuple[str, ...]
    experiments: tuple[Setting, ...] = ()
    schema: str = SCHEMA
