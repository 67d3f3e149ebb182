"""A whole outside in memory: a tree of files, commits, checks and a scripted agent, the same at every run."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ralphbench.loop import CheckResult, Loop, LoopOutcome, LoopState, SharedPlan
from ralphbench.model import (
    Acceptance,
    Ending,
    Event,
    EventKind,
    Limits,
    Stage,
    StageEnding,
    StageResult,
    Target,
    Task,
    Ticket,
    codec,
)

MARKER = re.compile(
    r"<!-- ralphbench stage=(?P<stage>\S+) iteration=(?P<iteration>\d+) ticket=(?P<ticket>\S+) "
    r"task=(?P<task>.+) try=(?P<attempt>\d+) -->"
)


@dataclass(frozen=True)
class Change:
    path: str
    status: str


@dataclass(frozen=True)
class Shown:
    text: bytes
    truncated: bool


@dataclass
class MemoryWorkspace:
    """Commits are (parent, message, files); their names are hashes, so that equal histories have equal names."""

    files: dict[str, str]
    commits: dict[str, tuple[str | None, str, dict[str, str]]] = field(default_factory=dict)
    wips: set[str] = field(default_factory=set)
    base: str = ""
    head: str = ""
    restored: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.base = self.head = self._store(None, "base")

    def tree(self) -> str:
        return _hash(self.files)

    def tree_of(self, commit: str) -> str:
        return _hash(self.commits[commit][2])

    def commit(self, message: str, *, wip: bool = False) -> str | None:
        if self.tree() == self.tree_of(self.head):
            return None
        commit = self._store(self.head, message)
        if wip:
            self.wips.add(commit)
        else:
            self.head = commit
        return commit

    def restore(self, commit: str) -> int:
        self.restored.append(commit)
        self.files = dict(self.commits[commit][2])
        if commit not in self.wips:
            self.head = commit
        return 0

    def capped_diff(self, a: str, b: str | None = None, *, limit: int) -> Shown:
        old, new = self.commits[a][2], self.files if b is None else self.commits[b][2]
        lines = [f"{c.status} {c.path}" for c in self.changed(a, b)]
        lines += [f"+{new[c.path]}" for c in self.changed(a, b) if c.path in new]
        lines += [f"-{old[c.path]}" for c in self.changed(a, b) if c.path in old]
        text = "\n".join(lines).encode()
        return Shown(text[:limit], len(text) > limit)

    def changed(self, a: str, b: str | None = None) -> Sequence[Change]:
        old, new = self.commits[a][2], self.files if b is None else self.commits[b][2]
        changes = []
        for path in sorted(old.keys() | new.keys()):
            if old.get(path) != new.get(path):
                changes.append(Change(path, "A" if path not in old else "D" if path not in new else "M"))
        return changes

    def history(self) -> list[str]:
        """Subjects of the branch, newest first."""
        subjects, at = [], self.head
        while at != self.base:
            parent, message, _ = self.commits[at]
            subjects.append(message.partition("\n")[0])
            assert parent is not None
            at = parent
        return subjects

    def _store(self, parent: str | None, message: str) -> str:
        name = hashlib.sha256(json.dumps([parent, message, self.files], sort_keys=True).encode()).hexdigest()[:12]
        self.commits[name] = (parent, message, dict(self.files))
        return name


def _hash(files: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:12]


class Cut(BaseException):
    """The process is killed: nothing of the loop's own may catch this."""


@dataclass(frozen=True)
class Asked:
    """One stage as it was asked of the agent."""

    stage: Stage
    iteration: int
    ticket: str | None
    attempt: int
    prompt: str
    session: str | None

    @property
    def repair(self) -> bool:
        return "<!-- ralphbench repair -->" in self.prompt


Answer = Mapping[str, Any] | str | StageEnding | StageResult
Agent = Callable[[Asked, dict[str, str]], Answer]


@dataclass
class MemoryPorts:
    """`agent(asked, files)` may change the files and says the answer. Checks look for `<word> in <path>`,
    `missing <word> in <path>`, `always`, `never`, `exit <n>`, `hangs`, or `writes <path>`.
    """

    agent: Agent
    workspace: MemoryWorkspace = field(default_factory=lambda: MemoryWorkspace({"a.txt": "old"}))
    events: list[Event] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    limits_at: Callable[[MemoryPorts], tuple[Ending, str] | None] = lambda ports: None
    cut_at: int | None = None
    """Die at this event; `cut_before`: before it is written."""
    cut_before: bool = False
    sessions: bool = True
    on_check: Callable[[Acceptance], CheckResult | None] = lambda acceptance: None

    def ask(
        self, stage: Stage, prompt: str, *, iteration: int, ticket: str | None, session: str | None = None
    ) -> StageResult:
        match = MARKER.fullmatch(prompt.partition("\n")[0])
        assert match is not None, prompt[:200]
        assert (match["stage"], int(match["iteration"])) == (stage, iteration)
        assert match["ticket"] == (ticket or "-")
        asked = Asked(stage, iteration, ticket, int(match["attempt"]), prompt, session)
        self.asked.append(asked)
        answer = self.agent(asked, self.workspace.files)
        name, number = f"s{len(self.asked)}" if self.sessions else None, f"{iteration}-{stage}-{len(self.asked)}"
        if isinstance(answer, StageResult):
            return replace(answer, stage_id=number)
        if isinstance(answer, StageEnding):
            return StageResult(answer, "", detail=f"it was {answer}", session=name, stage_id=number)
        text = answer if isinstance(answer, str) else f"Here you are.\n\n```json\n{json.dumps(answer)}\n```\n"
        return StageResult(StageEnding.DONE, text, session=name, stage_id=number)

    def check(self, acceptance: Acceptance) -> CheckResult:
        if (given := self.on_check(acceptance)) is not None:
            return given
        words = acceptance.run.split()
        status, timed_out = 1, False
        match words:
            case ["always"]:
                status = 0
            case ["never"]:
                status = 1
            case ["exit", number]:
                status = int(number)
            case ["hangs"]:
                timed_out = True
            case ["writes", path]:
                self.workspace.files[path] = "written by a check"
            case [word, "in", path]:
                status = 0 if word in self.workspace.files.get(path, "").split() else 1
            case ["missing", word, "in", path]:
                status = 1 if word in self.workspace.files.get(path, "").split() else 0
            case _:
                status = 127
        exit_code = None if timed_out else status
        return CheckResult(
            passed=exit_code == acceptance.exit,
            exit=exit_code,
            timed_out=timed_out,
            seconds=0.1,
            output=f"ran: {acceptance.run}",
        )

    def emit(self, kind: EventKind, /, **data: Any) -> None:
        number = len(self.events)
        if self.cut_at == number and self.cut_before:
            raise Cut
        plain = json.loads(codec.dumps(data))  # what is not plain data would not come back from the record
        self.events.append(Event(number, 0.0, kind, plain))
        if self.cut_at == number:
            raise Cut

    def limit(self) -> tuple[Ending, str] | None:
        return self.limits_at(self)

    # What tests ask.

    def of(self, *kinds: EventKind) -> list[Event]:
        return [event for event in self.events if event.kind in kinds]

    def stages(self) -> list[str]:
        return [f"{a.stage}{'?' if a.repair else ''}:{a.ticket or '-'}" for a in self.asked]


