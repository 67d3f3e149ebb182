"""What happens within an iteration."""

from __future__ import annotations

import json
from typing import Any

import pytest
from loop_support import (
    ACCEPT,
    BLOCKED,
    DONE,
    REJECT,
    Asked,
    MemoryPorts,
    MemoryWorkspace,
    Script,
    row,
    run,
    task,
    ticket,
    work,
)

from ralphbench.errors import WorkspaceError
from ralphbench.loop import plan_hash, work_of
from ralphbench.model import Ending, EventKind, Limits, Stage, StageEnding, StageResult, TicketState

ODD = {"title": "Odd", "detail": "Something is odd."}


def builds_and(more: Any) -> Any:
    def answer(asked: Asked, files: dict[str, str]) -> Any:
        work(asked, files)
        return more

    return answer


def writes(path: str, answer: Any) -> Any:
    def wrote(asked: Asked, files: dict[str, str]) -> Any:
        files[path] = f"by {asked.stage}"
        return answer

    return wrote


def prompts(ports: MemoryPorts, stage: Stage) -> list[str]:
    return [a.prompt for a in ports.asked if a.stage is stage]


# Rejection and rollback


def test_rejected_work_is_rolled_back_and_the_reason_is_given_to_the_next_try() -> None:
    outcome, ports = run(Script([row("one")], {"verify:one:1": REJECT, "build:one:1": writes("new.txt", None)}))
    assert outcome.ending is Ending.COMPLETED
    assert ports.workspace.files == {"a.txt": "old one"}
    (rollback,) = ports.of(EventKind.ROLLBACK)
    assert rollback.data == {
        "to": ports.workspace.base,
        "tree": ports.workspace.tree_of(ports.workspace.base),
        "verified": True,
        "ignored": 0,
    }
    first, second = prompts(ports, Stage.BUILD)
    assert "It is not good." not in first
    assert "The reviewer rejected it: It is not good." in second
    assert second.splitlines()[0].endswith("try=2 -->")


def test_rejected_work_stays_in_the_record() -> None:
    _, ports = run(Script([row("one")], {"verify:one:1": REJECT, "build:one:1": writes("new.txt", None)}))
    tried = [e.data["commit"] for e in ports.of(EventKind.COMMIT) if e.data["what"] == "tried"]
    assert ports.workspace.commits[tried[0]][2] == {"a.txt": "old one", "new.txt": "by build"}
    assert tried[0] in ports.workspace.wips


def test_a_rollback_that_did_not_work_is_an_error() -> None:
    class Stubborn(MemoryWorkspace):
        def restore(self, commit: str) -> int:
            if self.files.pop("new.txt", None):
                super().restore(commit)
                self.files["new.txt"] = "still there"
            return 0

    ports = MemoryPorts(
        Script([row("one")], {"build": writes("new.txt", BLOCKED)}), workspace=Stubborn({"a.txt": "old"})
    )
    with pytest.raises(WorkspaceError, match="after it was restored"):
        run(ports.agent, ports=ports)


def test_nothing_is_rolled_back_where_nothing_was_changed() -> None:
    _, ports = run(Script([row("one")], {"build:one:1": BLOCKED}))
    assert not ports.of(EventKind.ROLLBACK)


def test_a_failed_check_is_not_reviewed() -> None:
    outcome, ports = run(Script([row("one")], {"build:one:1": writes("b.txt", DONE)}))
    assert outcome.ending is Ending.COMPLETED
    assert ports.stages() == ["plan:-", "build:one", "build:one", "verify:one"]
    reason = outcome.state.ticket("one").rejections[0]
    assert "`one in a.txt` gave exit status 1, expected 0" in reason
    assert "ran: one in a.txt" in reason


def test_the_wrong_output_is_told_from_the_wrong_status() -> None:
    from ralphbench.loop.messages import check_failed
    from ralphbench.loop.ports import CheckResult
    from ralphbench.model import Acceptance

    wanted = Acceptance("x", 0, "^ok$")
    assert "did not print what matches ^ok$" in check_failed(wanted, CheckResult(False, 0, False, 1.0, "no")).reason
    assert "did not end within 60 s" in check_failed(wanted, CheckResult(False, None, True, 60.0, "")).reason


