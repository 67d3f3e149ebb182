"""An experiment: tasks x profiles x repeats under one set of limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ralphbench.model.names import PlanModeKind
from ralphbench.model.profile import EndpointSpec, Profile
from ralphbench.model.task import Task


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps of one attempt, enforced inside a stage. `None`: no such cap. Times in seconds, cost in USD."""

    iterations: int = 25
    wall_time: float = 7200.0
    failures: int = 3
    stage_timeout: float = 900.0
    idle_timeout: float = 300.0
    tokens: int | None = None
    cost: float | None = None
    calls: int | None = None
    context: float | None = None
    """Share of the window, in (0, 1]: a call whose prompt exceeds it ends the stage."""

    def __str__(self) -> str:
        """Those that are set, to be shown and compared: `iterations 25, wall_time 7200, failures 3`."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        told = {name: f"{v:.15g}" if isinstance(v, float) else str(v) for name, v in values.items() if v is not None}
        return ", ".join(f"{name} {value}" for name, value in told.items())


@dataclass(frozen=True, slots=True)
class PlanMode:
    """Where the tickets of an attempt come from."""

    kind: PlanModeKind = PlanModeKind.OWN
    source: str | None = None
    """`by`: a profile; `from`: an experiment; `file`: an absolute path, or a bare name: that file in each task's folder."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """Everything resolved: what `run` will do. Built by `config.load_experiment`."""

    name: str
    folder: Path
    question: str
    tasks: tuple[Task, ...]
    profiles: tuple[Profile, ...]
    endpoints: Mapping[str, EndpointSpec]
    limits: Limits
    baseline: str | None = None
    repeats: int = 1
    plan: PlanMode = field(default_factory=PlanMode)
    sandbox: str = "auto"
    void_retries: int = 2
    unequal_limits: Mapping[str, Limits] = field(default_factory=dict)
    """Profiles with limits of their own; only where the experiment says `unequal_limits: true`."""
    seed: int = 0
    """Rotates the order of cells within a round."""
    order: str = "shuffled"
    """`shuffled`: by the seed; `written`: tasks and profiles as the file lists them. Rotated round by round in both."""
    results: Path = Path("results")
    """Folder of all results; this experiment's are in `results/<name>/`."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """For each effective value, dotted, where it came from: `experiment.yaml:7`, `profiles.yaml:3`, `default`, `--repeats`."""
    why: str = ""
    """Why the question is worth the time and money, in the experimenter's words."""
    agents: Mapping[str, Any] = field(default_factory=dict)
    """`command` agents by name, as agents.yaml describes them: what `agents.load_agent` is given."""
    planner: Profile | None = None
    """For a plan shared `by` a profile: that profile, which need not be one of `profiles`."""
    other_profiles: tuple[str, ...] = ()
    """Of the experiment's file, and left out by `--profile`: what is recorded of them is compared with these all the same."""
    other_tasks: tuple[str, ...] = ()
    """Left out by `--task`."""
    warnings: tuple[str, ...] = ()
    """What is allowed and probably not meant: equal profiles, a window smaller than an agent's first prompt."""

    def limits_of(self, profile: str) -> Limits:
        return self.unequal_limits.get(profile, self.limits)


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One (task, profile, repeat) of an experiment; repeats count from 1."""

    task: str
    profile: str
    repeat: int

    @property
    def path(self) -> Path:
        """Relative to `cells/`; a phase task `t/p` becomes the folder `t+p`."""
        return Path(self.task.replace("/", "+")) / self.profile / f"r{self.repeat}"

    def __str__(self) -> str:
        return f"{self.task} × {self.profile} r{self.repeat}"
