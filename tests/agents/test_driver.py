"""Agents that behave badly, as tiny command lines: quick to start, and wrong in one way each."""

from __future__ import annotations

import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ralphbench.agents import load_agent
from ralphbench.errors import AgentMissing, DiskError, SandboxError
from ralphbench.model import StageEnding, StageResult, StageRun
from ralphbench.sandbox import Sandbox

PYTHON = os.path.realpath(sys.executable)
TEXT = "import sys, time, os, json, signal\ndef say(**e): print(json.dumps(e), flush=True)\n"
JSONL = {
    "format": "jsonl",
    "session": "sid",
    "events": [
        {"when": {"type": "text"}, "kind": "message", "text": "text"},
        {"when": {"type": "end"}, "kind": "step", "text": "why", "last": True},
    ],
}


def described(script: str, **more: Any) -> dict[str, Any]:
    return {"argv": [PYTHON, "-c", TEXT + script], "version": {"argv": [PYTHON, "--version"]}, **more}


@pytest.fixture
def run(stage: Callable[..., StageRun], box: Sandbox, eye: Any) -> Callable[..., StageResult]:
    """Run a script as an agent: `run(script, output=JSONL, options={...})`."""

    def go(script: str, options: dict[str, Any] | None = None, **more: Any) -> StageResult:
        agent = load_agent("tiny", options or {}, {"tiny": described(script, **more)})
        return agent.run(stage(), box, eye)

    return go


Runner = Callable[..., StageResult]


def test_its_words_are_the_answer_and_the_prompt_is_on_standard_input(run: Runner, eye: Any) -> None:
    result = run("print('heard: ' + sys.stdin.read()); print('second line')")
    assert (result.ending, result.text, result.exit) == (StageEnding.DONE, "heard: Do it.\nsecond line", 0)
    assert eye.kinds() == ["message"]
    assert not result.killed


@pytest.mark.parametrize(
    ("script", "output", "ending", "detail"),
    [
        ("", None, StageEnding.NO_OUTPUT, "nothing"),
        ("say(type='other')", JSONL, StageEnding.NO_OUTPUT, "nothing"),
        ("sys.exit('boom')", None, StageEnding.AGENT_CRASH, "exited with 1; it said: boom"),
        ("say(type='text', text='half'); sys.exit(3)", JSONL, StageEnding.AGENT_CRASH, "exited with 3"),
        ("os.kill(os.getpid(), 9)", None, StageEnding.AGENT_CRASH, "exited with -9"),
        ("print('no JSON at all'); sys.exit(1)", JSONL, StageEnding.AGENT_CRASH, "no JSON at all"),
    ],
)
def test_endings_of_an_agent_that_ends_of_itself(
    run: Runner, script: str, output: Any, ending: StageEnding, detail: str
) -> None:
    result = run(script, output=output or {})
    assert result.ending is ending
    assert detail in result.detail


def test_an_exit_of_0_after_an_error_is_no_success(run: Runner) -> None:
    """The events of our own form say that it went wrong; the exit code is not asked."""
    result = run("say(type='error', kind='overflow', text='too long'); sys.exit(0)", output={"format": "ours"})
    assert (result.ending, result.exit) == (StageEnding.CONTEXT, 0)
    assert "too long" in result.detail


def test_exit_codes_and_complaints_mean_what_the_description_says(run: Runner) -> None:
    assert run("print('stuck'); sys.exit(7)", exit={0: "done", 7: "blocked"}).ending is StageEnding.BLOCKED
    endings = [{"pattern": "context .*exceeded", "ending": "context"}]
    result = run("sys.exit('the context was exceeded')", endings=endings)
    assert (result.ending, "the context was" in result.detail) == (StageEnding.CONTEXT, False)
    assert "context was exceeded" in result.detail


def test_garbage_is_given_up_soon(run: Runner, eye: Any) -> None:
    result = run("while True: print('x' * 1000)", output=JSONL)
    assert result.ending is StageEnding.AGENT_CRASH
    assert "not one event" in result.detail
    assert any("no events" in (event.text or "") for event in eye.events)


def test_a_little_garbage_is_noted_and_passed_over(run: Runner, eye: Any) -> None:
    script = """
sys.stdout.buffer.write(b'\\xff\\xfe not utf-8\\n{"type": "text", "text": "caf\\xe9"}\\n\\n{"type": "te\\n')
say(type='text', text='fine', sid='s1')
sys.stdout.write('{"type": "end", "why": "stop"}'); sys.stdout.flush()
"""
    result = run(script, output=JSONL, **{"continue": {"argv": ["x", "{session}"]}})
    assert (result.ending, result.text, result.session) == (StageEnding.DONE, "fine", "s1")
    assert [event.text for event in eye.events][:3] == ["caf�", "fine", "stop"]
    assert eye.kinds()[-1] == "notice"


