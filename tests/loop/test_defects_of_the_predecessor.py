"""What went wrong in the system that this loop replaces, one test each: none of it can happen here."""

from __future__ import annotations

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

from ralphbench.loop import work_of
from ralphbench.loop.tickets import next_ticket
from ralphbench.model import Ending, EventKind, Limits, Stage, StageEnding, TicketState


def adds(path: str, answer: Any) -> Any:
    def build(asked: Asked, files: dict[str, str]) -> Any:
        work(asked, files)
        files[path] = "new"
        return answer

    return build


def test_limits_that_are_given_are_the_limits_that_hold() -> None:
    for limit in (1, 2, 4):
        outcome, _ = run(Script([row("one")], {"build": BLOCKED}), limits=Limits(failures=limit))
        assert (outcome.ending, outcome.state.failures) == (Ending.FAILURES, limit)


def test_build_failures_count() -> None:
    outcome, _ = run(Script([row("one")], {"build": BLOCKED}))
    assert outcome.ending is Ending.FAILURES


def test_the_total_of_tickets_counts_the_finished_ones() -> None:
    outcome, _ = run(Script([row(f"t{k}") for k in range(20)]))
    sums = work_of(outcome.state, files_changed=1, lines_added=1, lines_removed=0)
    assert (sums.accepted, sums.tickets) == (20, 20)


def test_an_empty_plan_is_not_completion() -> None:
    outcome, _ = run(Script([]))
    assert outcome.ending is Ending.NO_PLAN


def test_too_small_a_plan_is_never_called_anything_but_finished_with_it() -> None:
    """`completed` says that the tickets are done; whether the task is resolved, grading alone says."""
    outcome, ports = run(Script([row("one", "missing old in a.txt")]))
    assert outcome.ending is Ending.COMPLETED
    assert ports.workspace.files == {"a.txt": ""}


def test_a_plan_that_asks_for_nothing_is_not_completion() -> None:
    outcome, ports = run(Script([row("one", "always"), row("two", "old in a.txt")]))
    assert (outcome.ending, outcome.state.commits) == (Ending.NO_PLAN, 0)
    assert outcome.detail == "every check of the plan passes already, before any work: one, two"
    assert ports.stages() == ["plan:-", "plan?:-"]


def test_a_passing_check_alone_accepts_nothing() -> None:
    outcome, ports = run(Script([row("one")], {"verify": REJECT}), limits=Limits(failures=1))
    assert outcome.commit == ports.workspace.base


def test_a_reviewer_alone_accepts_nothing() -> None:
    outcome, ports = run(Script([row("one")], {"build": DONE, "verify": ACCEPT}), limits=Limits(failures=1))
    assert (outcome.ending, outcome.commit) == (Ending.FAILURES, ports.workspace.base)


def test_rejected_code_is_not_committed_and_new_files_go_with_it() -> None:
    outcome, ports = run(Script([row("one")], {"build:one:1": adds("new.txt", None), "verify:one:1": REJECT}))
    assert outcome.ending is Ending.COMPLETED
    assert ports.workspace.history() == ["accept one: Do one"]
    assert "new.txt" not in ports.workspace.commits[outcome.commit][2]


def test_files_that_were_there_before_survive_a_rollback() -> None:
    def ruins(asked: Asked, files: dict[str, str]) -> Any:
        files.clear()
        return BLOCKED

    _, ports = run(Script([row("one")], {"build:one:1": ruins}))
    assert ports.workspace.files == {"a.txt": "old one"}


def test_the_reviewer_sees_new_files() -> None:
    _, ports = run(Script([row("one")], {"build": adds("brand/new.txt", DONE)}))
    review = next(a for a in ports.asked if a.stage is Stage.VERIFY)
    assert "A brand/new.txt" in review.prompt


def test_the_reviewer_sees_this_tickets_change_alone() -> None:
    _, ports = run(Script([row("one"), row("two", "two in b.txt")]))
    review = [a for a in ports.asked if a.stage is Stage.VERIFY][1]
    assert "M a.txt" not in review.prompt
    assert "A b.txt" in review.prompt


def test_the_last_iterations_work_is_committed() -> None:
    outcome, ports = run(Script([row("one")]))
    assert ports.workspace.head == outcome.commit
    assert ports.workspace.tree() == ports.workspace.tree_of(outcome.commit)


def test_dependencies_hold_an_order() -> None:
    plan = [row("third", depends_on=["second"]), row("second", depends_on=["first"]), row("first")]
    _, ports = run(Script(plan))
    assert [s for s in ports.stages() if s.startswith("build")] == ["build:first", "build:second", "build:third"]


def test_the_reason_of_a_rejection_reaches_the_next_try() -> None:
    _, ports = run(Script([row("one")], {"verify:one:1": {**REJECT, "reason": "Mind the gap."}}))
    builds = [a for a in ports.asked if a.stage is Stage.BUILD]
    assert ["Mind the gap." in a.prompt for a in builds] == [False, True]


def test_splitting_ends() -> None:
    outcome, _ = run(Script([row("one")], {"build": BLOCKED}), limits=Limits(iterations=500, failures=500))
    assert outcome.ending is Ending.GAVE_UP
    assert max(t.depth for t in outcome.state.tickets) == 2


def test_several_issues_are_not_taken_for_duplicates() -> None:
    issues = [{"title": t, "detail": ""} | {"detail": "x"} for t in ("One", "Two", "Three")]
    _, ports = run(Script([row("one")], {"build": adds("x", {**DONE, "issues": issues})}))
    prompt = next(a.prompt for a in ports.asked if a.stage is Stage.INVESTIGATE)
    assert all(f'id="issue-{k}"' in prompt for k in (1, 2, 3))