# Splitting


def test_two_rejections_split_a_ticket() -> None:
    outcome, ports = run(
        Script([row("big"), row("after", depends_on=["big"])], {"build:big": BLOCKED}), limits=Limits(failures=5)
    )
    assert outcome.ending is Ending.COMPLETED
    assert ports.stages() == [
        "plan:-", "build:big", "build:big", "decompose:big", "build:big.1", "verify:big.1", "build:big.2",
        "verify:big.2", "build:after", "verify:after",
    ]  # fmt: skip
    assert outcome.state.ticket("big").state is TicketState.DECOMPOSED
    assert prompts(ports, Stage.DECOMPOSE)[0].count("The builder was blocked: It cannot be done.") == 2


def test_every_kind_of_fruitless_try_counts_towards_a_split() -> None:
    special = {"build:big:1": StageEnding.STAGE_TIMEOUT, "build:big:2": StageEnding.CONTEXT}
    outcome, ports = run(Script([row("big")], special), limits=Limits(failures=5))
    assert outcome.ending is Ending.COMPLETED
    assert "decompose:big" in ports.stages()
    assert "ran out of time" in prompts(ports, Stage.DECOMPOSE)[0]


def test_work_is_split_twice_at_most() -> None:
    outcome, ports = run(Script([row("big")], {"build": BLOCKED}), limits=Limits(failures=99, iterations=99))
    assert outcome.ending is Ending.GAVE_UP
    assert {s for s in ports.stages() if s.startswith("decompose")} == {
        "decompose:big", "decompose:big.1", "decompose:big.2",
    }  # fmt: skip
    assert {t.depth: t.state for t in outcome.state.tickets}[2] is TicketState.ABANDONED
    assert outcome.state.iteration == 14


@pytest.mark.parametrize("answer", ["no", StageEnding.CONTEXT, {"parts": [row("only")]}])
def test_a_ticket_that_cannot_be_split_is_abandoned(answer: Any) -> None:
    outcome, ports = run(Script([row("big"), row("one")], {"build:big": BLOCKED, "decompose": answer}))
    assert outcome.state.ticket("big").state is TicketState.ABANDONED
    assert outcome.state.ticket("one").state is TicketState.ACCEPTED
    assert outcome.ending is Ending.GAVE_UP
    (event,) = [e for e in ports.of(EventKind.TICKET) if e.data["now"] == "abandoned"]
    assert "splitting it brought no answer" in event.data["reason"]


@pytest.mark.parametrize("bad", ["no-such-command", "hangs", "always"])
def test_the_checks_of_parts_are_tried_and_can_be_mended(bad: str) -> None:
    parts = {"parts": [row("x1", "bigx1 in a.txt"), row("x2", bad)]}
    outcome, ports = run(
        Script([row("big")], {"build:big": BLOCKED, "decompose": [parts, None]}), limits=Limits(failures=5)
    )
    assert outcome.ending is Ending.COMPLETED
    assert ports.stages()[3:5] == ["decompose:big", "decompose?:big"]
    (error,) = ports.of(EventKind.ANSWER_INVALID)[0].data["errors"]
    assert error.startswith(f"big.2: its acceptance `{bad}` ")
    tried = [e.data["ticket"] for e in ports.of(EventKind.CHECK) if e.data["when"] == "decompose"]
    assert tried == ["big.1", "big.2"] * 2


@pytest.mark.parametrize("bad", ["no-such-command", "always"])
def test_parts_that_cannot_be_tried_or_all_pass_already_are_not_taken(bad: str) -> None:
    parts = {"parts": [row("x1", "always"), row("x2", bad)]}
    outcome, ports = run(Script([row("big")], {"build:big": BLOCKED, "decompose": parts}), limits=Limits(failures=5))
    assert outcome.ending is Ending.GAVE_UP
    assert outcome.state.ticket("big").state is TicketState.ABANDONED
    assert len(outcome.state.tickets) == 1
    (event,) = [e for e in ports.of(EventKind.TICKET) if e.data["now"] == "abandoned"]
    wanted = "every check of the parts passes already, before any work: big.1, big.2"
    assert (wanted if bad == "always" else "cannot be run today") in event.data["reason"]