def test_never_exits_after_its_last_word(run: Runner, eye: Any) -> None:
    script = "say(type='text', text='all done'); say(type='end', why='stop'); time.sleep(600)"
    result = run(script, output=JSONL, options={"after_end": 0.3})
    assert (result.ending, result.text, result.killed, result.exit) == (StageEnding.DONE, "all done", True, None)
    assert "did not exit" in (eye.events[-1].text or "")


def test_says_nothing_and_asks_no_model(run: Runner, eye: Any) -> None:
    eye.words = 0
    result = run("time.sleep(600)", options={"first_event": 0.4})
    assert result.ending is StageEnding.AGENT_CRASH
    assert "no word to the model" in result.detail


@pytest.mark.parametrize("words", [None, 17])
def test_says_nothing_while_a_model_thinks(run: Runner, eye: Any, words: int | None) -> None:
    """A cold model may take minutes: that is for the watch to judge, who sees the traffic."""
    eye.words = words
    assert run("time.sleep(1); print('ok')", options={"first_event": 0.2}).ending is StageEnding.DONE


def test_the_watch_ends_a_stage_and_is_asked_often(
    stage: Callable[..., StageRun], box: Sandbox, new_eye: Any, planned: Any
) -> None:
    class Busy(new_eye):  # type: ignore[misc, valid-type]
        """Has enough when the stage has worked for a while."""

        def check(self, process: Any) -> Any:
            super().check(process)
            return self.verdict if self.cpu[-1] > 0.2 and len(self.checks) >= 10 else None

    eye = Busy(clock=lambda: planned.now)
    script = f"signal.signal(signal.SIGTERM, signal.SIG_IGN); os.system('setsid -f {PYTHON} -c \"while 1: pass\"')\n"
    script += "print('half of it', flush=True)\nwhile True: print('on and on' * 100)"
    result = load_agent("tiny", {}, {"tiny": described(script)}).run(stage(), box, eye)
    assert (result.ending, result.detail) == (StageEnding.STAGE_TIMEOUT, "the test's deadline")
    assert (result.killed, result.leftovers) == (True, 1)
    assert eye.longest_gap() <= 0.25
    assert eye.cpu == sorted(eye.cpu)


@pytest.mark.parametrize(
    ("script", "verdict", "ending"),
    [
        ("print('done')", StageEnding.COST, StageEnding.DONE),
        ("print('done')", StageEnding.WRONG_MODEL, StageEnding.WRONG_MODEL),
        ("", StageEnding.COST, StageEnding.COST),
        ("sys.exit('HTTP 402')", StageEnding.COST, StageEnding.COST),
    ],
)
def test_a_fault_undoes_what_was_done_and_a_limit_does_not(
    stage: Callable[..., StageRun], box: Sandbox, new_eye: Any, script: str, verdict: StageEnding, ending: StageEnding
) -> None:
    """The gateway refuses a call, the agent gives up at once: the cap is the reason, not the crash."""

    class Late(new_eye):  # type: ignore[misc, valid-type]
        def check(self, process: Any) -> Any:
            return (verdict, "seen late") if process.poll() is not None else None

    result = load_agent("tiny", {}, {"tiny": described(script)}).run(stage(), box, Late())
    assert (result.ending, result.killed) == (ending, False)
    assert (result.detail == "seen late") is (ending is verdict)


@pytest.mark.parametrize(
    ("verdict", "ending"),
    [
        (StageEnding.CONTEXT, StageEnding.DONE),
        (StageEnding.COST, StageEnding.DONE),
        (StageEnding.STAGE_TIMEOUT, StageEnding.DONE),
        (StageEnding.PROVIDER_ERROR, StageEnding.PROVIDER_ERROR),
        (StageEnding.INTERRUPTED, StageEnding.INTERRUPTED),
    ],
)
def test_work_that_is_done_is_kept_where_only_the_exit_was_still_waited_for(
    stage: Callable[..., StageRun], box: Sandbox, new_eye: Any, verdict: StageEnding, ending: StageEnding
) -> None:
    """The last answer passes a limit: whether the agent or the watch is the quicker must not decide."""

    class Quick(new_eye):  # type: ignore[misc, valid-type]
        def check(self, process: Any) -> Any:
            said = any(event.kind == "step" for event in self.events)
            return (verdict, "passed with the last answer") if said else None

    script = "say(type='message', text='All done.'); say(type='step', reason='stop'); time.sleep(3600)"
    description = described(script, output={"format": "ours"})
    result = load_agent("tiny", {}, {"tiny": description}).run(stage(), box, Quick())
    assert (result.ending, result.text, result.killed) == (ending, "All done.", True)


def test_a_daemon_writes_nothing_after_the_end(run: Runner, tmp_path: Path) -> None:
    script = f"""
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            open({str(tmp_path / "out")!r}, 'a').write('x'); print('still here', flush=True); time.sleep(0.005)
    os._exit(0)
os.wait()
while not os.path.exists({str(tmp_path / "out")!r}): time.sleep(0.01)
print('done')
"""
    result = run(script)
    assert (result.ending, result.leftovers, result.killed) == (StageEnding.DONE, 1, False)
    size = (tmp_path / "out").stat().st_size
    time.sleep(0.1)
    assert (tmp_path / "out").stat().st_size == size


