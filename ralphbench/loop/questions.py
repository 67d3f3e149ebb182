"""What each stage is asked: its prompt, filled in from the state, and how its answer is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from ralphbench.loop import answers
from ralphbench.loop.answers import Built, Investigated, Planned, Read, Reviewed
from ralphbench.loop.asking import Request
from ralphbench.loop.ports import CHECK_SECONDS, Shown
from ralphbench.loop.render import claim_names, example, marker, render
from ralphbench.loop.shapes import MAX_NEW, MAX_PLAN, PARTS
from ralphbench.loop.state import LoopState
from ralphbench.loop.vetting import Vetting
from ralphbench.model import Stage, StageEnding, Task, Ticket

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Questions:
    """The same state gives the same prompt, byte for byte. `vetting` tries what is answered."""

    task: Task
    rules: str | None
    vetting: Vetting

    def plan(self, state: LoopState) -> Request[Planned]:
        read = answers.read_plan
        asked = self._request(Stage.PLAN, state, None, answers.PLAN_KEYS, read, state.commit, most=MAX_PLAN)
        return replace(asked, vet=self.vetting.plan)

    def build(self, state: LoopState, ticket: Ticket) -> Request[Built]:
        keys, read = answers.BUILD_KEYS, answers.read_build
        asked = self._request(Stage.BUILD, state, ticket, keys, read, state.commit, writes=True)
        return replace(asked, judge=lambda built: StageEnding.DONE if built.done else StageEnding.BLOCKED)

    def verify(self, state: LoopState, ticket: Ticket, tried: str, shown: Shown, output: str) -> Request[Reviewed]:
        """`tried`: the commit that holds the change; `output`: what its check printed."""
        read = partial(answers.read_verify, claims=claim_names(self.task))
        return self._request(
            Stage.VERIFY,
            state,
            ticket,
            answers.VERIFY_KEYS,
            read,
            tried,
            diff=shown.text.decode("utf-8", "replace").rstrip("\n"),
            truncated=shown.truncated,
            output=output.rstrip("\n"),
        )

    def investigate(self, state: LoopState, ticket: Ticket) -> Request[Investigated]:
        """`ticket`: the one that the iteration was about; the issues are all that are open."""
        read = partial(answers.read_investigate, issues=state.issues, known=state.tickets, prefix=f"i{state.iteration}")
        keys = answers.INVESTIGATE_KEYS
        asked = self._request(
            Stage.INVESTIGATE, state, ticket, keys, read, state.commit, issues=state.issues, most=MAX_NEW
        )
        return replace(asked, vet=self.vetting.investigation)

    def decompose(self, state: LoopState, ticket: Ticket) -> Request[Planned]:
        read = partial(answers.read_decompose, parent=ticket, known=state.tickets)
        least, most = PARTS
        keys = answers.DECOMPOSE_KEYS
        asked = self._request(Stage.DECOMPOSE, state, ticket, keys, read, state.commit, least=least, most=most)
        return replace(asked, vet=self.vetting.parts)

    def _request(
        self,
        stage: Stage,
        state: LoopState,
        ticket: Ticket | None,
        keys: Sequence[str],
        read: Callable[[Mapping[str, Any]], Read[A]],
        anchor: str,
        *,
        writes: bool = False,
        **values: Any,
    ) -> Request[A]:
        shown = example(stage, claim_names(self.task))
        first_line = self._marker(stage, state, ticket)
        prompt = render(
            stage,
            marker=first_line,
            task=self.task,
            protected=self.task.protected,
            rules=self.rules,
            writes=writes,
            ticket=ticket,
            tickets=state.tickets,
            check_seconds=CHECK_SECONDS,
            example=shown,
            **values,
        )
        return Request(
            stage=stage,
            iteration=state.iteration,
            ticket=None if ticket is None else ticket.id,
            marker=first_line,
            prompt=prompt,
            keys=keys,
            read=read,
            example=shown,
            anchor=anchor,
        )

    def _marker(self, stage: Stage, state: LoopState, ticket: Ticket | None) -> str:
        ticket_id, attempt = (None, 1) if ticket is None else (ticket.id, 1 + len(ticket.rejections))
        return marker(stage, iteration=state.iteration, ticket=ticket_id, task=self.task.name, attempt=attempt)
