"""What several of the record's tests need: a result, an attempt with everything in it, another process."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ralphbench.model import (
    AttemptResult,
    CallEnded,
    CallStarted,
    Cell,
    Ending,
    EventKind,
    GateKind,
    GateOutcome,
    GateResult,
    Spent,
    Stage,
    StageSums,
    TestCounts,
    Times,
    Timing,
    Usage,
    Verdict,
    Work,
)
from ralphbench.record import (
    AttemptFolder,
    BodyStore,
    CallLog,
    EventLog,
    ExperimentFolder,
    write_manifest,
    write_result,
)

Spawn = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def result() -> AttemptResult:
    gate = GateResult("unit", GateKind.GOAL, GateOutcome.PASS, "exit 0", 1.0, None, 0, 1.5, TestCounts(3, 3, 0, 0))
    return AttemptResult(
        experiment="001-x",
        cell=Cell("heap/rename", "devstral", 1),
        number=1,
        identity="0" * 64,
        ending=Ending.COMPLETED,
        stage=Stage.VERIFY,
        cause=None,
        detail="",
        verdict=Verdict(True, 1.0, (gate,), claimed={"rename": True}),
        wip_verdict=None,
        base="a" * 40,
        commit="b" * 40,
        work=Work(3, 4, 3, 0, 1, 0, 0, 0, 3, 5, 100, 20),
        times=Times(100.0, 90.0, 50.0, 20.0, 1.0, 2.0, 0.0, 0.0, 0.0, 3.0),
        spent=Spent(90.0, 40, 1000, None, None, 3),
        stages={"build": StageSums(runs=3, done=2, endings={"done": 2, "idle_timeout": 1})},
        started="2026-11-21T00:00:00Z",
        ended="2026-11-21T00:01:40Z",
    )


@pytest.fixture
def started() -> Callable[..., CallStarted]:
    """A call that begins: `started("c0", t=1.0, local=False)`."""
    usual = CallStarted(
        id="c0",
        attempt="001-x/heap+rename/devstral/r1/a1",
        stage="build",
        stage_id="1-build-1",
        iteration=1,
        t=1.0,
        dialect="chat",
        endpoint="lmstudio",
        requested="devstral",
        wire="mistralai/devstral",
        local=True,
        stream=True,
        estimate=1200,
    )
    return lambda id, **fields: replace(usual, id=id, **fields)  # noqa: A006


@pytest.fixture
def ended() -> Callable[..., CallEnded]:
    """A call that went well, its usage known: `ended("c0", t=2.0, usage=Usage())`."""
    usual = CallEnded("c0", 2.0, 200, usage=Usage(100, 10, 50, 0, 2), timing=Timing(0.1, 0.2, 1.0), cost=0.5)
    return lambda id, **fields: replace(usual, id=id, **fields)  # noqa: A006


@pytest.fixture
def attempt(
    tmp_path: Path,
    result: AttemptResult,
    started: Callable[..., CallStarted],
    ended: Callable[..., CallEnded],
) -> AttemptFolder:
    """A committed attempt with something in every place of its record."""
    folder = ExperimentFolder(tmp_path / "results", "001-x").create().folder(result.cell, result.number).create()
    folder.trial.write_bytes(b'{"what": "the trial was told"}\n')
    write_manifest(folder, {"agent": "opencode 1.18.33"})
    (folder.prompts / "1-build-1.md").write_text("build it")
    (folder.agent / "1-build-1.jsonl").write_text('{"type": "text"}\n')
    (folder.grading / "unit.log").write_text("3 passed\n")
    folder.plan.write_text("tickets: [the plan that it made]\n")
    folder.shared_plan.write_text("tickets: [the plan that it was given]\n")
    folder.log.write_text("a word of the trial\n")
    folder.bundle.write_bytes(b"# v2 git bundle\n" + bytes(range(256)))
    folder.patch.write_bytes(b"diff --git a/x b/x\n")
    folder.wip_patch.write_bytes(b"diff --git a/y b/y\n")
    log = EventLog(folder)
    for n in range(5):
        log.append(EventKind.WARNING, text=f"warning {n}")
    log.close()
    bodies, calls = BodyStore(folder.bodies), CallLog(folder)
    for n in range(4):
        reference = bodies.add(f"c{n}", "request", b"the conversation " * 40 + b"%d" % n, thread="build")
        calls.started(started(f"c{n}", request=reference))
        calls.ended(ended(f"c{n}"))
    bodies.close()
    calls.close()
    write_result(folder, result)
    return folder


@pytest.fixture
def hurried_threads() -> Iterator[None]:
    """Threads take turns as often as they can, so that what a lock should keep apart meets."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.fixture
def grown() -> Callable[[Path, int], None]:
    """`grown(path, size)`: wait until a file that another process writes has more than `size` bytes."""

    def wait(path: Path, size: int) -> None:
        deadline = time.monotonic() + 60
        while not path.exists() or path.stat().st_size <= size:
            assert time.monotonic() < deadline, f"{path} does not grow"
            time.sleep(0.002)

    return wait


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """`spawn(code, *arguments)`: Python in another process, ended with the test."""
    children: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", code, *map(str, arguments)]
        children.append(
            subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, cwd="/", **options)
        )
        return children[-1]

    yield start
    for child in children:
        child.kill()
        child.communicate()
