"""What `opencode run --format json` says, in our words; and what its end means.

Its exit code alone means little: it is 0 after an empty answer, after an answer cut off at its length, and after a
refused permission. Retries, compaction and sub-agents are not in the stream; the gateway sees them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ralphbench.agents.driver import Outcome
from ralphbench.agents.json_lines import number, parse, text_of
from ralphbench.agents.our_events import judge
from ralphbench.agents.words import LAST_TEXT, arguments, clip
from ralphbench.model import AgentEvent

_LAST = frozenset({"stop", "length", "content-filter"})
"""Reasons after which opencode ends; after `tool-calls` and `unknown` it goes on."""
_NO_TOOL = "invalid"
"""What a call of a tool that is not there, or with arguments that cannot be read, is turned into."""
_OVERFLOW = "ContextOverflowError"
"""The one error that it goes on after: it compacts, which may take as long as any call, and says nothing meanwhile."""
_SUMMARY = "compaction"
"""Our word for the reason of a step that only summed the conversation up. opencode's own is `stop`, and it goes on after it."""


class OpencodeReader:
    """Reader of opencode 1.18."""

    def __init__(self, session: str | None = None) -> None:
        self.session = session
        self.finished = False
        self._step: list[str] = []
        """Texts of the step that is running, or that was the last."""
        self._text = ""
        """Of the last step that had any, summaries of the conversation apart."""
        self._before = ""
        """The same without the step that is running, or was the last."""
        self._sums_up = False
        """The next step, or the one that runs, is a summary: it follows an overflow."""
        self._reason: str | None = None
        self._tools = 0
        self._error: tuple[str, str] | None = None
        """(name, message) of an error after which no step was finished."""

    def read(self, line: bytes) -> Iterable[AgentEvent] | None:
        event = parse(line)
        if event is None or not isinstance(event.get("type"), str):
            return None
        self.session = text_of(event.get("sessionID")) or self.session
        t = (number(event.get("timestamp")) or 0.0) / 1000
        part = event.get("part")
        handler = getattr(self, f"_on_{event['type']}", None)
        if handler is None:
            return ()
        found: Iterable[AgentEvent] = handler(t, part if isinstance(part, dict) else {}, event)
        return found

    def _on_step_start(self, t: float, part: dict[str, Any], event: dict[str, Any]) -> Iterable[AgentEvent]:
        self._step = []
        self._before = self._text
        self.finished = False
        return ()

    def _on_text(self, t: float, part: dict[str, Any], event: dict[str, Any]) -> Iterable[AgentEvent]:
        text = text_of(part.get("text")) or ""
        if part.get("synthetic") is True:
            return self._on_own_words(t, part, text)
        if text.strip():
            self._step.append(text)
            self._text = "\n".join(self._step)[-LAST_TEXT:]
        return (AgentEvent(kind="message", t=t, text=clip(text)),)

    def _on_own_words(self, t: float, part: dict[str, Any], text: str) -> Iterable[AgentEvent]:
        """What opencode itself tells the model, which is going to be answered. After a summary: to go on."""
        if _dict(part.get("metadata")).get("compaction_continue") is True:
            self._forget_summary()
        self.finished = False
        return (AgentEvent(kind="notice", t=t, text=clip(text)),)

    def _forget_summary(self) -> None:
        """The step that has just ended was no answer to anybody."""
        self._text, self._reason, self._sums_up, self.finished = self._before, _SUMMARY, False, False

    def _on_reasoning(self, t: float, part: dict[str, Any], event: dict[str, Any]) -> Iterable[AgentEvent]:
        return (AgentEvent(kind="reasoning", t=t, text=clip(text_of(part.get("text")) or "")),)

    def _on_tool_use(self, t: float, part: dict[str, Any], event: dict[str, Any]) -> Iterable[AgentEvent]:
        self._tools += 1
        state = _dict(part.get("state"))
        times, metadata = _dict(state.get("time")), _dict(state.get("metadata"))
        start, end = number(times.get("start")), number(times.get("end"))
        said = text_of(state.get("error")) or text_of(state.get("output")) or ""
        code = number(metadata.get("exit"))
        tool, call = text_of(part.get("tool")), text_of(part.get("callID"))
        failed = state.get("status") == "error" or tool == _NO_TOOL
        began = t if start is None else start / 1000
        return (
            AgentEvent(
                kind="tool_call", t=began, tool=tool, call_id=call, arguments=arguments(state.get("input") or {})
            ),
            AgentEvent(
                kind="tool_result",
                t=t if end is None else end / 1000,
                tool=tool,
                call_id=call,
                text=clip(said),
                seconds=None if start is None or end is None else max(0.0, end - start) / 1000,
                exit=None if code is None else int(code),
                failed=failed,
            ),
        )

    def _on_step_finish(self, t: float, part: dict[str, Any], event: dict[str, Any]) -> Iterable[AgentEvent]:
        self._reason = text_of(part.get("reason")) or "unknown"
        self._error = None
        self.finished = self._reason in _LAST
        if self._sums_up:
            self._forget_summary()
        return (AgentEvent(kind="step", t=t, text=self._reason),)

    def _on_error(self, t: float, part: dict[str, Any], event: dict[str, Any]) -> Iterable[AgentEvent]:
        error = _dict(event.get("error"))
        name = text_of(error.get("name")) or "UnknownError"
        message = text_of(_dict(error.get("data")).get("message")) or text_of(error.get("message")) or name
        self._error = (name, message)
        self._sums_up = name == _OVERFLOW
        self.finished = not self._sums_up
        return (AgentEvent(kind="error", t=t, text=clip(f"{name}: {message}"), failed=True),)

    def outcome(self, exit_code: int | None) -> Outcome:
        return judge("opencode", self._text, self._reason, self._error, self._tools, exit_code)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
