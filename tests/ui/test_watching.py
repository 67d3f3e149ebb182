from __future__ import annotations

import io
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from support.results import result, verdict

from ralphbench.cli.live import live_table, plain_line
from ralphbench.model import (
    AttemptSpec,
    CallEnded,
    CallStarted,
    Cell,
    Ending,
    Limits,
    ModelRef,
    PlanMode,
    Profile,
    Spent,
    Stage,
    StageEnding,
    StageModel,
    Target,
    Task,
    Usage,
)
from ralphbench.record import AttemptFolder, CallLog, EventLog
from ralphbench.schedule import RunningTrial
from ralphbench.ui import LiveListener, PlainListener, verdict_text


def spec_of(folder: Path) -> AttemptSpec:
    profile = Profile("devstral", dict.fromkeys(Stage, StageModel(ModelRef("box", "m"), "tiny")))
    return AttemptSpec(
        "x", Cell("words", "devstral", 2), 3, Task("words", folder, "", "", Target(), ()), profile, {},
        Limits(iterations=40, wall_time=7200.0), PlanMode(), "host", folder, folder, folder, "b", folder, folder, folder, "i",
    )  # fmt: skip


@pytest.fixture
def spec(tmp_path: Path) -> AttemptSpec:
    """Of an attempt in the middle of its second iteration."""
    folder = AttemptFolder(tmp_path / "a").create()
    log, calls = EventLog(folder), CallLog(folder)

    def say(kind: str, **data: Any) -> None:
        log.append(kind, **data)  # type: ignore[arg-type]

    say("plan_ready", tickets=[1], state={"tickets": [{"state": "accepted"}, {"state": "open"}, {"state": "open"}]})
    say("attempt_resumed", spent={"seconds": 600.0})
    say("stage_started", stage="build", iteration=2, ticket="t2")
    say("agent", what="tool_call", tool="bash")
    began = time.time() + 9
    calls.started(CallStarted("c0", "x", "build", "s", 2, began, "chat", "b", "m", "m", True, True, 1))
    calls.ended(CallEnded("c0", began + 9.0, 200, usage=Usage(12_300, 450), cost=0.25))
    log.close()
    calls.close()
    return spec_of(folder.path)


EVERYTHING = (
    "devstral",
    "words",
    "build",
    "2/40",
    "1/3",
    "12.3k",
    "450",
    "50.0",
    "$0.25",
    "10m",
    "2h00m",
    "calls bash",
)


def running(spec: AttemptSpec) -> RunningTrial:
    return RunningTrial(spec, subprocess.Popen(["true"]), 0.0, resumed=True, gateway=1)


def test_plain_lines_hold_everything_that_is_known_of_a_running_cell(spec: AttemptSpec) -> None:
    lines: list[str] = []
    listener = PlainListener(lines.append, plain_line, every=0.0)
    listener.cell_started(spec, resumed=True)
    trial = running(spec)
    listener.tick([trial], 5)
    trial.process.wait()
    assert "goes on with words × devstral r2 a3" in lines[0]
    assert all(part in lines[1] for part in EVERYTHING), lines[1]


def test_plain_lines_do_not_come_more_often_than_asked(spec: AttemptSpec) -> None:
    lines: list[str] = []
    listener = PlainListener(lines.append, plain_line, every=60.0)
    listener.cell_started(spec, resumed=False)
    trial = running(spec)
    for _ in range(10):
        listener.tick([trial], 0)
    trial.process.wait()
    assert len(lines) == 1


def test_the_live_table_holds_the_same(spec: AttemptSpec) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=200, color_system=None)
    with LiveListener(console, live_table) as live:
        live.cell_started(spec, resumed=True)
        trial = running(spec)
        live.tick([trial], 5)
        time.sleep(0.3)
    trial.process.wait()
    shown = out.getvalue()
    assert all(part in shown for part in EVERYTHING), shown
    assert "5 cells wait" in shown


def test_what_is_over_is_said_with_its_verdict(spec: AttemptSpec) -> None:
    lines: list[str] = []
    listener = PlainListener(lines.append, plain_line)
    listener.cell_started(spec, resumed=False)
    listener.cell_ended(spec, result(), "")
    listener.cell_ended(spec, None, "stopped")
    assert "resolved, score 1.00, ended as completed" in lines[1]
    assert lines[2].endswith("cut off [stopped]")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "resolved, score 1.00, ended as completed"),
        (
            {"verdict": verdict(False), "ending": Ending.FAILURES, "cause": StageEnding.CONTEXT},
            "not resolved, score 0.00, ended as failures (context)",
        ),
        ({"verdict": None, "ending": Ending.DISK, "detail": "full"}, "disk: full"),
        ({"verdict": None, "ending": Ending.DISK, "spent": Spent()}, "disk"),
    ],
)
def test_a_verdict_in_words(changes: dict[str, Any], text: str) -> None:
    assert verdict_text(result(**changes)) == text