def test_an_issue_is_not_closed_whatever_the_answer() -> None:
    special = {"build": adds("x", {**DONE, "issues": [{"title": "A", "detail": "b"}]}), "investigate": {"tickets": []}}
    _, ports = run(Script([row("one")], special))
    assert ports.stages()[-2:] == ["investigate:one", "investigate?:one"]
    assert [e.data["now"] for e in ports.of(EventKind.ISSUE)] == ["open", "unanswered"]


@pytest.mark.parametrize(
    "phrase",
    ["All tests pass.", "build succeeds", "The task is complete and everything is done", "Not all tests pass", "DONE"],
)
def test_success_is_never_read_out_of_a_phrase(phrase: str) -> None:
    def build(asked: Asked, files: dict[str, str]) -> str:
        work(asked, files)
        return phrase

    outcome, ports = run(Script([row("one")], {"build": build}), limits=Limits(failures=1))
    assert (outcome.ending, outcome.cause) == (Ending.FAILURES, StageEnding.NO_OUTPUT)
    assert outcome.commit == ports.workspace.base


@pytest.mark.parametrize("status", ["complete", "finished", "success", "partial", "wip", True])
def test_words_that_were_not_agreed_on_are_not_guessed_at(status: Any) -> None:
    outcome, _ = run(Script([row("one")], {"build": {"status": status, "summary": "x"}}), limits=Limits(failures=1))
    assert outcome.cause is StageEnding.NO_OUTPUT


def test_a_quoted_example_does_not_win_over_the_answer() -> None:
    text = (
        'You want {"accept": true, "reason": "x", "complete": {"task": true}}; I say {"accept": false, "reason": "no"}'
    )
    outcome, _ = run(Script([row("one")], {"verify": text}), limits=Limits(failures=1))
    assert outcome.ending is Ending.FAILURES
    assert outcome.state.claims is None


def test_no_output_of_any_stage_passes_for_success() -> None:
    for stage in ("plan", "build", "verify"):
        outcome, ports = run(Script([row("one")], {stage: ""}), limits=Limits(failures=1))
        assert outcome.ending in (Ending.NO_PLAN, Ending.FAILURES)
        assert outcome.commit == ports.workspace.base


def test_a_full_context_ends_the_stage_and_not_only_a_counter() -> None:
    outcome, ports = run(Script([row("one")], {"build": StageEnding.CONTEXT}), limits=Limits(failures=1))
    assert (outcome.ending, outcome.cause) == (Ending.FAILURES, StageEnding.CONTEXT)
    assert "verify:one" not in ports.stages()


def test_an_exhausted_quota_is_not_the_agents_failure() -> None:
    outcome, ports = run(Script([row("one")], {"build": StageEnding.RATE_LIMITED}))
    assert outcome.ending is Ending.RATE_LIMITED
    assert outcome.ending.void
    assert outcome.state.failures == 0
    assert not any(s.startswith("decompose") for s in ports.stages())


def test_failing_reviews_do_not_end_as_if_there_were_no_work() -> None:
    outcome, _ = run(Script([row("one")], {"verify": StageEnding.STAGE_TIMEOUT}))
    assert (outcome.ending, outcome.stage) == (Ending.FAILURES, Stage.VERIFY)


def test_prose_is_never_run_as_a_check() -> None:
    plan = {"tickets": [row("one", "grep -c 'x' f returns 1")]}
    outcome, ports = run(Script(special={"plan": plan}))
    assert outcome.ending is Ending.NO_PLAN
    assert "cannot be run" in ports.of(EventKind.ANSWER_INVALID)[-1].data["errors"][0]


def test_three_tickets_one_after_the_other_are_no_circle() -> None:
    special = {"verify:a:1": REJECT, "verify:b:1": REJECT, "verify:c:1": REJECT}
    outcome, _ = run(Script([row("a"), row("b"), row("c")], special))
    assert outcome.ending is Ending.COMPLETED


def test_completion_is_not_masked_by_the_iteration_limit() -> None:
    outcome, _ = run(Script([row("one")]), limits=Limits(iterations=1))
    assert outcome.ending is Ending.COMPLETED


def test_a_rejected_ticket_is_not_parked_for_ever() -> None:
    rejected = ticket("a", rejections=("no",))
    chosen = next_ticket([rejected, ticket("b")])
    assert chosen is rejected


def test_the_loop_never_looks_at_a_clock_of_its_own() -> None:
    """Whatever passes between stages is told by `limit`: twice the same outside is twice the same run."""
    first, one = run(Script([row("one"), row("two")], {"verify:one:1": REJECT}))
    second, two = run(Script([row("one"), row("two")], {"verify:one:1": REJECT}))
    assert (first, one.events) == (second, two.events)


def test_the_plan_is_asked_of_the_planner_as_a_stage_like_any_other() -> None:
    ports = MemoryPorts(Script([row("one")]))
    run(ports.agent, ports=ports)
    assert ports.asked[0].stage is Stage.PLAN


def test_a_split_ticket_counts_as_done_only_with_all_its_parts() -> None:
    outcome, _ = run(Script([row("big")], {"build:big": BLOCKED, "build:big.2": BLOCKED}), limits=Limits(iterations=4))
    assert outcome.ending is Ending.ITERATIONS
    assert outcome.state.ticket("big").state is TicketState.DECOMPOSED
