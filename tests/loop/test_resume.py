"""A loop that was cut off anywhere goes on, and comes to where an undisturbed one comes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loop_support import (
    ACCEPT,
    BLOCKED,
    DONE,
    REJECT,
    Asked,
    Cut,
    MemoryPorts,
    MemoryWorkspace,
    Script,
    row,
    run,
    task,
    work,
)

from ralphbench.errors import RecordError
from ralphbench.loop import Loop, LoopOutcome, LoopState, outcome_of, state_of
from ralphbench.model import Ending, Event, EventKind, Limits, Stage, StageEnding

LIMITS = Limits(iterations=12, failures=4)
ISSUE = {"title": "Odd", "detail": "It is odd."}


@dataclass(frozen=True)
class Whimsical:
    """An agent whose whims depend on nothing but what it is asked, and on its seed."""

    seed: int
    with_limits: bool = False

    def __call__(self, asked: Asked, files: dict[str, str]) -> Any:
        key = f"{self.seed} {asked.stage} {asked.iteration} {asked.ticket} {asked.attempt} {asked.repair}"
        whim = int(hashlib.sha256(key.encode()).hexdigest(), 16) % 12
        if self.with_limits and whim == 11 and asked.iteration > 2:
            files["half.txt"] = f"{asked.stage} {asked.iteration}"
            return StageEnding.TOKENS
        return getattr(self, f"_{asked.stage}")(asked, files, whim)

    def _plan(self, asked: Asked, files: dict[str, str], whim: int) -> Any:
        if whim == 0 and not asked.repair:
            return "I have no plan."
        rows = [row("a"), row("b", depends_on=["a"]), row("c", priority=1), row("d", "a in a.txt"), row("e")]
        return {"tickets": rows[: 1 + whim % 5]}

    def _build(self, asked: Asked, files: dict[str, str], whim: int) -> Any:
        if whim < 6:
            work(asked, files)
            return DONE if whim < 4 else {**DONE, "issues": [{**ISSUE, "title": f"Odd {asked.iteration}"}]}
        files["junk.txt"] = f"{asked.iteration}"
        return [BLOCKED, DONE, "Hm.", StageEnding.STAGE_TIMEOUT, StageEnding.CONTEXT, {**BLOCKED, "issues": [ISSUE]}][
            whim - 6
        ]

    def _verify(self, asked: Asked, files: dict[str, str], whim: int) -> Any:
        if whim > 9:
            files["review.txt"] = "should not be here"
        return ACCEPT if whim < 7 else REJECT if whim < 9 else {**ACCEPT, "issues": [ISSUE]}

    def _investigate(self, asked: Asked, files: dict[str, str], whim: int) -> Any:
        if whim < 3:
            return StageEnding.IDLE_TIMEOUT
        return {"tickets": [row(f"n{k}", f"n{asked.iteration}x{k} in b.txt") for k in range(1 + whim % 2)]}

    def _decompose(self, asked: Asked, files: dict[str, str], whim: int) -> Any:
        names = [f"{str(asked.ticket).replace('.', '_')}p{k}" for k in range(2 + whim % 2)]
        return "No." if whim < 3 else {"parts": [row(name) for name in names]}


def go_on(ports: MemoryPorts) -> LoopOutcome:
    """As a new process does it: from nothing but the events and the workspace as it was left."""
    fresh = MemoryPorts(ports.agent, workspace=ports.workspace, events=list(ports.events))
    state: LoopState | None = None
    for event in ports.events:
        if event.kind == EventKind.LOOP_ENDED:
            return outcome_of(event.data)
        if "state" in event.data:
            state = state_of(event.data["state"])
    return Loop(fresh, task(), LIMITS).run(state)


def cut(agent: Any, at: int, before: bool) -> MemoryPorts:
    ports = MemoryPorts(agent, cut_at=at, cut_before=before)
    with pytest.raises(Cut):
        run(agent, ports=ports, limits=LIMITS)
    return ports


def check_cut(agent: Any, undisturbed: LoopOutcome, whole: MemoryPorts, at: int, before: bool) -> None:
    ports = cut(agent, at, before)
    resumed = go_on(ports)
    assert resumed == undisturbed, (at, before, whole.events[at].kind)
    assert ports.workspace.head == whole.workspace.head
    assert ports.workspace.history() == whole.workspace.history()
    assert ports.workspace.files == whole.workspace.files


@pytest.mark.parametrize("seed", [0, 9, 22])
def test_cut_at_every_single_event_it_ends_as_if_undisturbed(seed: int) -> None:
    agent = Whimsical(seed)
    undisturbed, whole = run(agent, limits=LIMITS)
    assert len(whole.events) > 40
    for at in range(len(whole.events)):
        for before in (True, False):
            check_cut(agent, undisturbed, whole, at, before)


@given(seed=st.integers(0, 10_000), limited=st.booleans(), data=st.data(), before=st.booleans())
@settings(max_examples=80, deadline=None)
def test_cut_at_any_event_it_ends_as_if_undisturbed(seed: int, limited: bool, data: Any, before: bool) -> None:
    agent = Whimsical(seed, with_limits=limited)
    undisturbed, whole = run(agent, limits=LIMITS)
    check_cut(agent, undisturbed, whole, data.draw(st.integers(0, len(whole.events) - 1)), before)


@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(1, 9), max_size=12))
@settings(max_examples=40, deadline=None)
def test_cut_again_and_again_it_ends_as_if_undisturbed(seed: int, cuts: list[int]) -> None:
    agent = Whimsical(seed)
    undisturbed, whole = run(agent, limits=LIMITS)
    workspace, events = MemoryWorkspace({"a.txt": "old"}), list[Event]()
    for steps in [*cuts, 10**9]:
        ports = MemoryPorts(agent, workspace=workspace, events=events, cut_at=len(events) + steps)
        states = [e.data["state"] for e in events if "state" in e.data]
        ended = [e for e in events if e.kind == EventKind.LOOP_ENDED]
        if ended:
            assert outcome_of(ended[0].data) == undisturbed
            break
        try:
            assert Loop(ports, task(), LIMITS).run(state_of(states[-1]) if states else None) == undisturbed
        except Cut:
            continue
    assert workspace.history() == whole.workspace.history()


def test_whims_reach_far() -> None:
    """The property above is worth something: all of this happens in it."""
    endings, stages, kinds = set(), set(), set()
    for seed in range(100):
        outcome, ports = run(Whimsical(seed, with_limits=seed % 3 == 0), limits=LIMITS)
        endings.add(outcome.ending)
        stages |= {(a.stage, a.repair) for a in ports.asked}
        kinds |= {e.kind for e in ports.events}
    assert endings >= {Ending.COMPLETED, Ending.GAVE_UP, Ending.FAILURES, Ending.ITERATIONS, Ending.TOKENS}
    assert {stage for stage, _ in stages} == set(Stage)
    assert kinds >= {EventKind.ROLLBACK, EventKind.TREE_RESTORED, EventKind.ISSUE, EventKind.ANSWER_INVALID}


def test_accepted_work_is_not_built_again_after_a_cut_in_its_aftermath() -> None:
    def issue(asked: Asked, files: dict[str, str]) -> Any:
        work(asked, files)
        return {**DONE, "issues": [ISSUE]}

    def dies(asked: Asked, files: dict[str, str]) -> Any:
        raise Cut

    ports = MemoryPorts(Script([row("one")], {"build": issue, "investigate": dies}))
    with pytest.raises(Cut):
        run(ports.agent, ports=ports)
    head = ports.workspace.head
    state = state_of([e for e in ports.events if "state" in e.data][-1].data["state"])
    again = MemoryPorts(Script([row("one")]), workspace=ports.workspace)
    outcome = Loop(again, task(), LIMITS).run(state)
    assert again.stages() == ["investigate:one"]
    assert (outcome.ending, outcome.commit) == (Ending.COMPLETED, head)


def test_work_that_a_killed_process_left_is_kept_where_nothing_may_be_spent_any_more() -> None:
    def dies(asked: Asked, files: dict[str, str]) -> Any:
        files["half.txt"] = "half"
        raise Cut

    ports = MemoryPorts(Script([row("one"), row("two")], {"build:two": dies}))
    with pytest.raises(Cut):
        run(ports.agent, ports=ports)
    state = state_of([e for e in ports.events if "state" in e.data][-1].data["state"])
    again = MemoryPorts(Script(), workspace=ports.workspace, limits_at=lambda _: (Ending.WALL_TIME, "all of it"))
    outcome = Loop(again, task(), LIMITS).run(state)
    assert (outcome.ending, outcome.commit) == (Ending.WALL_TIME, state.commit)
    assert outcome.wip is not None
    assert ports.workspace.commits[outcome.wip][2]["half.txt"] == "half"
    assert "half.txt" not in ports.workspace.files
    assert not again.asked


def test_what_an_investigator_left_is_not_work_that_was_cut_off() -> None:
    def issue(asked: Asked, files: dict[str, str]) -> Any:
        work(asked, files)
        return {**DONE, "issues": [ISSUE]}

    def dies(asked: Asked, files: dict[str, str]) -> Any:
        files["scribble.txt"] = "thinking"
        raise Cut

    ports = MemoryPorts(Script([row("one"), row("two")], {"build": issue, "investigate": dies}))
    with pytest.raises(Cut):
        run(ports.agent, ports=ports)
    state = state_of([e for e in ports.events if "state" in e.data][-1].data["state"])
    again = MemoryPorts(Script(), workspace=ports.workspace, limits_at=lambda _: (Ending.CALLS, "all of them"))
    outcome = Loop(again, task(), LIMITS).run(state)
    assert (outcome.ending, outcome.stage, outcome.wip) == (Ending.CALLS, Stage.INVESTIGATE, None)
    assert ports.workspace.files == {"a.txt": "old one"}


def test_what_a_killed_process_left_is_not_built_upon() -> None:
    def dies(asked: Asked, files: dict[str, str]) -> Any:
        files["half.txt"] = "half"
        raise Cut

    for stage in ("plan", "build", "verify"):
        ports = MemoryPorts(Script([row("one")], {stage: dies}))
        with pytest.raises(Cut):
            run(ports.agent, ports=ports)
        ports.agent = Script([row("one")])
        outcome = go_on(ports)
        assert ports.workspace.commits[outcome.commit][2] == {"a.txt": "old one"}


def test_a_state_of_another_shape_is_named() -> None:
    with pytest.raises(RecordError, match="--fresh"):
        state_of({"commit": 7})
