"""The events that our own agents print, one JSON object a line; also open to any command line that cares to.

    {"type": "session", "session": "<id>"}                        where the stage can be gone on with
    {"type": "message" | "reasoning", "text": ...}
    {"type": "tool_call", "tool": ..., "call_id": ..., "arguments": {...}}
    {"type": "tool_result", "tool": ..., "call_id": ..., "text": ..., "seconds": ..., "exit": ..., "failed": ...}
    {"type": "step", "reason": "tool-calls" | "stop" | "length" | ...}      one answer of the model has ended
    {"type": "error", "kind": "overflow" | "api" | "connection" | ..., "text": ...}

`t`, seconds since the epoch, may stand in each. The last text before the end is the stage's answer.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from ralphbench.agents.driver import Outcome
from ralphbench.agents.json_lines import number, parse, text_of
from ralphbench.agents.words import LAST_TEXT, arguments, clip
from ralphbench.model import AgentEvent, StageEnding

_KINDS = frozenset({"message", "reasoning", "tool_call", "tool_result", "step", "error", "notice"})


class OurReader:
    """Reader of the events above. An error is the end, unless a step comes after it."""

    def __init__(self, name: str, session: str | None = None) -> None:
        self.session = session
        self.finished = False
        self._name = name
        self._text = ""
        self._tools = 0
        self._reason: str | None = None
        self._error: tuple[str, str] | None = None

    def read(self, line: bytes) -> Iterable[AgentEvent] | None:
        event = parse(line)
        if event is None:
            return None
        kind = text_of(event.get("type"))
        if kind == "session":
            self.session = text_of(event.get("session")) or self.session
            return ()
        if kind not in _KINDS:
            return None
        text = text_of(event.get("text"))
        self._note(kind, text, event)
        return (self._event(kind, text, event),)

    def _note(self, kind: str, text: str | None, event: dict[str, Any]) -> None:
        self.finished = False
        if kind == "message" and text and text.strip():
            self._text = text[-LAST_TEXT:]
        elif kind == "tool_call":
            self._tools += 1
        elif kind == "step":
            self._reason, self._error = text_of(event.get("reason")) or "unknown", None
            self.finished = self._reason != "tool-calls"
        elif kind == "error":
            self._error = (text_of(event.get("kind")) or "error", text or "")
            self.finished = True

    @staticmethod
    def _event(kind: str, text: str | None, event: dict[str, Any]) -> AgentEvent:
        code, failed = number(event.get("exit")), event.get("failed")
        return AgentEvent(
            kind=kind,
            t=number(event.get("t")) or time.time(),
            text=text_of(event.get("reason")) if kind == "step" else None if text is None else clip(text),
            tool=text_of(event.get("tool")),
            call_id=text_of(event.get("call_id")),
            arguments=arguments(event["arguments"]) if "arguments" in event else None,
            seconds=number(event.get("seconds")),
            exit=None if code is None else int(code),
            failed=failed if isinstance(failed, bool) else None,
        )

    def outcome(self, exit_code: int | None) -> Outcome:
        return judge(self._name, self._text, self._reason, self._error, self._tools, exit_code)


def judge(
    name: str, text: str, reason: str | None, error: tuple[str, str] | None, tools: int, exit_code: int | None
) -> Outcome:
    """What a stage came to, from its last step's `reason`, an `error` (kind, text) that no step followed, and how many
    tools were called.

    It is done where the last step ended with `stop` and something was said or done, whatever the exit status: that of an
    agent which has said its last word tells only how it left. An answer that was cut off at its length is handed on as
    it is, since it can be asked for again; work without a word is work.
    """
    if error is not None:
        kind, said = error
        ending = StageEnding.CONTEXT if kind in ("overflow", "ContextOverflowError") else StageEnding.AGENT_CRASH
        return Outcome(ending, text, f"{name}: {kind}: {said}")
    finished = reason in ("stop", "length") and bool(text or tools)
    if exit_code not in (0, None) and not finished:
        return Outcome(StageEnding.AGENT_CRASH, text, f"{name} exited with {exit_code}")
    if reason is None:
        return Outcome(StageEnding.AGENT_CRASH, text, f"{name} ended without a single step")
    if reason not in ("stop", "length"):
        return Outcome(StageEnding.AGENT_CRASH, text, f"{name} ended after a step that ended with {reason!r}")
    cut = "its last answer was cut off at the most that one answer may have" if reason == "length" else ""
    if not text and (cut or not tools):
        return Outcome(StageEnding.NO_OUTPUT, "", cut or "it answered with nothing")
    silent = "" if text else f"it ended without a word after {tools} tool calls"
    left = f"after its last word it exited with {exit_code}" if exit_code not in (0, None) else ""
    return Outcome(StageEnding.DONE, text, cut or silent or left)
