"""Every error that ralphbench raises on purpose.

A message says what was found, where, what was expected; `remedy` is a command to type or an edit to make.
Only `cli/` prints them; the exit code travels with the class.

    RalphbenchError                    1
    +-- UsageError                     2   the user's words are wrong; nothing was started
    |   +-- ConfigError                    a file that the user wrote: file, line, key
    |   +-- UnknownName                    experiment, task, profile, model, endpoint, agent: "did you mean"
    |   +-- TaskError                      a task that cannot be used (not proven, does not discriminate)
    |   +-- TargetError                    a target repository that cannot be used
    +-- EnvironmentProblem             3   this machine lacks something
    |   +-- AgentMissing                   not installed, or not the pinned version
    |   +-- EndpointError                  a model server, seen from outside any attempt
    |   |   +-- EndpointDown
    |   |   +-- ModelMissing
    |   |   +-- WrongModel
    |   |   +-- ContextTooSmall
    |   |   +-- NoToolCalls
    |   +-- ToolMissing                    that a task's gates need
    |   +-- SandboxError
    |   +-- DiskError                      not writable
    |       +-- DiskFull
    +-- RunError                       4   a run in progress
    |   +-- AlreadyRunning                 another live process holds the experiment's lock
    |   +-- StaleRecord                    cells recorded under another identity
    |   +-- GatewayLost                    the gateway process is gone
    |   +-- NotJudged                      grading could not be done; the work is kept, and judged again later
    |   +-- WorkspaceError                 git did not do what it should
    +-- RecordError                    5   a file of the record is torn or of another version
    +-- Interrupted                  130   the user asked to stop
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar


class RalphbenchError(Exception):
    """Base of the tree. `remedy` is what to type or edit next."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return self.message if self.remedy is None else f"{self.message}\n  try: {self.remedy}"


class UsageError(RalphbenchError):
    """The user's words are wrong; nothing was started or spent."""

    exit_code = 2


class ConfigError(UsageError):
    """A file that the user wrote cannot be used. Says file, line and key where they are known; `reason` is without them."""

    def __init__(
        self,
        message: str,
        *,
        file: Path | None = None,
        line: int | None = None,
        key: str | None = None,
        remedy: str | None = None,
    ) -> None:
        where = "" if file is None else f"{file}:{line}: " if line is not None else f"{file}: "
        what = "" if key is None else f"{key}: "
        super().__init__(f"{where}{what}{message}", remedy=remedy)
        self.reason = message
        self.file = file
        self.line = line
        self.key = key


class UnknownName(UsageError):
    """A name that nothing answers to, with the nearest names that exist."""

    def __init__(self, kind: str, name: str, known: tuple[str, ...], *, where: str | None = None) -> None:
        from difflib import get_close_matches

        near = get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
        listed = ", ".join(known) if known else "none"
        place = f"{where}: " if where else ""
        super().__init__(f"{place}there is no {kind} {name!r}{hint} (known: {listed})")
        self.kind = kind
        self.name = name
        self.known = known


class TaskError(UsageError):
    """A task that cannot be used: not proven, does not discriminate, a broken reference."""


class TargetError(UsageError):
    """A target repository that cannot be used: base missing, submodules, LFS pointers, links out of the tree."""


class EnvironmentProblem(RalphbenchError):
    """This machine lacks something that the experiment needs."""

    exit_code = 3


class AgentMissing(EnvironmentProblem):
    """The agent is not installed, or is not the pinned version."""


class EndpointError(EnvironmentProblem):
    """A model server cannot serve what a profile asks for."""


class EndpointDown(EndpointError):
    """Nothing answers at the endpoint's address."""


class ModelMissing(EndpointError):
    """The endpoint has no such model."""


class WrongModel(EndpointError):
    """The endpoint serves another model than the one asked for."""


class ContextTooSmall(EndpointError):
    """The model is loaded with a smaller context than the profile states."""


class NoToolCalls(EndpointError):
    """The model answered a tool request with text."""


class ToolMissing(EnvironmentProblem):
    """A tool that a task's gates need is not installed, or not on PATH."""


class SandboxError(EnvironmentProblem):
    """A command could not be run where it should."""


class DiskError(EnvironmentProblem):
    """No space left, or a folder that cannot be written."""


class DiskFull(DiskError):
    """No space left on a disk, or of a quota."""


class RunError(RalphbenchError):
    """A run in progress cannot go on."""

    exit_code = 4


class AlreadyRunning(RunError):
    """Another live process holds the experiment's lock."""


class StaleRecord(RunError):
    """Recorded cells have another identity than the experiment has now. `question`: what whoever is there is asked."""

    def __init__(
        self,
        message: str,
        *,
        remedy: str | None = None,
        question: str = "Make new attempts for these cells? The old ones stay.",
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.question = question


class GatewayLost(RunError):
    """The gateway process is gone, and with it every call in flight."""


class NotJudged(RunError):
    """A fault while grading, again and again. The attempt stays open: its work is kept, and can be judged later."""


class WorkspaceError(RunError):
    """Git did not do what it should, or a tree is not what it must be."""


class RecordError(RalphbenchError):
    """A file of the record is torn, or of a version that this program does not read."""

    exit_code = 5


class Interrupted(RalphbenchError):
    """The user asked to stop."""

    exit_code = 130
