"""The built-in agent against a scripted model server, in every dialect."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ralphbench.agents.builtin import BuiltinAgent
from ralphbench.model import StageEnding, StageResult, StageRun
from ralphbench.sandbox import Sandbox

DIALECTS = ["chat", *(pytest.param(d, marks=pytest.mark.slow) for d in ("responses", "messages"))]
PARTIAL = "Half of an answer that goes on for some more words."


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"tools": [{"name": name, "arguments": arguments}]}


def fault(name: str, **more: Any) -> dict[str, Any]:
    return {"text": PARTIAL, "fault": {"name": name, **more}}


class Run:
    def __init__(self, upstream: Any, stage: Any, box: Sandbox, eye: Any) -> None:
        self.upstream, self.stage, self.box, self.eye = upstream, stage, box, eye

    def __call__(self, turns: list[Any], **more: Any) -> StageResult:
        self.server = self.upstream({"rules": [{"turns": turns}]})
        return self.again(**more)

    def again(self, **more: Any) -> StageResult:
        asked_for: StageRun = self.stage(url=self.server.url, **more)
        return BuiltinAgent({}).run(asked_for, self.box, self.eye)

    def bodies(self) -> list[Any]:
        asked: list[Any] = self.server.asked()
        return asked


@pytest.fixture
def run(upstream: Any, stage: Any, box: Sandbox, eye: Any) -> Run:
    return Run(upstream, stage, box, eye)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stage_is_done_and_gone_on_with(run: Run, dialect: str, tmp_path: Path) -> None:
    (tmp_path / "tree" / "openai.py").write_text("raise SystemExit('the target is not to be imported')")
    write = call("write", filePath="new.txt", content="hello\n")
    both = {"tools": [*write["tools"], *call("bash", command="cat openai.py | wc -l; exit 3")["tools"]]}
    turns = [{"text": "First this.", **both}, call("read", filePath="new.txt"), "All done.", "Still done."]
    result = run(turns, dialect=dialect)
    assert (result.ending, result.text) == (StageEnding.DONE, "All done."), result.detail
    assert (result.exit, result.tools, result.leftovers, result.killed) == (0, 3, 0, False)
    assert (tmp_path / "tree" / "new.txt").read_text() == "hello\n"
    assert run.eye.kinds() == [
        *("message", "tool_call", "tool_result", "tool_call", "tool_result", "step"),
        *("tool_call", "tool_result", "step", "message", "step"),
    ]
    bash = run.eye.events[4]
    assert (bash.tool, bash.exit, bash.failed) == ("bash", 3, False)
    assert bash.seconds is not None
    again = run.again(dialect=dialect, session=result.session, id="1-build-2", prompt="Sure?")
    assert again.text == "Still done."
    assert again.session not in (None, result.session), "a copy goes on, so that it can be gone on with once more"
    assert "1: hello" in json.dumps(run.bodies()[-1])
    assert "Sure?" in json.dumps(run.bodies()[-1])


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("turn", "ending", "detail"),
    [
        (fault("http", status=402, message="stopped: cost"), StageEnding.AGENT_CRASH, "HTTP 402: "),
        (fault("overflow_400", style="openai"), StageEnding.CONTEXT, "maximum context length"),
        (fault("reset", at=1), StageEnding.AGENT_CRASH, "connection"),
        (fault("empty_answer"), StageEnding.NO_OUTPUT, "nothing"),
        (fault("length"), StageEnding.DONE, "cut off"),
    ],
    ids=["a stop", "overflow", "reset", "empty", "length"],
)
def test_endings(run: Run, dialect: str, turn: Any, ending: StageEnding, detail: str) -> None:
    result = run([turn], dialect=dialect)
    assert result.ending is ending
    assert detail in result.detail
    assert len(run.bodies()) == 1, "retries are the gateway's"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_empty_answer_can_be_asked_about(run: Run, dialect: str) -> None:
    """Servers refuse a conversation that has an answer without a word in it."""
    first = run([fault("empty_answer"), "Here it is."], dialect=dialect)
    again = run.again(dialect=dialect, session=first.session, id="1-build-2", prompt="Where is it?")
    assert (first.ending, again.text) == (StageEnding.NO_OUTPUT, "Here it is.")
    assert "[no answer]" in json.dumps(run.bodies()[-1])


def test_a_stream_without_an_end_is_no_answer(run: Run) -> None:
    result = run([fault("no_finish")])
    assert result.ending is StageEnding.AGENT_CRASH
    assert "without a finish reason" in result.detail


def test_bad_calls_are_told_to_the_model(run: Run) -> None:
    bad = [{"name": "bash", "arguments": '{"command": tru'}, {"name": "nosuch", "arguments": {}}]
    result = run([{"tools": bad}, "ok"])
    assert (result.ending, result.text) == (StageEnding.DONE, "ok")
    told = [message["content"] for message in run.bodies()[-1]["messages"] if message["role"] == "tool"]
    assert "not a JSON object" in told[0]
    assert "there is no tool 'nosuch'" in told[1]


def test_old_results_are_left_out_of_a_small_window(run: Run) -> None:
    """Twelve results of 6 kB do not fit 10,000 tokens: the oldest go, the latest stay, and the server is not overrun."""
    flood = call("bash", command="head -c 6000 /dev/zero | tr '\\0' x")
    result = run([*[flood] * 12, "done"], context=10_000, output=1_000)
    assert (result.ending, result.tools) == (StageEnding.DONE, 12)
    results = [message["content"] for message in run.bodies()[-1]["messages"] if message["role"] == "tool"]
    assert len(results) == 12
    assert "left out to save context" in results[0]
    assert results[-1].startswith("x" * 1000)
    assert max(len(json.dumps(body)) for body in run.bodies()) < 35_000


def test_a_session_that_is_not_there_is_told(run: Run) -> None:
    result = run(["ok"], session="gone")
    assert result.ending is StageEnding.AGENT_CRASH
    assert "gone.json" in result.detail


def test_a_dialect_that_is_not_spoken_is_told(run: Run) -> None:
    result = run(["ok"], dialect="klingon")
    assert "builtin speaks chat, responses, messages" in result.detail


def test_a_hanging_tool_is_ended_with_the_stage(
    stage: Callable[..., StageRun], box: Sandbox, new_eye: Any, upstream: Any, tmp_path: Path
) -> None:
    server = upstream({"rules": [{"turns": [call("bash", command="setsid -f sleep 600; touch hangs; sleep 601")]}]})

    class Patient(new_eye):  # type: ignore[misc, valid-type]
        """Waits until the tool hangs."""

        def check(self, process: Any) -> Any:
            return super().check(process) or (self.verdict if (tmp_path / "tree/hangs").exists() else None)

    result = BuiltinAgent({}).run(stage(url=server.url), box, Patient())
    assert (result.ending, result.killed) == (StageEnding.STAGE_TIMEOUT, True)
    assert result.leftovers >= 2


def test_the_version_names_the_scaffold() -> None:
    assert BuiltinAgent({}).version().startswith("0.")
    assert "+" in BuiltinAgent({}).version()