def test_parts_of_which_one_passes_already_are_taken_after_the_repair() -> None:
    parts = {"parts": [row("x1", "always"), row("x2", "bigx2 in a.txt")]}
    outcome, _ = run(Script([row("big")], {"build:big": BLOCKED, "decompose": parts}), limits=Limits(failures=5))
    assert outcome.ending is Ending.COMPLETED
    assert outcome.state.ticket("big.1").state is TicketState.ALREADY_SATISFIED


# Checks before the work


def test_what_passes_before_the_work_earns_nothing() -> None:
    outcome, ports = run(Script([row("free", "always"), row("one")]))
    assert outcome.ending is Ending.COMPLETED
    sums = work_of(outcome.state, files_changed=1, lines_added=1, lines_removed=1)
    assert (sums.accepted, sums.already_satisfied, sums.iterations, sums.commits) == (1, 1, 1, 1)
    assert "build:free" not in ports.stages()


def test_the_check_is_run_again_just_before_the_work() -> None:
    """What one ticket did may have satisfied the next."""
    outcome, _ = run(Script([row("one"), row("same", "one in a.txt")]))
    assert outcome.state.ticket("same").state is TicketState.ALREADY_SATISFIED


def test_a_check_that_passes_without_any_change_earns_nothing() -> None:
    checks = iter([False, False, True])

    def flaky(acceptance: Any) -> Any:
        from ralphbench.loop import CheckResult

        return CheckResult(passed := next(checks), 0 if passed else 1, False, 0.0, "")

    outcome, ports = run(Script([row("one")], {"build": DONE}), on_check=flaky)
    assert outcome.state.ticket("one").state is TicketState.ALREADY_SATISFIED
    assert ports.stages() == ["plan:-", "build:one"]
    assert not ports.workspace.history()
    assert ports.of(EventKind.ITERATION_ENDED)[0].data["outcome"] == "already_satisfied"


def test_a_check_cannot_do_the_work_itself() -> None:
    outcome, ports = run(Script([row("sly", "writes b.txt"), row("one")], {"build:sly": BLOCKED}))
    assert "b.txt" not in ports.workspace.files
    assert {"b.txt"} == {p for e in ports.of(EventKind.TREE_RESTORED) for p in e.data["paths"]}
    assert outcome.state.ticket("sly").state is not TicketState.ACCEPTED


def test_a_check_after_the_work_leaves_the_work_as_it_was_built() -> None:
    seen = []

    def check(acceptance: Any) -> Any:
        from ralphbench.loop import CheckResult

        passed = "one" in ports.workspace.files["a.txt"].split()
        seen.append(passed)
        ports.workspace.files["junk"] = "x"
        return CheckResult(passed, 0 if passed else 1, False, 0.0, "")

    ports = MemoryPorts(Script([row("one")]), on_check=check)
    run(ports.agent, ports=ports)
    assert seen == [False, False, True]
    assert ports.workspace.files == {"a.txt": "old one"}


def test_a_shared_plans_check_that_cannot_run_is_told() -> None:
    _, ports = run(Script(), plan=[ticket("odd", "no-such-command")], limits=Limits(iterations=1))
    assert "the check of odd cannot be run (exit 127)" in ports.of(EventKind.WARNING)[0].data["text"]


# Stages that may not write


@pytest.mark.parametrize("stage", ["plan", "verify", "investigate", "decompose"])
def test_only_builders_may_change_the_tree(stage: str) -> None:
    special: dict[str, Any] = {"build:one:1": {**BLOCKED, "issues": [ODD]}, "verify:one:2": REJECT}
    answers = {"verify": REJECT}
    special[stage] = writes("sneaky.txt", answers.get(stage))
    outcome, ports = run(Script([row("one")], special), limits=Limits(failures=3))
    restored = ports.of(EventKind.TREE_RESTORED)
    assert {e.data["stage"] for e in restored} == {stage}
    assert all(e.data["paths"] == ["sneaky.txt"] for e in restored)
    assert "sneaky.txt" not in ports.workspace.files
    accepted = [files for _, message, files in ports.workspace.commits.values() if message.startswith("accept")]
    assert all("sneaky.txt" not in files for files in accepted)
    assert outcome.ending in (Ending.COMPLETED, Ending.FAILURES)


