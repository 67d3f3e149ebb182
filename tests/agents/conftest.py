from __future__ import annotations

import asyncio
import itertools
import select
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.hand_clock import HandClock

from ralphbench.agents import driver
from ralphbench.endpoints.scripted import ScriptedServer
from ralphbench.model import AgentEvent, GatewayAddress, ModelRef, Stage, StageEnding, StageModel, StageRun
from ralphbench.sandbox import Sandbox, SandboxProcess, SandboxSpec, open_sandbox
from ralphbench.sandbox.processes import end_marked, find_marked


class Upstream:
    """A scripted model server in a thread of its own."""

    def __init__(self, script: Mapping[str, Any]) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = ScriptedServer(script, keep=1000)
        self.url = asyncio.run_coroutine_threadsafe(self.server.start(), self.loop).result(10)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.server.stop(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    def asked(self) -> list[Any]:
        """The bodies of what was posted so far."""
        return [served.json() for served in list(self.server.served) if served.method == "POST"]


@pytest.fixture
def upstream() -> Iterator[Callable[[Mapping[str, Any]], Upstream]]:
    """Start a scripted server: `upstream({"rules": [{"turns": [...]}]})`."""
    started: list[Upstream] = []

    def start(script: Mapping[str, Any]) -> Upstream:
        started.append(Upstream(script))
        return started[-1]

    yield start
    for server in started:
        server.close()


@dataclass
class Eye:
    """A Watch that writes down what it sees; ends the stage after `after` seconds with `verdict`. `clock`: by which it
    notes its looks.
    """

    after: float = 240.0
    verdict: tuple[StageEnding, str] = (StageEnding.STAGE_TIMEOUT, "the test's deadline")
    events: list[AgentEvent] = field(default_factory=list)
    checks: list[float] = field(default_factory=list)
    words: int | None = None
    started: float = field(default_factory=time.monotonic)
    cpu: list[float] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic

    def event(self, event: AgentEvent) -> None:
        self.events.append(event)

    def check(self, process: SandboxProcess) -> tuple[StageEnding, str] | None:
        self.checks.append(self.clock())
        self.cpu.append(process.cpu_seconds() or 0.0)
        return self.verdict if time.monotonic() - self.started > self.after else None

    def model_activity(self) -> int | None:
        return self.words

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    def longest_gap(self) -> float:
        """Seconds between two looks."""
        return max(b - a for a, b in itertools.pairwise(self.checks))


class PlannedTime(HandClock):
    """The driver's `time`: a wait takes as long as it is meant to, and a look at the clock a millisecond."""

    def monotonic(self) -> float:
        self.now += 0.001
        return self.now

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        time.sleep(seconds)


class PlannedPoll:
    """The driver's `select`, on the same clock."""

    def __init__(self, clock: PlannedTime) -> None:
        self.clock, self.waiter = clock, select.poll()
        self.register = self.waiter.register

    def poll(self, milliseconds: float) -> list[tuple[int, int]]:
        ready = self.waiter.poll(milliseconds)
        self.clock.now += 0 if ready else milliseconds / 1000
        return ready


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> PlannedTime:
    """The time that the driver plans to take: the same on a busy machine as on an idle one."""
    clock = PlannedTime()
    monkeypatch.setattr(driver, "time", clock)
    monkeypatch.setattr(driver, "select", SimpleNamespace(poll=lambda: PlannedPoll(clock), POLLIN=select.POLLIN))
    return clock


@pytest.fixture
def eye() -> Eye:
    return Eye()


@pytest.fixture
def new_eye() -> type[Eye]:
    return Eye


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox that must be empty when the test ends."""
    marker = f"test-{uuid.uuid4().hex}:x"
    (tmp_path / "tree").mkdir()
    try:
        spec = SandboxSpec(tmp_path / "tree", tmp_path / "home", marker)
        with open_sandbox("host", spec) as sandbox:
            yield sandbox
            left = find_marked(marker)
        assert left == [], "a stage left processes behind"
    finally:
        end_marked(marker, 0.0)


@pytest.fixture
def stage(tmp_path: Path) -> Callable[..., StageRun]:
    """Make a stage: `stage("the prompt", url=..., dialect="chat", session=None, id="1-build-1")`."""

    def make(
        prompt: str = "Do it.",
        *,
        url: str = "http://127.0.0.1:9/v1",
        dialect: str = "chat",
        session: str | None = None,
        id: str = "1-build-1",  # noqa: A002
        model: str = "scripted",
        **more: Any,
    ) -> StageRun:
        file = tmp_path / f"{id}.prompt"
        file.write_text(prompt)
        more = {"context": 100_000, "output": 4_000, **more}
        return StageRun(
            id=id,
            stage=Stage.BUILD,
            iteration=1,
            prompt=file,
            cwd=tmp_path / "tree",
            home=tmp_path / "home",
            model=StageModel(ModelRef("scripted", model), "x", **more),
            gateway=GatewayAddress(url, tmp_path / "gw.sock", "token-1", dialect),
            raw=tmp_path / "agent" / f"{id}.jsonl",
            session=session,
        )

    return make
