"""Asks an agent for an answer: one stage, one repair, one more try after a crash; and holds it to what the stage may do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from ralphbench.errors import WorkspaceError
from ralphbench.loop.answers import Read
from ralphbench.loop.extract import find_answer
from ralphbench.loop.ports import CheckResult, LoopPorts
from ralphbench.loop.render import render
from ralphbench.model import Ending, EventKind, Stage, StageEnding, StageResult, Ticket

A = TypeVar("A")

_ANSWERED = (StageEnding.DONE, StageEnding.NO_OUTPUT, StageEnding.BLOCKED)
"""The agent came to its end by itself: what it said is read, whatever it thinks of it."""

_CHECKED_IN = {
    "after": Stage.BUILD,
    **{str(stage): stage for stage in (Stage.PLAN, Stage.INVESTIGATE, Stage.DECOMPOSE)},
}
"""The stage that a check belongs to, by when it is run; before a build it belongs to none."""

_PREVIOUS = 4000
"""Characters of an unusable answer that an agent without sessions is shown again."""


_MOST_PATHS = 50
"""Paths named of a tree that was restored: an agent that has installed its tools has changed tens of thousands."""


class Ended(Exception):
    """The loop is over."""

    def __init__(
        self, ending: Ending, detail: str, *, stage: Stage | None = None, cause: StageEnding | None = None
    ) -> None:
        super().__init__(f"{ending}: {detail}")
        self.ending = ending
        self.detail = detail
        self.stage = stage
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Request(Generic[A]):
    """What is asked in one stage, and how its answer is read."""

    stage: Stage
    iteration: int
    ticket: str | None
    marker: str
    prompt: str
    keys: Sequence[str]
    read: Callable[[Mapping[str, Any]], Read[A]]
    example: Mapping[str, Any]
    anchor: str
    """The commit whose tree the stage finds; every stage but `build` must leave it as it is."""
    judge: Callable[[A], StageEnding] = lambda answer: StageEnding.DONE
    """How a stage with such an answer has ended."""
    vet: Callable[[A, bool], Read[A]] = lambda answer, final: Read(answer)
    """What an answer must stand that can be read; `final`: there is no repair any more."""


@dataclass(frozen=True, slots=True)
class Reply(Generic[A]):
    """`answer` is there exactly when the ending is `done`."""

    ending: StageEnding
    answer: A | None
    detail: str = ""


@dataclass(slots=True)
class Asker:
    """The way from the loop to agents and checks. Raises Ended where the attempt cannot go on."""

    ports: LoopPorts
    on_repair: Callable[[], None]

    def __call__(self, request: Request[A]) -> Reply[A]:
        """The stage's answer, after at most one repair. An answer that stays unusable is `no_output`."""
        result = self._run(request, request.prompt)
        if result.ending not in _ANSWERED:
            return Reply(result.ending, None, result.detail)
        read = self._read(request, result, final=False)
        if read.answer is None:
            self.on_repair()
            repair = self._repair(request, read.errors, result)
            result = self._run(request, repair, session=result.session, repair=True)
            if result.ending not in _ANSWERED:
                return Reply(result.ending, None, result.detail)
            read = self._read(request, result, final=True)
        if read.answer is None:
            return Reply(StageEnding.NO_OUTPUT, None, "; ".join(read.errors))
        return Reply(StageEnding.DONE, read.answer)

    def check(self, ticket: Ticket, when: str, *, anchor: str, iteration: int) -> CheckResult:
        """Run a ticket's acceptance on the tree of `anchor`, and undo what it has written there."""
        if reached := self.ports.limit():
            raise Ended(*reached, stage=_CHECKED_IN.get(when))
        result = self.ports.check(ticket.acceptance)
        self.ports.emit(
            EventKind.CHECK,
            ticket=ticket.id,
            iteration=iteration,
            when=when,
            run=ticket.acceptance.run,
            exit=result.exit,
            passed=result.passed,
            seconds=result.seconds,
            output=result.output,
        )
        self._guard("check", anchor, iteration)
        if result.timed_out and (reached := self.ports.limit()):  # it was not the check's own time that ran out
            raise Ended(*reached, stage=_CHECKED_IN.get(when))
        return result

    def _run(
        self, request: Request[A], prompt: str, *, session: str | None = None, repair: bool = False
    ) -> StageResult:
        """One stage, once more after a crash; limits and faults end the loop from here."""
        crashed: StageResult | None = None
        while True:
            if reached := self.ports.limit():
                raise Ended(*reached, stage=request.stage)
            result = self.ports.ask(
                request.stage, prompt, iteration=request.iteration, ticket=request.ticket, session=session
            )
            if fault := result.ending.fault:
                raise Ended(fault, result.detail, stage=request.stage, cause=result.ending)
            if request.stage is not Stage.BUILD:
                self._guard(request.stage, request.anchor, request.iteration)
            if cap := result.ending.limit:
                raise Ended(cap, result.detail, stage=request.stage, cause=result.ending)
            if result.ending is not StageEnding.AGENT_CRASH:
                return result
            if crashed is not None:
                raise Ended(Ending.AGENT_CRASH, result.detail, stage=request.stage, cause=result.ending)
            crashed = result
            if repair:  # goes on with the work that is there, and with what was said of it
                session = result.session or session
            else:
                self._undo(request.stage, request.anchor, request.iteration)

    def _guard(self, stage: str, anchor: str, iteration: int) -> None:
        """Undo what was written where nothing may be written. Ignored files alone are let be: a reviewer may build."""
        workspace = self.ports.workspace
        if workspace.tree() != workspace.tree_of(anchor):
            self._undo(stage, anchor, iteration)

    def _undo(self, stage: str, anchor: str, iteration: int) -> None:
        """Back to the anchor, ignored files included: what a stage wrote that may not, or that crashed and begins again."""
        paths = [change.path for change in self.ports.workspace.changed(anchor)]
        restored = restore(self.ports, anchor)
        if paths or restored.ignored:
            self.ports.emit(
                EventKind.TREE_RESTORED,
                stage=stage,
                iteration=iteration,
                paths=paths[:_MOST_PATHS],
                count=len(paths),
                ignored=restored.ignored,
            )

    def _read(self, request: Request[A], result: StageResult, *, final: bool) -> Read[A]:
        """The answer in the agent's last words, or the errors; both are recorded."""
        found = find_answer(result.text, request.keys)
        if found.value is None:
            read: Read[A] = Read(None, (found.error,))
        elif found.value == request.example:
            read = Read(None, ("this is the example of the instructions, word for word, and not an answer",))
        else:
            read = _vetted(request, request.read(found.value), final=final)
        self._tell_judged(request, result, read)
        where = {
            "stage": request.stage, "stage_id": result.stage_id, "iteration": request.iteration, "ticket": request.ticket
        }  # fmt: skip
        if read.answer is None:
            self.ports.emit(EventKind.ANSWER_INVALID, **where, errors=list(read.errors), final=final)
        if read.ignored:
            text = f"{request.stage} answer: unknown keys were ignored: {', '.join(read.ignored)}"
            self.ports.emit(EventKind.WARNING, **where, text=text)
        return read

    def _tell_judged(self, request: Request[A], result: StageResult, read: Read[A]) -> None:
        """How the stage has ended after all: the agent's own word, and that it came to its end, say nothing of its answer."""
        ending = StageEnding.NO_OUTPUT if read.answer is None else request.judge(read.answer)
        self.ports.emit(
            EventKind.STAGE_JUDGED,
            stage=request.stage,
            stage_id=result.stage_id,
            iteration=request.iteration,
            ending=ending,
        )

    def _repair(self, request: Request[A], errors: Sequence[str], result: StageResult) -> str:
        """The prompt of a repair. An agent that has no sessions is told everything again."""
        return render(
            "repair",
            marker=request.marker,
            errors=errors,
            original=None if result.session else request.prompt.partition("\n")[2].strip(),
            previous=result.text[-_PREVIOUS:],
            example=request.example,
        )


def _vetted(request: Request[A], read: Read[A], *, final: bool) -> Read[A]:
    return read if read.answer is None else replace(request.vet(read.answer, final), ignored=read.ignored)


@dataclass(frozen=True, slots=True)
class Restored:
    """A worktree after a rollback."""

    tree: str
    ignored: int
    """How many ignored files were removed, since the work that was undone had left them."""


def restore(ports: LoopPorts, commit: str) -> Restored:
    """Make the worktree the commit's, and prove it by its hash."""
    workspace = ports.workspace
    ignored = workspace.restore(commit)
    tree, wanted = workspace.tree(), workspace.tree_of(commit)
    if tree != wanted:
        raise WorkspaceError(f"the tree is {tree} after it was restored to {commit}; expected {wanted}")
    return Restored(tree, ignored)