def test_of_many_files_that_were_changed_the_first_are_named_and_all_are_counted() -> None:
    def installs(asked: Asked, files: dict[str, str]) -> Any:
        files.update({f"lib/{number:04}.txt": "x" for number in range(200)})
        return ACCEPT

    _, ports = run(Script([row("one")], {"verify": installs}))
    told = ports.of(EventKind.TREE_RESTORED)[0].data
    assert (len(told["paths"]), told["count"]) == (50, 200)


def test_what_a_reviewer_changes_is_not_accepted_with_the_work() -> None:
    outcome, ports = run(Script([row("one")], {"verify": writes("a.txt", ACCEPT)}))
    assert outcome.ending is Ending.COMPLETED
    assert ports.workspace.commits[outcome.commit][2] == {"a.txt": "old one"}


# Answers and their repair


def test_one_repair_in_the_same_session_with_the_errors() -> None:
    bad = {"tickets": [row("a b"), row("c", "no-such-command")]}
    outcome, ports = run(Script([row("one")], {"plan": [bad, None]}))
    assert outcome.ending is Ending.COMPLETED
    first, repair = ports.asked[:2]
    assert (repair.repair, repair.session) == (True, "s1")
    assert repair.prompt.splitlines()[0] == first.prompt.splitlines()[0]
    assert "tickets[0].id: expected" in repair.prompt
    assert first.prompt[200:400] not in repair.prompt
    (event,) = ports.of(EventKind.ANSWER_INVALID)
    assert (event.data["stage"], event.data["final"]) == ("plan", False)
    assert outcome.state.repairs == 1


def test_every_answer_is_judged_whatever_the_agent_thinks_of_itself() -> None:
    """A first answer that needed a repair was no output; what ended otherwise has no answer to be judged."""
    special = {
        "plan": ["Let me think.", None],
        "build:one:1": BLOCKED,
        "build:one:2": [StageEnding.AGENT_CRASH, None],
        "verify:one": StageResult(StageEnding.BLOCKED, json.dumps(ACCEPT)),
        "build:two:1": StageEnding.STAGE_TIMEOUT,
        "verify:two": [StageEnding.NO_OUTPUT, None],
    }
    outcome, ports = run(Script([row("one"), row("two")], special))
    assert outcome.ending is Ending.COMPLETED
    assert [(e.data["stage_id"], e.data["ending"]) for e in ports.of(EventKind.STAGE_JUDGED)] == [
        ("0-plan-1", "no_output"), ("0-plan-2", "done"), ("1-build-3", "blocked"), ("2-build-5", "done"),
        ("2-verify-6", "done"), ("4-build-8", "done"), ("4-verify-9", "no_output"), ("4-verify-10", "done"),
    ]  # fmt: skip


def test_an_agent_without_sessions_is_told_everything_again() -> None:
    bad = {"status": "finished", "summary": "Well."}
    _, ports = run(Script([row("one")], {"build": [bad, DONE]}), sessions=False)
    repair = next(a for a in ports.asked if a.repair)
    assert repair.session is None
    assert "You are the builder" in repair.prompt
    assert '"finished"' in repair.prompt
    assert repair.prompt.count("<!-- ralphbench stage=") == 1


def test_there_is_no_second_repair() -> None:
    _, ports = run(Script([row("one")], {"build": "Nope."}), limits=Limits(failures=1))
    assert ports.stages() == ["plan:-", "build:one", "build?:one"]
    assert [e.data["final"] for e in ports.of(EventKind.ANSWER_INVALID)] == [False, True]


