"""What opencode says, from recorded lines: no opencode needed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ralphbench.agents.opencode_events import OpencodeReader
from ralphbench.model import AgentEvent, StageEnding

TEXT = {"type": "text", "timestamp": 1795232200177, "sessionID": "ses_1", "part": {"type": "text", "text": "Looking."}}
TOOL = {
    "type": "tool_use",
    "timestamp": 1795232200346,
    "sessionID": "ses_1",
    "part": {
        "type": "tool",
        "callID": "call_1",
        "tool": "bash",
        "state": {
            "status": "completed",
            "input": {"command": "ls"},
            "output": "a\n",
            "metadata": {"exit": 2, "truncated": False},
            "time": {"start": 1795232200162, "end": 1795232200346},
        },
    },
}


def step(reason: str) -> dict[str, Any]:
    return {"type": "step_finish", "timestamp": 1, "sessionID": "ses_1", "part": {"reason": reason, "cost": 0}}


def error(name: str, message: str = "m") -> dict[str, Any]:
    return {
        "type": "error",
        "timestamp": 1,
        "sessionID": "ses_1",
        "error": {"name": name, "data": {"message": message}},
    }


START = {"type": "step_start", "timestamp": 1, "sessionID": "ses_1", "part": {}}


def read(*events: dict[str, Any]) -> tuple[OpencodeReader, list[AgentEvent]]:
    reader = OpencodeReader()
    found = []
    for event in events:
        said = reader.read(json.dumps(event).encode())
        assert said is not None
        found += said
    return reader, found


def test_a_tool_is_a_call_and_a_result_with_its_time_and_exit() -> None:
    reader, (call, result) = read(TOOL)
    assert (call.kind, call.tool, call.call_id, call.arguments) == ("tool_call", "bash", "call_1", {"command": "ls"})
    assert call.t == 1795232200.162
    assert (result.kind, result.text, result.exit, result.failed) == ("tool_result", "a\n", 2, False)
    assert result.seconds == pytest.approx(0.184)
    assert (reader.session, reader.finished) == ("ses_1", False)


def test_a_failed_tool_says_why() -> None:
    state = {"status": "error", "input": {}, "error": "denied", "time": {"start": 1000}}
    _, (_, result) = read({**TOOL, "part": {**TOOL["part"], "state": state}})
    assert (result.failed, result.text, result.seconds, result.exit) == (True, "denied", None, None)


SUMMARY = {**TEXT, "part": {"type": "text", "text": "What has been said so far."}}
OVERFLOWN = [error("ContextOverflowError"), START, SUMMARY, step("stop")]
"""As it is seen where a session was gone on with: its last prompt is then put again, without a word of that."""
GO_ON = {
    **TEXT,
    "part": {"type": "text", "text": "Continue.", "synthetic": True, "metadata": {"compaction_continue": True}},
}
DONE = {**TEXT, "part": {"type": "text", "text": "Done."}}


def test_a_summary_of_the_conversation_is_no_answer_and_not_the_end() -> None:
    """It says `stop` after it, and the next answer may take as long as it will."""
    before = [START, TEXT, TOOL, step("tool-calls")]
    reader, events = read(*before, START, SUMMARY, step("stop"), GO_ON)
    assert not reader.finished
    assert events[-1].kind == "notice"
    outcome = reader.outcome(None)
    assert (outcome.ending, outcome.text) == (StageEnding.AGENT_CRASH, "Looking.")
    reader, _ = read(*before, START, SUMMARY, step("stop"), GO_ON, START, DONE, step("stop"))
    assert reader.finished
    assert (reader.outcome(0).ending, reader.outcome(0).text) == (StageEnding.DONE, "Done.")


def test_after_an_overflow_the_next_step_is_a_summary_whether_it_says_so_or_not() -> None:
    reader, events = read(*OVERFLOWN)
    assert not reader.finished
    assert events[-1].text == "compaction"
    assert reader.outcome(None).text == ""
    reader, _ = read(*OVERFLOWN, START, DONE, step("stop"))
    assert reader.finished
    assert reader.outcome(0).text == "Done."


def test_a_summary_that_does_not_fit_either_is_an_overflow() -> None:
    reader, _ = read(*OVERFLOWN, error("ContextOverflowError"))
    assert reader.outcome(1).ending is StageEnding.CONTEXT


def test_the_answer_is_the_text_of_the_last_step_that_had_any() -> None:
    first = {**TEXT, "part": {"text": "First."}}
    reader, _ = read(
        START, first, TOOL, step("tool-calls"), START, TEXT, {**TEXT, "part": {"text": "Done."}}, step("stop")
    )
    assert reader.outcome(0).text == "Looking.\nDone."
    reader, _ = read(START, first, TOOL, step("tool-calls"), START, step("stop"))
    assert reader.outcome(0).text == "First."


@pytest.mark.parametrize(
    ("events", "exit_code", "ending"),
    [
        ([START, TEXT, step("stop")], 0, StageEnding.DONE),
        ([START, TEXT, step("stop")], None, StageEnding.DONE),
        ([START, TEXT, step("stop")], 1, StageEnding.DONE),
        ([START, TEXT, step("stop")], -11, StageEnding.DONE),
        ([START, TEXT, step("length")], 1, StageEnding.DONE),
        ([START, step("stop")], 1, StageEnding.AGENT_CRASH),
        ([START, TEXT, step("tool-calls")], 1, StageEnding.AGENT_CRASH),
        ([START, TEXT, step("length")], 0, StageEnding.DONE),
        ([START, step("length")], 0, StageEnding.NO_OUTPUT),
        ([START, TOOL, step("tool-calls"), START, step("length")], 0, StageEnding.NO_OUTPUT),
        ([START, TOOL, step("tool-calls"), START, step("stop")], 0, StageEnding.DONE),
        ([START, step("stop")], 0, StageEnding.NO_OUTPUT),
        ([START, TOOL, step("tool-calls")], 0, StageEnding.AGENT_CRASH),
        ([START, TEXT, step("unknown")], 0, StageEnding.AGENT_CRASH),
        ([START], 0, StageEnding.AGENT_CRASH),
        ([], 0, StageEnding.AGENT_CRASH),
        ([error("APIError")], 0, StageEnding.AGENT_CRASH),
        ([error("ContextOverflowError")], 1, StageEnding.CONTEXT),
        (OVERFLOWN, 0, StageEnding.AGENT_CRASH),
        ([*OVERFLOWN, START, TEXT, step("stop")], 0, StageEnding.DONE),
        ([*OVERFLOWN, START, TEXT, step("stop")], 1, StageEnding.DONE),
        ([*OVERFLOWN, START, TEXT, step("stop")], -9, StageEnding.DONE),
        ([START, TEXT, step("stop"), error("UnknownError")], 0, StageEnding.AGENT_CRASH),
    ],
)
def test_exit_codes_are_not_trusted(events: list[dict[str, Any]], exit_code: int | None, ending: StageEnding) -> None:
    reader, _ = read(*events)
    assert reader.outcome(exit_code).ending is ending


@pytest.mark.parametrize(
    ("event", "finished"),
    [
        (step("stop"), True),
        (step("length"), True),
        (step("tool-calls"), False),
        (step("unknown"), False),
        (error("APIError"), True),
        (error("ContextOverflowError"), False),
        (START, False),
    ],
)
def test_only_a_last_word_is_one(event: dict[str, Any], finished: bool) -> None:
    """After an overflow opencode compacts, in silence, for as long as a model takes: that is not the end."""
    assert read(TEXT, event)[0].finished is finished


def test_what_is_no_event_is_none_and_what_is_new_is_passed_over() -> None:
    reader = OpencodeReader("ses_0")
    for line in (b"plain text", b"{}", b'{"type": 3}', b"[]"):
        assert reader.read(line) is None
    assert reader.read(b'{"type": "something_new"}') == ()
    assert reader.session == "ses_0"


SCALAR = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
)
KEYS = st.sampled_from(
    ["type", "part", "state", "time", "start", "end", "metadata", "exit", "error", "data", "name", "text"]
)
TYPES = st.sampled_from(["text", "tool_use", "step_start", "step_finish", "error", "reasoning"])


@given(TYPES, st.dictionaries(KEYS, st.recursive(SCALAR, lambda i: st.dictionaries(KEYS, i, max_size=4)), max_size=5))
def test_no_shape_of_an_event_breaks_the_reader(kind: str, event: dict[str, Any]) -> None:
    reader = OpencodeReader()
    assert reader.read(json.dumps({**event, "type": kind}).encode()) is not None
    reader.outcome(0)