def test_a_line_of_50_mb_costs_no_memory(run: Runner, stage: Callable[..., StageRun], eye: Any) -> None:
    script = """
say(type='text', text='before')
for _ in range(50): sys.stdout.write('{' + 'x' * 1_000_000)
print(); say(type='text', text='after')
"""
    tracemalloc.start()
    try:
        result = run(script, output=JSONL)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (result.ending, result.text) == (StageEnding.DONE, "after")
    assert "1 lines longer" in (eye.events[-1].text or "")
    assert stage().raw.stat().st_size > 50_000_000
    assert peak < 20_000_000


def test_long_answers_and_many_events_are_held_short(run: Runner, eye: Any) -> None:
    result = run("for i in range(30): say(type='text', text=str(i) * 100_000)", output=JSONL)
    assert result.events == 30
    assert max(len(event.text) for event in eye.events) < 5_000
    assert result.text == "29" * 100_000


def test_a_flood_is_cut_in_the_record(run: Runner, stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ralphbench.agents.driver.RAW_LIMIT", 10_000)
    monkeypatch.setattr("ralphbench.agents.driver.ERR_LIMIT", 1_000)
    result = run("for i in range(100_000): print(i)\nprint('e' * 100_000, file=sys.stderr)")
    assert result.ending is StageEnding.DONE
    assert stage().raw.stat().st_size <= 10_000
    assert stage().raw.read_bytes().endswith(b"99999\n")
    assert stage().raw.with_suffix(".err").stat().st_size < 1_100


@pytest.mark.parametrize(("limit", "stream"), [("FLOOD", "stdout"), ("ERR_FLOOD", "stderr")])
def test_a_flood_without_end_is_ended(run: Runner, monkeypatch: pytest.MonkeyPatch, limit: str, stream: str) -> None:
    monkeypatch.setattr(f"ralphbench.agents.driver.{limit}", 1_000_000)
    result = run(f"while True: print('x' * 1000, file=sys.{stream})")
    assert (result.ending, result.detail.split(";")[0]) == (StageEnding.AGENT_CRASH, "it floods its output")


def test_a_full_disk_is_told_and_nothing_is_left(
    stage: Callable[..., StageRun], box: Sandbox, eye: Any, tmp_path: Path
) -> None:
    asked = stage()
    asked.raw.parent.mkdir()
    asked.raw.symlink_to("/dev/full")
    agent = load_agent("tiny", {}, {"tiny": described("while True: print('x')")})
    with pytest.raises(DiskError, match="No space left"):
        agent.run(asked, box, eye)


def test_a_watch_that_fails_leaves_nothing_behind(stage: Callable[..., StageRun], box: Sandbox, new_eye: Any) -> None:
    class Broken(new_eye):  # type: ignore[misc, valid-type]
        def check(self, process: Any) -> Any:
            raise KeyboardInterrupt

    agent = load_agent("tiny", {}, {"tiny": described("time.sleep(600)")})
    with pytest.raises(KeyboardInterrupt):
        agent.run(stage(), box, Broken())


def test_a_missing_agent_says_what_to_type(stage: Callable[..., StageRun], box: Sandbox, eye: Any) -> None:
    given = {"argv": ["no-such-agent"], "version": {"argv": ["no-such-agent", "-V"]}, "install": "pip install no-such"}
    agent = load_agent("gone", {}, {"gone": given})
    with pytest.raises(AgentMissing, match="try: pip install no-such"):
        agent.version()
    with pytest.raises(AgentMissing, match="no command 'no-such-agent'"):
        agent.run(stage(), box, eye)


def test_a_wrong_version_is_refused() -> None:
    given = described("")
    assert load_agent("tiny", {}, {"tiny": given}).version().startswith("3.")
    with pytest.raises(AgentMissing, match=r"pinned is 1\.2"):
        load_agent("tiny", {}, {"tiny": {**given, "version": {**given["version"], "pin": "1.2"}}}).version()
    with pytest.raises(AgentMissing, match="nothing matches"):
        load_agent("tiny", {}, {"tiny": {**given, "version": {**given["version"], "pattern": "x{9}"}}}).version()


def test_the_version_changes_with_the_description() -> None:
    versions = {load_agent("t", {}, {"t": described(script)}).version() for script in ("pass", "pass", "print()")}
    assert len(versions) == 2


def test_a_program_that_cannot_be_run_is_the_sandbox_s_fault(
    stage: Callable[..., StageRun], box: Sandbox, eye: Any, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF no program")
    broken.chmod(0o755)
    agent = load_agent("b", {}, {"b": {"argv": [str(broken)], "version": {"argv": [str(broken)]}}})
    with pytest.raises(SandboxError, match="cannot start"):
        agent.run(stage(), box, eye)
    with pytest.raises(AgentMissing, match="does not run here"):
        agent.version()