def test_the_work_of_a_builder_whose_answer_had_to_be_repaired_counts() -> None:
    def forgets(asked: Asked, files: dict[str, str]) -> str:
        work(asked, files)
        return "Done!"

    outcome, _ = run(Script([row("one")], {"build": [forgets, DONE]}))
    assert outcome.ending is Ending.COMPLETED


def test_a_plans_checks_must_be_runnable_at_base() -> None:
    bad = {
        "tickets": [row("one", "no-such-command"), row("two", "exit 126"), row("three", "hangs"), row("four", "always")]
    }
    _, ports = run(Script([row("one")], {"plan": [bad, None]}))
    repair = ports.asked[1].prompt
    assert "one: its acceptance `no-such-command` cannot be run today: exit status 127, not found" in repair
    assert "two: its acceptance `exit 126` cannot be run today: exit status 126, not executable" in repair
    assert "three: its acceptance `hangs` did not end" in repair
    assert "four: its acceptance `always` passes already, before any work" in repair


def test_a_planner_is_told_of_checks_that_pass_already_and_can_mend_them() -> None:
    first = {"tickets": [row("one", "old in a.txt"), row("two")]}
    outcome, ports = run(Script([row("one"), row("two")], {"plan": [first, None]}))
    assert outcome.ending is Ending.COMPLETED
    assert ports.stages()[:3] == ["plan:-", "plan?:-", "build:one"]
    (refused,) = ports.of(EventKind.ANSWER_INVALID)
    (error,) = refused.data["errors"]
    assert error.startswith("one: its acceptance `old in a.txt` passes already, before any work.")


def test_a_repaired_plan_in_which_some_checks_still_pass_is_taken() -> None:
    outcome, ports = run(Script([row("free", "always"), row("one")]))
    assert outcome.ending is Ending.COMPLETED
    assert ports.stages() == ["plan:-", "plan?:-", "build:one", "verify:one"]
    assert outcome.state.ticket("free").state is TicketState.ALREADY_SATISFIED


def test_the_echo_of_an_example_is_no_answer() -> None:
    def echoes(asked: Asked, files: dict[str, str]) -> str:
        work(asked, files)
        return asked.prompt

    outcome, ports = run(Script([row("one")], {"verify": echoes}), limits=Limits(failures=1))
    assert (outcome.ending, outcome.cause) == (Ending.FAILURES, StageEnding.NO_OUTPUT)
    assert "the example of the instructions" in ports.of(EventKind.ANSWER_INVALID)[0].data["errors"][0]


def test_unknown_keys_of_an_answer_are_noted() -> None:
    _, ports = run(Script([row("one")], {"build": builds_and({**DONE, "mood": "good"})}))
    assert ports.of(EventKind.WARNING)[0].data["text"] == "build answer: unknown keys were ignored: mood"


# Issues


def test_issues_become_tickets_or_are_dropped_each_with_its_reason() -> None:
    issues = [ODD, {"title": "Ugly", "detail": "It is ugly."}]
    found = {"tickets": [row("new")], "dropped": [{"issue": "issue-2", "reason": "Taste."}]}
    special = {"build:one": builds_and({**DONE, "issues": issues}), "investigate": found}
    outcome, ports = run(Script([row("one")], special))
    assert outcome.ending is Ending.COMPLETED
    assert ports.stages() == ["plan:-", "build:one", "verify:one", "investigate:one", "build:i1.1", "verify:i1.1"]
    told = [(e.data["title"], e.data["now"], e.data["reason"]) for e in ports.of(EventKind.ISSUE)]
    assert told == [
        ("Odd", "open", None),
        ("Ugly", "open", None),
        ("Odd", "ticket", None),
        ("Ugly", "dropped", "Taste."),
    ]
    assert outcome.state.issues_raised == 2


