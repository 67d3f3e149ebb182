"""A task: a target repository at a base commit, a spec in words, and gates that judge the result."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ralphbench.model.names import GateKind


@dataclass(frozen=True, slots=True)
class Report:
    """A test report that a gate writes, relative to the checkout; `min_tests` refuses a vacuous pass."""

    format: str
    """`junit`, `tap` or `ctrf`."""
    path: str
    min_tests: int = 1


@dataclass(frozen=True, slots=True)
class Gate:
    """A command that judges. Run by `sh -c` in the sealed checkout."""

    id: str
    kind: GateKind
    run: str
    timeout: float = 300.0
    """Seconds."""
    phase: str | None = None
    weight: float = 1.0
    report: Report | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where the code comes from: a folder of the task, or a git repository at a base."""

    path: Path | None = None
    repo: str | None = None
    """A path or an URL."""
    base: str | None = None
    """A tag, branch or commit of `repo`."""


@dataclass(frozen=True, slots=True)
class Task:
    """A folder under `specs/`, or one phase of it (`<task>/<phase>`)."""

    name: str
    folder: Path
    title: str
    spec: str
    """The words that the agent is given."""
    target: Target
    gates: tuple[Gate, ...]
    protected: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    phase: str | None = None
    """For a task of one phase: which; it starts from the reference of the phases before."""
    tags: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    references: tuple[Path, ...] = ()
    """Patches, in order; the last state is the reference. Empty where the task has none."""
    start: tuple[Path, ...] = ()
    """Patches that make this task's base out of the target: the phases before `phase`."""
    plan: Path | None = None
    digest: str = ""
    """SHA-256 over everything that identifies the contender's side: base tree, spec, phase, protected, replaced."""
    gates_digest: str = ""
    """SHA-256 over gates, hidden files and references."""
    meta: dict[str, str] = field(default_factory=dict)

    @property
    def hidden(self) -> Path:
        return self.folder / "hidden"
