"""What a described command line says, read by its description."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from ralphbench.agents.command_spec import AnswerFile, Description, EventRule
from ralphbench.agents.driver import Outcome
from ralphbench.agents.json_lines import number, parse
from ralphbench.agents.our_events import OurReader
from ralphbench.agents.words import LAST_TEXT, arguments, clip
from ralphbench.model import AgentEvent, StageEnding, codec

_EVERY = 1.0
"""Seconds between two events of an agent that only writes text."""
_TAIL = 2_000


def at(value: Any, path: str) -> Any:
    """What stands at a dotted path, `messages.-1.content`; None where nothing does."""
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and re.fullmatch(r"-?\d+", step):
            index = int(step)
            value = value[index] if -len(value) <= index < len(value) else None
        else:
            return None
    return value


class TextReader:
    """All that is written is the answer; its end, where it is long. Events come at most once a second."""

    def __init__(self) -> None:
        self.session: str | None = None
        self.finished = False
        self._lines: deque[str] = deque()
        self._size = 0
        self._fresh: deque[str] = deque(maxlen=100)
        self._told = 0.0

    def read(self, line: bytes) -> Iterable[AgentEvent] | None:
        said = line.decode(errors="replace")
        self._lines.append(said)
        self._size += len(said) + 1
        while self._size > LAST_TEXT and len(self._lines) > 1:
            self._size -= len(self._lines.popleft()) + 1
        self._fresh.append(said[:4_000])
        now = time.monotonic()
        if now - self._told < _EVERY:
            return ()
        self._told = now
        told = "\n".join(self._fresh)
        self._fresh.clear()
        return (AgentEvent(kind="message", t=time.time(), text=clip(told)),)

    def outcome(self, exit_code: int | None) -> Outcome:
        return Outcome(StageEnding.DONE, "\n".join(self._lines).strip()[-LAST_TEXT:])


class JsonReader:
    """Lines of JSON, by the description's rules; those that no rule is for are passed over."""

    def __init__(self, rules: list[EventRule], session: str | None) -> None:
        self.session: str | None = None
        self.finished = False
        self.text = ""
        self._rules = rules
        self._session = session

    def read(self, line: bytes) -> Iterable[AgentEvent] | None:
        event = parse(line)
        if event is None:
            return None
        if self._session is not None and isinstance(found := at(event, self._session), str):
            self.session = found
        for rule in self._rules:
            if all(at(event, path) == wanted for path, wanted in rule.when.items()):
                return (self._event(rule, event),)
        return ()

    def _event(self, rule: EventRule, event: Any) -> AgentEvent:
        def get(path: str | None) -> Any:
            return None if path is None else at(event, path)

        text, code, failed, given = get(rule.text), get(rule.exit), get(rule.failed), get(rule.arguments)
        if text is not None and not isinstance(text, str):
            text = codec.dumps(text).decode()
        if rule.kind == "message" and text and text.strip():
            self.text = text[-LAST_TEXT:]
        self.finished = rule.last
        return AgentEvent(
            kind=rule.kind,
            t=time.time(),
            text=None if text is None else clip(text),
            tool=_name(get(rule.tool)),
            call_id=_name(get(rule.call_id)),
            arguments=None if given is None else arguments(given),
            seconds=number(get(rule.seconds)),
            exit=None if number(code) is None else int(code),
            failed=None if failed is None else bool(failed),
        )

    def outcome(self, exit_code: int | None) -> Outcome:
        return Outcome(StageEnding.DONE, self.text)


def _name(value: Any) -> str | None:
    return None if value is None else str(value)


class CommandReader:
    """Reader of a described command: its words by the format, its end by its exit, its files and what it complained of.

    `answer`: what the file of its answer holds; `complaint`: the end of its standard error.
    """

    def __init__(
        self,
        name: str,
        given: Description,
        session: str | None,
        answer: Callable[[], bytes],
        complaint: Callable[[], str],
    ) -> None:
        self._name = name
        self._given = given
        self._answer = answer
        self._complaint = complaint
        self._goes_on = given.continue_ is not None
        self._tail: deque[bytes] = deque(maxlen=50)
        output = given.output
        self._inner: TextReader | JsonReader | OurReader = (
            OurReader(name, session)
            if output.format == "ours"
            else JsonReader(output.events, output.session)
            if output.format == "jsonl"
            else TextReader()
        )

    @property
    def session(self) -> str | None:
        return self._inner.session if self._goes_on else None

    @property
    def finished(self) -> bool:
        return self._inner.finished

    def read(self, line: bytes) -> Iterable[AgentEvent] | None:
        self._tail.append(line[-_TAIL:])
        return self._inner.read(line)

    def outcome(self, exit_code: int | None) -> Outcome:
        said = self._inner.outcome(exit_code)
        text = said.text
        if self._given.output.answer is not None:
            text = read_answer(self._given.output.answer, self._answer())
        if said.ending is not StageEnding.DONE and self._given.output.format == "ours":
            return Outcome(said.ending, text, said.detail)
        ending = StageEnding.DONE if exit_code is None else StageEnding(self._given.exit.get(exit_code, "agent_crash"))
        detail = said.detail if ending is StageEnding.DONE else f"{self._name} exited with {exit_code}"
        if ending is not StageEnding.DONE:
            heard = b"\n".join(self._tail).decode(errors="replace") + "\n" + self._complaint()
            for match in self._given.endings:
                if found := re.search(match.pattern, heard):
                    return Outcome(StageEnding(match.ending), text, f"{detail}: {clip(found.group(0), 500)}")
        elif not text.strip():
            return Outcome(StageEnding.NO_OUTPUT, "", "it answered with nothing")
        return Outcome(ending, text, detail)


def read_answer(wanted: AnswerFile, data: bytes) -> str:
    """The answer that an agent left in a file; empty where it left none."""
    if not wanted.paths:
        return data.decode(errors="replace").strip()[-LAST_TEXT:]
    try:
        value = codec.loads_any(data)
    except ValueError:
        return ""
    for path in wanted.paths:
        found = at(value, path)
        if isinstance(found, str) and found.strip():
            return found[-LAST_TEXT:]
    return ""