@pytest.mark.parametrize(("first", "repair"), [("One.", "both"), ("ticket", "both"), ("ticket", "ticket")])
def test_an_issue_that_nobody_answered_is_not_called_a_ticket(first: str, repair: str) -> None:
    issues = [ODD, {"title": "Ugly", "detail": "It is ugly."}]
    answers = {
        "One.": "I will look into it.",
        "ticket": {"tickets": [row("new", issues=["issue-1"])]},
        "both": {"tickets": [row("new", issues=["issue-1", "issue-2"])]},
    }
    special = {"build:one": builds_and({**DONE, "issues": issues}), "investigate": [answers[first], answers[repair]]}
    outcome, ports = run(Script([row("one")], special))
    assert outcome.ending is Ending.COMPLETED
    assert "investigate?:one" in ports.stages()
    errors = ports.of(EventKind.ANSWER_INVALID)[0].data["errors"]
    assert first != "ticket" or errors == ["issue-2: neither dropped nor made into a ticket that names it"]
    told = {e.data["title"]: (e.data["now"], e.data["reason"]) for e in ports.of(EventKind.ISSUE)}
    left = ("unanswered", "neither dropped nor made into a ticket")
    assert told == {"Odd": ("ticket", None), "Ugly": ("ticket", None) if repair == "both" else left}
    assert outcome.state.dropped == (), "it may be raised again"


def test_the_checks_of_an_issues_ticket_are_tried_and_can_be_mended() -> None:
    bad = {"tickets": [row("new", "no-such-command"), row("more", "one in a.txt")]}
    good = {"tickets": [row("new")]}
    special = {"build:one": builds_and({**DONE, "issues": [ODD]}), "investigate": [bad, good]}
    outcome, ports = run(Script([row("one")], special))
    assert outcome.ending is Ending.COMPLETED
    assert ports.stages()[3:] == ["investigate:one", "investigate?:one", "build:i1.1", "verify:i1.1"]
    errors = ports.of(EventKind.ANSWER_INVALID)[0].data["errors"]
    assert errors[0].startswith("i1.1: its acceptance `no-such-command` cannot be run today")
    assert errors[1].startswith("i1.2: its acceptance `one in a.txt` passes already, before any work")


def test_a_ticket_for_an_issue_whose_check_still_passes_is_dropped_with_what_it_was_for() -> None:
    issues = [ODD, {"title": "Ugly", "detail": "It is ugly."}]
    rows = [
        row("done", "one in a.txt", issues=["issue-1", "issue-2"]),
        row("new", issues=["issue-2"], depends_on=["done"]),
    ]
    special = {"build:one": builds_and({**DONE, "issues": issues}), "investigate": {"tickets": rows}}
    outcome, ports = run(Script([row("one")], special))
    assert outcome.ending is Ending.COMPLETED
    assert [t.state for t in outcome.state.tickets] == [
        TicketState.ACCEPTED, TicketState.DROPPED, TicketState.ACCEPTED
    ]  # fmt: skip
    told = {e.data["title"]: (e.data["now"], e.data["reason"]) for e in ports.of(EventKind.ISSUE)}
    why = "the check of its ticket i1.1 passes already, before any work"
    assert told == {"Odd": ("dropped", why), "Ugly": ("ticket", None)}
    (event,) = [e for e in ports.of(EventKind.TICKET) if e.data["now"] == "dropped"]
    assert event.data["reason"] == "issue; its check passes already, before any work"


def test_a_ticket_for_an_issue_that_can_never_be_checked_is_not_taken() -> None:
    found = {"tickets": [row("new", "no-such-command")]}
    special = {"build:one": builds_and({**DONE, "issues": [ODD]}), "investigate": found}
    outcome, ports = run(Script([row("one")], special))
    assert outcome.ending is Ending.COMPLETED
    assert len(outcome.state.tickets) == 1
    last = ports.of(EventKind.ISSUE)[-1].data
    assert last["now"] == "unanswered"
    assert "cannot be run today" in last["reason"]


def test_issues_of_the_reviewer_count_also_where_the_work_is_rejected() -> None:
    _, ports = run(Script([row("one")], {"verify:one:1": {**REJECT, "issues": [ODD]}}))
    assert "investigate:one" in ports.stages()


def test_an_unanswered_investigation_closes_nothing_silently() -> None:
    special = {"build:one": builds_and({**DONE, "issues": [ODD]}), "investigate": StageEnding.CONTEXT}
    outcome, ports = run(Script([row("one")], special))
    assert outcome.ending is Ending.COMPLETED
    last = ports.of(EventKind.ISSUE)[-1].data
    assert (last["now"], last["reason"]) == ("unanswered", "context: it was context")
    assert outcome.state.dropped == ()


