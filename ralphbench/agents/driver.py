"""One stage, the same way for every agent: start it, read what it says, look after it, end its whole tree, judge.

What an agent's own words mean is the business of its `Reader`; what a deadline, a cap or a fault is, of the `Watch`.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ralphbench.agents.lines import LONGEST, Lines
from ralphbench.agents.protocol import TrafficWatch, Watch
from ralphbench.agents.words import clip, notice
from ralphbench.model import AgentEvent, StageEnding, StageResult, StageRun
from ralphbench.record import disk_error
from ralphbench.sandbox import CappedLog, Sandbox

CHECK_EVERY = 0.15
"""Seconds between two looks of the watch, with room to the quarter that it is promised."""
_WAIT = 0.05
RAW_LIMIT = 256_000_000
"""Bytes of the raw stream that are kept; an agent that says more than `FLOOD` is ended."""
FLOOD = 1_000_000_000
ERR_LIMIT = 10_000_000
ERR_FLOOD = 200_000_000
_CHUNK = 1 << 16
_DRAIN = 2.0
"""Seconds for what is still in the pipe when the tree is dead."""
_ERR_TAIL = 2_000


@dataclass(frozen=True, slots=True)
class Launch:
    """How an agent is started for one stage. `env` is added to the sandbox's own."""

    argv: Sequence[str]
    env: Mapping[str, str]
    stdin: Path | None


@dataclass(frozen=True, slots=True)
class Patience:
    """An agent's own watchdogs, seconds. They end a stage as `agent_crash`, but `after_end`, which ends it as it stands."""

    first_event: float | None = 90.0
    """Without an event and without a word to the model. Not applied where nobody sees the traffic."""
    after_end: float = 20.0
    """Between the agent's last event and its exit."""
    garbage: int | None = 200_000
    """Bytes of lines that are no events before the first one that is; None: any text is welcome."""
    grace: float = 2.0
    """Between TERM and KILL."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reader makes of all that the agent said."""

    ending: StageEnding
    text: str
    detail: str = ""


class Reader(Protocol):
    """One agent's words of one stage, read as they come. Holds no more than the last answer."""

    @property
    def session(self) -> str | None:
        """Where the stage can be gone on with; None: it cannot."""

    @property
    def finished(self) -> bool:
        """The agent has said its last word; only its exit is waited for."""

    def read(self, line: bytes) -> Iterable[AgentEvent] | None:
        """Events of one line; None: the line is none of the agent's language."""

    def outcome(self, exit_code: int | None) -> Outcome:
        """When nothing more comes. `exit_code` None: it was ended by us after its last word."""


def drive(
    stage: StageRun, sandbox: Sandbox, watch: Watch, launch: Launch, reader: Reader, patience: Patience
) -> StageResult:
    """Run one stage to its end. When it returns, or raises, no process of it lives and nothing writes any more.

    Raises SandboxError where the agent cannot be started or does not die, DiskError where its stream cannot be kept.
    """
    return _Drive(stage, sandbox, watch, reader, patience).run(launch)


