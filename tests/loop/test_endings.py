"""Every way in which a loop can end, reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from loop_support import (
    ACCEPT,
    BLOCKED,
    DONE,
    REJECT,
    Asked,
    MemoryPorts,
    Script,
    row,
    run,
    ticket,
    work,
)

from ralphbench.loop import CheckResult
from ralphbench.model import (
    Acceptance,
    Ending,
    EndingClass,
    EventKind,
    Limits,
    Stage,
    StageEnding,
    StageResult,
    TicketState,
)

CAPS = [Ending.WALL_TIME, Ending.TOKENS, Ending.COST, Ending.CALLS]
FAULTS = [ending for ending in Ending if ending.void]


def half_done(asked: Asked, files: dict[str, str]) -> None:
    files["half.txt"] = "half"


def stage_ends(ending: StageEnding, before: Callable[[Asked, dict[str, str]], None] = half_done) -> Any:
    def answer(asked: Asked, files: dict[str, str]) -> StageEnding:
        before(asked, files)
        return ending

    return answer


def test_completed() -> None:
    outcome, ports = run(Script([row("one"), row("two")]))
    assert (outcome.ending, outcome.stage, outcome.cause, outcome.wip) == (Ending.COMPLETED, None, None, None)
    assert ports.workspace.files["a.txt"] == "old one two"
    assert ports.workspace.head == outcome.commit
    assert {t.state for t in outcome.state.tickets} == {TicketState.ACCEPTED}


def test_completion_on_the_last_allowed_iteration_is_completion() -> None:
    outcome, _ = run(Script([row("one"), row("two")]), limits=Limits(iterations=2))
    assert outcome.ending is Ending.COMPLETED
    assert outcome.state.iteration == 2


def test_completion_on_the_iteration_in_which_a_cap_is_reached_is_completion() -> None:
    def spent(ports: MemoryPorts) -> tuple[Ending, str] | None:
        return (Ending.COST, "1 of 1 USD") if len(ports.asked) >= 3 else None

    outcome, _ = run(Script([row("one")]), limits_at=spent)
    assert outcome.ending is Ending.COMPLETED


def test_iterations() -> None:
    outcome, ports = run(Script([row("one"), row("two"), row("three")]), limits=Limits(iterations=2))
    assert outcome.ending is Ending.ITERATIONS
    assert outcome.detail == "2 of 2 iterations are used up"
    assert ports.workspace.history() == ["accept two: Do two", "accept one: Do one"]
    assert ports.of(EventKind.LIMIT)[-1].data["ending"] == "iterations"


def test_no_iteration_at_all_is_a_plan_alone() -> None:
    outcome, ports = run(Script([row("one")]), limits=Limits(iterations=0))
    assert outcome.ending is Ending.ITERATIONS
    assert ports.stages() == ["plan:-"]
    assert [t.id for t in outcome.state.tickets] == ["one"]


def test_what_is_satisfied_already_needs_no_iteration() -> None:
    outcome, _ = run(Script([row("one"), row("two", "one in a.txt")]), limits=Limits(iterations=1))
    assert outcome.ending is Ending.COMPLETED


def test_gave_up_where_a_dependency_was_abandoned() -> None:
    special = {"build:bad": DONE, "build:bad.1": DONE, "build:bad.2": DONE, "decompose:bad": StageEnding.CONTEXT}
    plan = [row("bad"), row("after", depends_on=["bad"]), row("good")]
    outcome, _ = run(Script(plan, special), limits=Limits(failures=9))
    assert outcome.ending is Ending.GAVE_UP
    states = {t.id: t.state for t in outcome.state.tickets}
    assert states == {"bad": TicketState.ABANDONED, "after": TicketState.OPEN, "good": TicketState.ACCEPTED}
    assert outcome.detail == "abandoned, or waiting for what was abandoned: after, bad"


def test_gave_up_where_something_was_abandoned_and_nothing_is_left() -> None:
    outcome, _ = run(Script([row("bad")], {"build": BLOCKED, "decompose": "I cannot."}), limits=Limits(failures=9))
    assert outcome.ending is Ending.GAVE_UP


@pytest.mark.parametrize(
    ("special", "stage", "cause", "outcome_word"),
    [
        ({"build": BLOCKED}, Stage.BUILD, StageEnding.BLOCKED, "blocked"),
        ({"build": "All done!"}, Stage.BUILD, StageEnding.NO_OUTPUT, "no_output"),
        ({"build": StageEnding.NO_OUTPUT}, Stage.BUILD, StageEnding.NO_OUTPUT, "no_output"),
        ({"build": StageEnding.STAGE_TIMEOUT}, Stage.BUILD, StageEnding.STAGE_TIMEOUT, "stage_timeout"),
        ({"build": StageEnding.IDLE_TIMEOUT}, Stage.BUILD, StageEnding.IDLE_TIMEOUT, "idle_timeout"),
        ({"build": StageEnding.CONTEXT}, Stage.BUILD, StageEnding.CONTEXT, "context"),
        ({"build": DONE}, Stage.BUILD, StageEnding.DONE, "check_failed"),
        ({"verify": REJECT}, Stage.VERIFY, StageEnding.DONE, "rejected"),
        ({"verify": "LGTM"}, Stage.VERIFY, StageEnding.NO_OUTPUT, "no_output"),
        ({"verify": StageEnding.CONTEXT}, Stage.VERIFY, StageEnding.CONTEXT, "context"),
        ({"verify": StageEnding.STAGE_TIMEOUT}, Stage.VERIFY, StageEnding.STAGE_TIMEOUT, "stage_timeout"),
    ],
)
def test_failures_names_the_stage_ending_that_filled_the_count(
    special: dict[str, Any], stage: Stage, cause: StageEnding, outcome_word: str
) -> None:
    outcome, ports = run(Script([row("one")], special), limits=Limits(failures=3))
    assert (outcome.ending, outcome.stage, outcome.cause) == (Ending.FAILURES, stage, cause)
    assert outcome.detail.startswith("3 iterations in a row accepted nothing; the last: ")
    assert outcome.state.iteration == 3
    assert [e.data["outcome"] for e in ports.of(EventKind.ITERATION_ENDED)] == [outcome_word] * 3
    assert outcome.commit == ports.workspace.base
    assert ports.workspace.files == {"a.txt": "old"}


def test_an_accepted_iteration_begins_the_count_of_failures_anew() -> None:
    special = {f"build:{name}:1": BLOCKED for name in ("one", "two", "three", "four")}
    outcome, _ = run(Script([row(n) for n in ("one", "two", "three", "four")], special), limits=Limits(failures=2))
    assert outcome.ending is Ending.COMPLETED
    assert outcome.state.iteration == 8


def test_satisfied_tickets_are_neither_failures_nor_acceptances() -> None:
    plan = [row("one"), row("two", "always", priority=6), row("three", priority=7)]
    special = {"build:one": BLOCKED, "build:three": BLOCKED, "decompose": StageEnding.NO_OUTPUT}
    outcome, _ = run(Script(plan, special), limits=Limits(failures=3))
    assert (outcome.ending, outcome.state.iteration) == (Ending.FAILURES, 3)


@pytest.mark.parametrize("ending", CAPS)
@pytest.mark.parametrize("stage", [Stage.BUILD, Stage.VERIFY])
def test_a_limit_inside_a_stage_ends_the_attempt_and_keeps_the_work(ending: Ending, stage: Stage) -> None:
    def cut_off(asked: Asked, files: dict[str, str]) -> StageEnding:
        files["half.txt" if stage is Stage.BUILD else "review.txt"] = "half"
        return StageEnding(ending)

    outcome, ports = run(Script([row("one"), row("two")], {f"{stage}:two": cut_off}))
    assert (outcome.ending, outcome.stage) == (ending, stage)
    assert outcome.detail == f"it was {ending}"
    assert ports.workspace.history() == ["accept one: Do one"]
    assert ports.workspace.files == {"a.txt": "old one"}
    assert outcome.wip is not None
    kept = ports.workspace.commits[outcome.wip][2]
    assert kept == ({"a.txt": "old one", "half.txt": "half"} if stage is Stage.BUILD else {"a.txt": "old one two"})
    assert ports.of(EventKind.COMMIT)[-1].data["what"] == "wip"


@pytest.mark.parametrize("ending", CAPS)
@pytest.mark.parametrize("asked", range(1, 5))
def test_a_limit_between_stages_ends_the_attempt_before_the_next_one(ending: Ending, asked: int) -> None:
    def spent(ports: MemoryPorts) -> tuple[Ending, str] | None:
        return (ending, "all of it") if len(ports.asked) >= asked else None

    outcome, ports = run(Script([row("one"), row("two")]), limits_at=spent)
    assert (outcome.ending, outcome.detail) == (ending, "all of it")
    assert len(ports.asked) == asked
    assert len(ports.workspace.history()) == (1 if asked >= 3 else 0)
    assert (outcome.wip is not None) == (asked in (2, 4))


@pytest.mark.parametrize("build", [False, True])
def test_a_check_that_the_attempts_own_time_has_ended_says_nothing_of_the_work(build: bool) -> None:
    over = []

    def check(acceptance: Acceptance) -> CheckResult:
        if build and not ports.asked:
            return CheckResult(False, 1, False, 0.0, "")
        over.append(True)
        ports.workspace.files["junk"] = "by the check"
        return CheckResult(False, None, True, 3.0, "")

    ports = MemoryPorts(
        Script([row("one")]),
        on_check=check,
        limits_at=lambda _: (Ending.WALL_TIME, "all of it") if over else None,
    )
    outcome, _ = run(ports.agent, ports=ports, plan=[ticket("one")])
    assert (outcome.ending, outcome.detail, outcome.stage) == (
        Ending.WALL_TIME,
        "all of it",
        Stage.BUILD if build else None,
    )
    assert outcome.state.failures == 0
    kept = None if outcome.wip is None else ports.workspace.commits[outcome.wip][2]
    assert kept == ({"a.txt": "old one"} if build else None), "what the check wrote is not work"


def test_a_limit_while_issues_are_investigated_costs_nothing_that_was_accepted() -> None:
    issues = {**DONE, "issues": [{"title": "Odd", "detail": "Look."}]}

    def raises(asked: Asked, files: dict[str, str]) -> Any:
        work(asked, files)
        return issues

    outcome, ports = run(Script([row("one")], {"build": raises, "investigate": StageEnding.TOKENS}))
    assert (outcome.ending, outcome.stage) == (Ending.TOKENS, Stage.INVESTIGATE)
    assert outcome.commit == ports.workspace.head != ports.workspace.base
    assert outcome.wip is None


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stage", ["plan", "build", "verify"])
def test_a_fault_of_the_infrastructure_ends_the_loop_at_once(fault: Ending, stage: str) -> None:
    outcome, ports = run(Script([row("one")], {stage: StageEnding(fault)}))
    assert (outcome.ending, outcome.stage) == (fault, Stage(stage))
    assert outcome.ending.kind is EndingClass.INFRASTRUCTURE
    assert ports.stages()[-1].startswith(stage)
    assert outcome.wip is None
    ended, faults = ports.of(EventKind.LOOP_ENDED), ports.of(EventKind.FAULT)
    assert (len(ended), len(faults)) == ((0, 0) if fault is Ending.INTERRUPTED else (1, 1))


def test_stalled() -> None:
    """The builder toggles; each time the reviewer is content and files an issue that asks for the contrary."""
    turns = {"x": "missing", "missing": "x"}

    def issue(asked: Asked, files: dict[str, str]) -> Any:
        return {**ACCEPT, "issues": [{"title": f"Turn {asked.iteration}", "detail": "The other way round."}]}

    def investigate(asked: Asked, files: dict[str, str]) -> Any:
        run_ = "missing x in a.txt" if "x" in files["a.txt"].split() else "x in a.txt"
        return {"tickets": [row(f"n{asked.iteration}", run_)]}

    script = Script([row("t", "x in a.txt")], {"verify": issue, "investigate": investigate})
    outcome, ports = run(script, limits=Limits(iterations=50))
    assert turns
    assert (outcome.ending, outcome.state.iteration) == (Ending.STALLED, 3)
    assert "2 states 2 times over" in outcome.detail
    assert ports.of(EventKind.LIMIT)[-1].data["ending"] == "stalled"


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ({"tickets": []}, StageEnding.DONE),
        ("No plan is needed, everything is done.", StageEnding.NO_OUTPUT),
        ({"tickets": [row("a", depends_on=["b"])]}, StageEnding.NO_OUTPUT),
        ({"tickets": [row("a", "no-such-command")]}, StageEnding.NO_OUTPUT),
        ({"tickets": [row("a", "always")]}, StageEnding.NO_OUTPUT),
        (StageEnding.STAGE_TIMEOUT, StageEnding.STAGE_TIMEOUT),
        (StageEnding.IDLE_TIMEOUT, StageEnding.IDLE_TIMEOUT),
        (StageEnding.CONTEXT, StageEnding.CONTEXT),
    ],
)
def test_no_plan(answer: Any, cause: StageEnding) -> None:
    outcome, ports = run(Script(special={"plan": answer}))
    assert (outcome.ending, outcome.stage, outcome.cause) == (Ending.NO_PLAN, Stage.PLAN, cause)
    assert outcome.commit == ports.workspace.base
    assert outcome.detail


def test_an_empty_shared_plan_is_no_plan() -> None:
    outcome, ports = run(Script(), plan=[])
    assert outcome.ending is Ending.NO_PLAN
    assert not ports.asked


@pytest.mark.parametrize("stage", ["plan", "build", "verify"])
def test_agent_crash_again_after_one_restart(stage: str) -> None:
    outcome, ports = run(Script([row("one")], {stage: stage_ends(StageEnding.AGENT_CRASH)}))
    assert (outcome.ending, outcome.stage, outcome.cause) == (Ending.AGENT_CRASH, Stage(stage), StageEnding.AGENT_CRASH)
    assert [s.partition(":")[0] for s in ports.stages()][-2:] == [stage, stage]
    assert (outcome.wip is not None) == (stage != "plan")


def test_one_crash_is_forgiven_and_its_half_work_is_not_built_upon() -> None:
    special = {"build:one": [stage_ends(StageEnding.AGENT_CRASH), None]}
    outcome, ports = run(Script([row("one")], special))
    assert outcome.ending is Ending.COMPLETED
    assert ports.workspace.files == {"a.txt": "old one"}
    assert outcome.state.iteration == 1
    assert ports.of(EventKind.TREE_RESTORED)[0].data["paths"] == ["half.txt"]


def test_a_crash_in_a_repair_keeps_the_work_that_is_there() -> None:
    def forgets_to_answer(asked: Asked, files: dict[str, str]) -> str:
        work(asked, files)
        return "There you are."

    special = {"build": [forgets_to_answer, StageEnding.AGENT_CRASH, DONE]}
    outcome, ports = run(Script([row("one")], special))
    assert outcome.ending is Ending.COMPLETED
    assert ports.stages() == ["plan:-", "build:one", "build?:one", "build?:one", "verify:one"]


def test_every_ending_of_the_loop_has_a_last_event_with_all_of_it() -> None:
    outcome, ports = run(Script([row("one")], {"build": BLOCKED}), plan=[ticket("one")])
    last = ports.events[-1]
    assert last.kind == EventKind.LOOP_ENDED
    assert last.data["ending"] == "failures"
    assert last.data["stage"] == "build"
    assert last.data["cause"] == "blocked"
    assert last.data["commit"] == outcome.commit
    assert last.data["state"]["plan_by"] == "somebody"


def test_an_agents_own_word_for_an_ending_is_not_believed() -> None:
    blocked = StageResult(StageEnding.BLOCKED, '{"status": "done", "summary": "It is done."}')

    def says_blocked(asked: Asked, files: dict[str, str]) -> StageResult:
        work(asked, files)
        return blocked

    outcome, _ = run(Script([row("one")], {"build": says_blocked}))
    assert outcome.ending is Ending.COMPLETED