def test_a_dropped_issue_is_not_investigated_again() -> None:
    special = {name: builds_and({**DONE, "issues": [{"title": t, "detail": "x"}]}) for name, t in
               (("build:one", "Odd"), ("build:two", " ODD"))}  # fmt: skip
    outcome, ports = run(Script([row("one"), row("two")], special))
    assert [s for s in ports.stages() if s.startswith("investigate")] == ["investigate:one"]
    assert outcome.state.issues_raised == 1


def test_each_of_several_issues_is_kept_apart() -> None:
    issues = [{"title": f"Issue {k}", "detail": "x"} for k in range(5)]
    _, ports = run(Script([row("one")], {"build": builds_and({**DONE, "issues": [*issues, issues[0]]})}))
    assert len([e for e in ports.of(EventKind.ISSUE) if e.data["now"] == "open"]) == 5


# Plans


def test_a_shared_plan_is_not_asked_for_and_its_origin_is_recorded() -> None:
    plan = [ticket("one"), ticket("two", depends_on=("one",))]
    outcome, ports = run(Script(), plan=plan)
    assert outcome.ending is Ending.COMPLETED
    assert "plan:-" not in ports.stages()
    ready = ports.of(EventKind.PLAN_READY)[0].data
    assert (ready["by"], ready["hash"]) == ("somebody", plan_hash(plan))
    assert (outcome.state.plan_by, outcome.state.plan_hash) == ("somebody", plan_hash(plan))


def test_an_own_plan_is_nobody_elses() -> None:
    outcome, ports = run(Script([row("one")]))
    assert outcome.state.plan_by is None
    assert ports.of(EventKind.PLAN_READY)[0].data["hash"] == outcome.state.plan_hash


# Claims and commits


def test_the_last_review_says_what_is_claimed() -> None:
    the_task = task(phases=("a", "b"))
    answers = [
        {"accept": True, "reason": "x", "complete": {"a": True, "b": False}},
        {"accept": True, "reason": "x", "complete": {"a": True, "b": True}},
    ]
    outcome, _ = run(Script([row("one"), row("two")], {"verify": answers}), the_task=the_task)
    assert outcome.state.claims == {"a": True, "b": True}


def test_nothing_is_claimed_where_no_review_answered() -> None:
    outcome, _ = run(Script([row("one")], {"verify": StageEnding.CONTEXT}))
    assert outcome.state.claims is None


def test_commits_say_what_happened() -> None:
    outcome, ports = run(Script([row("one", title="Rename   the\nheap " + "x" * 120)], {"verify:one:1": REJECT}))
    _, message, _ = ports.workspace.commits[outcome.commit]
    subject, blank, *body = message.splitlines()
    assert subject.startswith("accept one: Rename the heap xxx")
    assert len(subject) <= 100
    assert blank == ""
    assert body == [
        "Iteration: 2, try 2", "Stages: build, verify", "Check: one in a.txt -> exit 0", "Verdict: It does what it says."
    ]  # fmt: skip


def test_all_work_is_counted() -> None:
    special = {
        "build:big": BLOCKED,
        "build:one": builds_and({**DONE, "issues": [ODD]}),
        "build:two": [builds_and("Done."), DONE],
    }
    plan = [row("one"), row("two"), row("free", "always"), row("big")]
    outcome, _ = run(Script(plan, special), limits=Limits(failures=9))
    sums = work_of(outcome.state, files_changed=3, lines_added=10, lines_removed=4)
    assert (sums.tickets, sums.accepted, sums.already_satisfied, sums.decomposed) == (6, 4, 1, 1)
    assert (sums.rejected, sums.abandoned, sums.issues, sums.commits, sums.repairs) == (2, 0, 1, 4, 2)
    assert (sums.iterations, sums.files_changed, sums.lines_added, sums.lines_removed) == (6, 3, 10, 4)