class _Drive:
    def __init__(self, stage: StageRun, sandbox: Sandbox, watch: Watch, reader: Reader, patience: Patience) -> None:
        self.stage = stage
        self.sandbox = sandbox
        self.watch = watch
        self.reader = reader
        self.patience = patience
        self.lines = Lines()
        self.events = 0
        self.tools = 0
        self.bytes = 0
        self.garbage = 0
        self.sample = b""
        self.errors = stage.raw.with_suffix(".err")

    def run(self, launch: Launch) -> StageResult:
        try:
            self.stage.raw.parent.mkdir(parents=True, exist_ok=True)
            self.errors.unlink(missing_ok=True)  # of a try before this one
        except OSError as error:
            raise disk_error(error, self.errors) from error
        self.raw = CappedLog(self.stage.raw, RAW_LIMIT)
        with contextlib.closing(self.raw):
            self.process = self.sandbox.start(
                launch.argv,
                env={**self.sandbox.base_env(), **launch.env, **self.stage.env},
                stdin=launch.stdin,
                stderr=self.errors,
                cwd=self.stage.cwd,
            )
            try:
                with contextlib.closing(self.process.stdout):
                    return self._attend()
            finally:
                self.process.end(0.0)
                _trim(self.errors)

    def _attend(self) -> StageResult:
        self.started = self.heard = time.monotonic()
        verdict = self._until_over()
        status = self.process.poll()
        self._exited = status is not None
        leftovers = self.process.end(self.patience.grace)
        self._drain()
        outcome = self.reader.outcome(status)
        verdict = verdict or self.watch.check(self.process)
        return self._result(outcome, None if self._in_time(verdict, outcome) else verdict, status, leftovers)

    def _until_over(self) -> tuple[StageEnding, str] | None:
        """Read and look until the agent has ended (None) or has to be."""
        pipe = self.process.stdout.fileno()
        waiter = select.poll()
        waiter.register(pipe, select.POLLIN)
        looked, open_, exited = 0.0, True, False
        while True:
            now = time.monotonic()
            if now - looked >= CHECK_EVERY:
                looked = now
                verdict = self.watch.check(self.process) or self._own_watchdogs(now)
                if verdict is not None or exited or self._done_but_there(now):
                    return verdict
                exited = self.process.poll() is not None  # what is left behind may go on writing: one more look
            if open_ and waiter.poll(_WAIT * 1000):
                data = os.read(pipe, _CHUNK)
                open_ = bool(data)
                self._take(data)
            elif self.process.poll() is not None:
                return None
            elif not open_:
                time.sleep(0.01)

    def _take(self, data: bytes) -> None:
        self.raw.write(data)
        self.bytes += len(data)
        for line in self.lines.feed(data):
            self._line(line)

    def _line(self, line: bytes) -> None:
        if not line.strip():
            return
        events = self.reader.read(line)
        if events is None:
            self.garbage += len(line) + 1
            self.sample = self.sample or line[:200]
            return
        self.heard = time.monotonic()
        for event in events:
            self.events += 1
            self.tools += event.kind == "tool_call"
            self.watch.event(event)

    def _drain(self) -> None:
        """What is still in the pipe. A pipe that was handed out of the tree stays open; nobody waits for it."""
        pipe = self.process.stdout.fileno()
        os.set_blocking(pipe, False)
        deadline = time.monotonic() + _DRAIN
        with contextlib.suppress(BlockingIOError):
            while time.monotonic() < deadline and (data := os.read(pipe, _CHUNK)):
                self._take(data)
        for line in self.lines.last():
            self._line(line)

    def _own_watchdogs(self, now: float) -> tuple[StageEnding, str] | None:
        patience = self.patience
        if patience.garbage is not None and not self.events and self.garbage > patience.garbage:
            return StageEnding.AGENT_CRASH, f"{self.garbage} bytes and not one event: {self._sample()}"
        if not self.events and self.lines.too_long:
            return StageEnding.AGENT_CRASH, f"its first line is longer than {LONGEST} bytes"
        if self.bytes > FLOOD or _size(self.errors) > ERR_FLOOD:
            return StageEnding.AGENT_CRASH, "it floods its output"
        if patience.first_event is not None and not self.events and now - self.started > patience.first_event:
            silent = isinstance(self.watch, TrafficWatch) and self.watch.model_activity() == 0
            if silent:
                return (
                    StageEnding.AGENT_CRASH,
                    f"no event and no word to the model in {patience.first_event:g} s{self._said()}",
                )
        return None

    def _done_but_there(self, now: float) -> bool:
        return self.reader.finished and now - self.heard > self.patience.after_end

    def _in_time(self, verdict: tuple[StageEnding, str] | None, outcome: Outcome) -> bool:
        """Whether the work was done before a limit was reached, also where only the agent's exit was still waited for.
        A fault that the watch has seen counts in any case.
        """
        if verdict is None or outcome.ending is not StageEnding.DONE or verdict[0].fault is not None:
            return False
        over = self.reader.finished or self._exited
        return over and verdict[0] is not StageEnding.AGENT_CRASH

    def _result(
        self, outcome: Outcome, verdict: tuple[StageEnding, str] | None, status: int | None, leftovers: int
    ) -> StageResult:
        ending, detail = verdict or (outcome.ending, outcome.detail)
        if verdict is None and ending is StageEnding.AGENT_CRASH:
            detail += self._said()
        for note in self._notes(status):
            self.watch.event(notice(note))
        return StageResult(
            ending=ending,
            text=outcome.text,
            detail=clip(detail),
            session=self.reader.session,
            exit=status,
            events=self.events,
            tools=self.tools,
            killed=status is None,
            leftovers=leftovers,
        )

    def _notes(self, status: int | None) -> list[str]:
        notes = []
        if self.garbage and self.patience.garbage is not None:
            notes.append(f"{self.garbage} bytes of output are no events: {self._sample()}")
        if self.lines.too_long:
            notes.append(f"{self.lines.too_long} lines longer than {LONGEST} bytes were passed over")
        if self.raw.truncated:
            notes.append(f"the raw stream of {self.bytes} bytes was cut in its middle")
        if status is None and self.reader.finished:
            notes.append("it had said its last word and did not exit")
        return notes

    def _sample(self) -> str:
        return repr(self.sample.decode(errors="replace"))

    def _said(self) -> str:
        """The end of its standard error, for the evidence."""
        said = tail(self.errors, _ERR_TAIL).decode(errors="replace").strip()
        if not said and self.garbage:
            said = self._sample()
        return f"; it said: {said}" if said else ""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def tail(path: Path, size: int) -> bytes:
    """The last bytes of a file; none where it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, _size(path) - size))
            return file.read(size)
    except OSError:
        return b""


def _trim(path: Path) -> None:
    """Cut a standard error that grew too long down to its head and tail."""
    size = _size(path)
    if size <= ERR_LIMIT:
        return
    half = ERR_LIMIT // 2
    try:
        end = tail(path, half)
        with path.open("r+b") as file:
            file.seek(half)
            file.write(b"\n[... %d bytes left out ...]\n" % (size - 2 * half) + end)
            file.truncate()
    except OSError as error:
        raise disk_error(error, path) from error