def task(**more: Any) -> Task:
    fields = {
        "name": "demo",
        "folder": Path("/nowhere"),
        "title": "Make it new",
        "spec": "Everything old becomes new.",
        "target": Target(),
        "gates": (),
        "protected": ("tests/**",),
    }
    return Task(**{**fields, **more})


def row(ticket_id: str, run: str = "", **more: Any) -> dict[str, Any]:
    """A ticket as an agent writes it; its check wants its id in a.txt."""
    return {
        "id": ticket_id,
        "title": f"Do {ticket_id}",
        "detail": f"Put {ticket_id} into a.txt.",
        "acceptance": {"run": run or f"{ticket_id} in a.txt"},
        **more,
    }


def ticket(ticket_id: str, run: str = "", **more: Any) -> Ticket:
    return Ticket(ticket_id, f"Do {ticket_id}", "It.", Acceptance(run or f"{ticket_id} in a.txt"), **more)


DONE = {"status": "done", "summary": "It is done."}
BLOCKED = {"status": "blocked", "summary": "It cannot be done."}
ACCEPT = {"accept": True, "reason": "It does what it says.", "complete": {"task": True}}
REJECT = {"accept": False, "reason": "It is not good.", "complete": {"task": False}}


@dataclass
class Script:
    """An agent that does honest work, but for what `special` says. Keys: `stage`, `stage:ticket`, `stage:ticket:try`;
    the most exact one counts. Values: an answer, a list of answers (one a call, the last one stays), or a function.
    """

    plan: Sequence[Mapping[str, Any]] = (row("one"),)
    special: Mapping[str, Any] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    def __call__(self, asked: Asked, files: dict[str, str]) -> Answer:
        keys = [f"{asked.stage}:{asked.ticket}:{asked.attempt}", f"{asked.stage}:{asked.ticket}", str(asked.stage)]
        key = next((k for k in keys if k in self.special), None)
        if key is None:
            return self._honest(asked, files)
        special = self.special[key]
        if isinstance(special, list):
            self.calls[key] = self.calls.get(key, 0) + 1
            special = special[min(self.calls[key], len(special)) - 1]
        if callable(special):
            special = special(asked, files)
        return self._honest(asked, files) if special is None else special

    def _honest(self, asked: Asked, files: dict[str, str]) -> Answer:
        match asked.stage:
            case Stage.PLAN:
                return {"tickets": list(self.plan)}
            case Stage.BUILD:
                work(asked, files)
                return DONE
            case Stage.VERIFY:
                return ACCEPT
            case Stage.INVESTIGATE:
                count = asked.prompt.count('<issue id="')
                return {"tickets": [], "dropped": [{"issue": f"issue-{k + 1}", "reason": "No."} for k in range(count)]}
            case Stage.DECOMPOSE:
                return {"parts": [row("x1", f"{asked.ticket}x1 in a.txt"), row("x2", f"{asked.ticket}x2 in a.txt")]}


def work(asked: Asked, files: dict[str, str]) -> None:
    """Make the ticket's check pass: it stands in the prompt."""
    match = re.search(r"```sh\n(missing )?(\S+) in (\S+)\n```", asked.prompt)
    if match is None:
        return
    words = files.get(match[3], "").split()
    words = [w for w in words if w != match[2]] if match[1] else [*words, match[2]]
    files[match[3]] = " ".join(words)


def run(
    agent: Agent,
    *,
    limits: Limits | None = None,
    plan: Iterable[Ticket] | None = None,
    resume: LoopState | None = None,
    ports: MemoryPorts | None = None,
    the_task: Task | None = None,
    **more: Any,
) -> tuple[LoopOutcome, MemoryPorts]:
    ports = ports or MemoryPorts(agent, **more)
    loop = Loop(
        ports,
        the_task or task(),
        limits or Limits(),
        plan=None if plan is None else SharedPlan(tuple(plan), "somebody"),
    )
    return loop.run(resume), ports
