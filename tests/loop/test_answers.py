"""Answers: strict about types and meaning, with errors that can be mended."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loop_support import row, ticket

from ralphbench.loop.answers import (
    read_build,
    read_decompose,
    read_investigate,
    read_plan,
    read_verify,
)
from ralphbench.loop.render import EXAMPLES, example
from ralphbench.loop.shapes import MAX_PLAN
from ralphbench.model import Acceptance, Issue, Stage, TicketState


def errors(tickets: list[Any]) -> str:
    return "\n".join(read_plan({"tickets": tickets}).errors)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (row("a b"), "tickets[0].id: expected"),
        (row(""), "tickets[0].id: expected"),
        (row("a.1"), "tickets[0].id: expected"),
        (row("x" * 33), "tickets[0].id: expected"),
        ({**row("a"), "title": "  "}, "tickets[0].title: expected"),
        ({**row("a"), "title": "x" * 201}, "tickets[0].title: expected"),
        ({**row("a"), "detail": "x" * 8001}, "tickets[0].detail: expected"),
        ({k: v for k, v in row("a").items() if k != "acceptance"}, "missing required field `acceptance`"),
        ({**row("a"), "acceptance": "make test"}, "tickets[0].acceptance: expected `object`, got `str`"),
        ({**row("a"), "acceptance": {"run": "x" * 4001}}, "tickets[0].acceptance.run: expected"),
        ({**row("a"), "acceptance": {"run": "x", "expect": {"exit": "0"}}}, "expect.exit: expected `int`, got `str`"),
        ({**row("a"), "acceptance": {"run": "x", "expect": {"exit": True}}}, "expect.exit: expected `int`, got `bool`"),
        ({**row("a"), "acceptance": {"run": "x", "expect": {"exit": 256}}}, "expect.exit: expected `int` <= 255"),
        ({**row("a"), "acceptance": {"run": "x", "expect": {"stdout": "("}}}, "'(' is not a regular expression"),
        ({**row("a"), "acceptance": {"run": "x\0y"}}, "acceptance.run: holds a NUL character"),
        (row("a", priority="high"), "tickets[0].priority: expected"),
        (row("a", depends_on="b"), "tickets[0].depends_on: expected `array`, got `str`"),
        (row("a", depends_on=["b"]), "a: depends on 'b', and there is no such ticket"),
        (row("a", depends_on=["a"]), "dependencies in a circle: a -> a"),
        ("a", "tickets[0]: expected `object`, got `str`"),
    ],
)
def test_a_bad_ticket_is_named_with_its_place(bad: Any, said: str) -> None:
    assert said in errors([bad])


def test_every_error_of_a_plan_is_told_at_once() -> None:
    said = errors([row("a b"), row("ok"), 7, row("ok")])
    assert "tickets[0].id" in said
    assert "tickets[2]: expected `object`" in said
    assert "'ok' is used twice" in said


def test_every_error_of_a_ticket_is_told_at_once() -> None:
    bad = {
        "id": "a b",
        "title": " ",
        "acceptance": {"run": "x\0y", "expect": {"exit": "0", "stdout": "("}},
        "priority": -1,
    }
    assert errors([bad, row("c", depends_on=["a b", "d"])]).splitlines() == [
        "tickets[0].id: expected `str` matching regex '^[A-Za-z0-9_-]{1,32}$'",
        "tickets[0].title: expected `str` matching regex '\\\\S'",
        "tickets[0].acceptance.expect.exit: expected `int`, got `str`",
        "tickets[0].priority: expected `int` >= 0",
        "tickets[0]: object missing required field `detail`",
        "tickets[0].acceptance.run: holds a NUL character",
        "tickets[0].acceptance.expect.stdout: '(' is not a regular expression: missing ), unterminated subpattern at "
        "position 0",
        "c: depends on 'd', and there is no such ticket",
    ]


def test_every_error_of_a_verdict_is_told_at_once() -> None:
    bad = {"accept": "yes", "complete": {"a": "no", "b": True, "c": 1}, "issues": [{"title": "x"}, "y"]}
    assert read_verify(bad, ["a", "b", "d"]).errors == (
        "accept: expected `bool`, got `str`",
        "complete.a: expected `bool`, got `str`",
        "complete.c: expected `bool`, got `int`",
        "the object: object missing required field `reason`",
        "complete: 'd' is missing",
        "issues[0]: object missing required field `detail`",
        "issues[1]: expected `object`, got `str`",
    )


def test_every_error_of_the_other_answers_is_told_at_once() -> None:
    assert read_build({"status": "finished", "issues": [{}]}).errors == (
        "the object: object missing required field `summary`",
        "status: 'finished' is none of 'done', 'blocked'",
        "issues[0]: object missing required field `title`",
        "issues[0]: object missing required field `detail`",
    )
    read = read_investigate({"tickets": 7, "dropped": [{"issue": "issue-9", "reason": "x"}, 7]}, ISSUES, (), "i1")
    assert read.errors == (
        "tickets: expected `array`, got `int`",
        "dropped[0].issue: 'issue-9' is none of issue-1, issue-2, issue-3",
        "dropped[1]: expected `object`, got `int`",
    )
    parts = read_decompose({"parts": [{**row("a"), "title": 1}]}, ticket("t1"), [ticket("t1")])
    assert parts.errors == ("parts: expected `array` of length >= 2", "parts[0].title: expected `str`, got `int`")


def test_the_errors_of_an_answer_have_an_end() -> None:
    read = read_build({"status": "done", "summary": "x", "issues": ["y"] * 5000})
    assert len(read.errors) == 41
    assert read.errors[-1] == "and 4961 more"
    (error,) = read_plan({"tickets": [row("a", depends_on=["b" * 10_000])]}).errors
    assert len(error) < 600


def test_what_may_be_left_out_may_be_nothing() -> None:
    """An empty pattern is found everywhere, as none is."""
    empty = {**row("a"), "depends_on": None, "priority": None}
    empty["acceptance"] = {"run": "x", "expect": {"stdout": ""}}
    plan = read_plan({"tickets": [empty, {**row("b"), "acceptance": {"run": "x", "expect": None}}]})
    assert plan.answer is not None, plan.errors
    first, second = plan.answer.tickets
    assert first.depends_on == ()
    assert first.acceptance == second.acceptance == Acceptance("x")
    build = read_build({"status": "done", "summary": "x", "issues": None})
    assert build.answer is not None
    assert build.answer.issues == ()
    found = read_investigate({"tickets": None, "dropped": [{"issue": "issue-1", "reason": "x"}]}, ISSUES[:1], (), "i1")
    assert found.answer is not None


@pytest.mark.parametrize(
    ("read", "answer"),
    [
        (read_plan, {"tickets": None}),
        (read_build, {"status": "done", "summary": None}),
        (read_plan, {"tickets": [{**row("a"), "acceptance": {"run": "x", "expect": {"exit": None}}}]}),
        (read_plan, {"tickets": [{**row("a"), "acceptance": None}]}),
    ],
)
def test_what_has_to_be_said_may_not_be_nothing(read: Any, answer: Any) -> None:
    assert read(answer).errors


def test_circles_and_unknown_dependencies_are_errors_of_the_plan() -> None:
    said = errors([row("a", depends_on=["b"]), row("b", depends_on=["c"]), row("c", depends_on=["a"])])
    assert "dependencies in a circle: a -> b -> c -> a" in said


def test_a_plan_has_at_most_sixty_tickets() -> None:
    assert not errors([row(f"t{k}") for k in range(MAX_PLAN)])
    assert "61 are too many" in errors([row(f"t{k}") for k in range(MAX_PLAN + 1)])


def test_an_empty_plan_is_an_answer() -> None:
    read = read_plan({"tickets": []})
    assert read.answer is not None
    assert read.answer.tickets == ()


def test_unknown_keys_are_ignored_and_named() -> None:
    odd = {**row("a"), "owner": "me", "acceptance": {"run": "x", "shell": "zsh", "expect": {"exit": 1, "stderr": "y"}}}
    read = read_plan({"tickets": [odd], "thoughts": "..."})
    assert read.answer is not None
    assert read.answer.tickets[0].acceptance.exit == 1
    assert set(read.ignored) == {
        "thoughts",
        "tickets[0].owner",
        "tickets[0].acceptance.shell",
        "tickets[0].acceptance.expect.stderr",
    }


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": "finished", "summary": "x"}, "status: 'finished' is none of 'done', 'blocked'"),
        ({"status": True, "summary": "x"}, "status"),
        ({"status": "done"}, "missing required field `summary`"),
        ({"status": "done", "summary": ""}, "summary"),
        ({"status": "done", "summary": "x", "issues": ["it is odd"]}, "issues[0]: expected `object`, got `str`"),
        ({"status": "done", "summary": "x", "issues": [{"title": "", "detail": "y"}]}, "issues[0].title"),
        (
            {"status": "done", "summary": "x", "issues": [{"name": "x", "detail": "y"}]},
            "missing required field `title`",
        ),
    ],
)
def test_a_build_answer_is_not_guessed_at(answer: dict[str, Any], said: str) -> None:
    read = read_build(answer)
    assert read.answer is None
    assert said in "\n".join(read.errors)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"accept": "true", "reason": "x", "complete": {"task": True}}, "accept: expected `bool`, got `str`"),
        ({"accept": 1, "reason": "x", "complete": {"task": True}}, "accept: expected `bool`, got `int`"),
        ({"accept": False, "reason": " ", "complete": {"task": True}}, "reason"),
        ({"accept": True, "reason": "x"}, "missing required field `complete`"),
        ({"accept": True, "reason": "x", "complete": {}}, "complete: 'task' is missing"),
        ({"accept": True, "reason": "x", "complete": {"task": "yes"}}, "complete"),
    ],
)
def test_a_verdict_is_not_guessed_at(answer: dict[str, Any], said: str) -> None:
    read = read_verify(answer, ["task"])
    assert read.answer is None
    assert said in "\n".join(read.errors)


def test_claims_are_of_known_phases_alone() -> None:
    read = read_verify(
        {"accept": True, "reason": "x", "complete": {"one": True, "two": False, "six": True}}, ["one", "two"]
    )
    assert read.answer is not None
    assert read.answer.complete == {"one": True, "two": False}
    assert read.ignored == ("complete.six",)


ISSUES = (Issue("First", "a"), Issue("Second", "b"), Issue("Third", "c"))


def test_every_issue_is_answered_for() -> None:
    first, second, third = ISSUES
    dropped = [{"issue": "issue-1", "reason": "No."}]
    tickets = [row("new", issues=["issue-3", "issue-2"]), row("more", issues=["issue-3"])]
    read = read_investigate({"tickets": tickets, "dropped": dropped}, ISSUES, (), "i4")
    assert read.answer is not None
    assert read.answer.dropped == ((first, "No."),)
    assert [(t.id, t.source) for t in read.answer.tickets] == [("i4.1", "issue"), ("i4.2", "issue")]
    assert read.answer.serves == {"i4.1": (second, third), "i4.2": (third,)}
    assert not read.answer.left
    assert not read.ignored


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ({"tickets": [], "dropped": [{"issue": "issue-1", "reason": "No."}]}, ["issue-2", "issue-3"]),
        ({"tickets": [row("new", issues=["issue-2"])]}, ["issue-1", "issue-3"]),
        ({"tickets": [row("new")], "dropped": [{"issue": "issue-1", "reason": "No."}]}, ["issue-2", "issue-3"]),
        ({"tickets": [row("new"), row("one", issues=["issue-1", "issue-2"])]}, []),
    ],
)
def test_what_no_ticket_names_and_nobody_drops_is_left(answer: dict[str, Any], left: list[str]) -> None:
    """A ticket that names nothing is for the one issue that is left over, and for none of several."""
    read = read_investigate(answer, ISSUES, (), "i4")
    assert read.answer is not None
    assert list(read.answer.left) == left


def test_an_issue_is_not_both_dropped_and_kept_and_none_is_made_up() -> None:
    answer = {"tickets": [row("n", issues=["issue-1", "issue-4"])], "dropped": [{"issue": "issue-1", "reason": "No."}]}
    read = read_investigate(answer, ISSUES, (), "i4")
    assert read.errors == (
        "n: its issue 'issue-4' is none of issue-1, issue-2, issue-3",
        "issue-1: both dropped and made into a ticket",
    )


def test_an_issue_that_was_never_raised_cannot_be_dropped() -> None:
    read = read_investigate({"dropped": [{"issue": "First", "reason": "x"}]}, ISSUES, (), "i4")
    assert "'First' is none of issue-1, issue-2, issue-3" in read.errors[0]


def test_parts_take_ids_depth_and_dependencies_of_their_own() -> None:
    parent = ticket("t1", priority=7, depth=1)
    known = [parent, ticket("t0")]
    read = read_decompose(
        {"parts": [row("a", depends_on=["t0"]), row("b", depends_on=["a"], priority=1)]}, parent, known
    )
    assert read.answer is not None, read.errors
    first, second = read.answer.tickets
    assert (first.id, first.parent, first.depth, first.priority, first.depends_on) == ("t1.1", "t1", 2, 7, ("t0",))
    assert (second.id, second.priority, second.depends_on) == ("t1.2", 1, ("t1.1",))
    assert {t.source for t in read.answer.tickets} == {"decompose"}


def test_the_id_of_a_new_ticket_cannot_be_mistaken_for_an_old_one() -> None:
    read = read_decompose(
        {"parts": [row("t0"), row("b", depends_on=["t0"])]}, ticket("t1"), [ticket("t1"), ticket("t0")]
    )
    assert read.errors == ("parts: two tickets are called 't0': give the new one another id",)
    read = read_decompose({"parts": [row("t0"), row("b")]}, ticket("t1"), [ticket("t1"), ticket("t0")])
    assert read.answer is not None
    assert [t.id for t in read.answer.tickets] == ["t1.1", "t1.2"]


@pytest.mark.parametrize("count", [0, 1, 6])
def test_a_ticket_has_two_to_five_parts(count: int) -> None:
    read = read_decompose({"parts": [row(f"p{k}") for k in range(count)]}, ticket("t1"), [ticket("t1")])
    assert read.answer is None
    assert "parts: expected `array` of length" in read.errors[0]


def test_a_part_cannot_wait_for_what_waits_for_it() -> None:
    known = [ticket("t1"), ticket("t2", depends_on=("t1",))]
    read = read_decompose({"parts": [row("a", depends_on=["t2"]), row("b")]}, known[0], known)
    assert "dependencies in a circle" in read.errors[0]
    read = read_decompose({"parts": [row("a", depends_on=["t1"]), row("b")]}, known[0], known)
    assert "dependencies in a circle" in read.errors[0]


def test_new_work_cannot_wait_for_what_was_abandoned() -> None:
    known = [ticket("t1", state=TicketState.ABANDONED), ticket("t2", depends_on=("t1",))]
    read = read_investigate({"tickets": [row("n", depends_on=["t2"])]}, ISSUES, known, "i1")
    assert read.errors == ("i1.1: depends on 't2', which was abandoned",)


@pytest.mark.parametrize("stage", list(Stage))
def test_the_examples_of_the_prompts_are_of_the_right_shape(stage: Stage) -> None:
    shown = example(stage, ["task"])
    known = [ticket("p")]
    read: Any = {
        Stage.PLAN: lambda: read_plan(shown),
        Stage.BUILD: lambda: read_build(shown),
        Stage.VERIFY: lambda: read_verify(shown, ["task"]),
        Stage.INVESTIGATE: lambda: read_investigate(shown, ISSUES[:2], known, "i1"),
        Stage.DECOMPOSE: lambda: read_decompose(shown, known[0], known),
    }[stage]()
    assert read.answer is not None, read.errors
    assert not read.ignored
    assert set(EXAMPLES) == set(Stage)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["tickets", "id", "title", "acceptance", "run", "expect", "stdout", "parts", "dropped"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["tickets", "parts", "status", "accept", "dropped", "issues"]), _json, max_size=4)
)
def test_whatever_is_answered_is_read_or_refused_with_errors(value: dict[str, Any]) -> None:
    parent = ticket("p")
    for read in (
        read_plan(value),
        read_build(value),
        read_verify(value, ["task"]),
        read_investigate(value, ISSUES, [parent], "i1"),
        read_decompose(value, parent, [parent]),
    ):
        assert (read.answer is None) == bool(read.errors)
