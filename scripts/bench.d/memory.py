#!/usr/bin/env python3
"""Memory of `ralphbench run` while trials run, and of one attempt without its agent, also with a long transcript.

    python scripts/bench.d/memory.py [--json] [--quick]

Two attempts at once; the highest resident set of each process, as the kernel kept it (VmHWM). An attempt is its trial
process and the keeper that stands between it and the agent. Linux only.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from shared import Row, course, describe_agent, small_project

if TYPE_CHECKING:
    from support.project import Project

RUN_LIMIT, TRIAL_LIMIT = 150.0, 60.0
TALKER = """\
    import json, pathlib, sys
    stage, answers, size = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    def say(**event):
        sys.stdout.write(json.dumps(event) + chr(10))
    name = stage.split("-")[1]
    if name == "build":
        pathlib.Path("one.txt").write_text("one" + chr(10))
        for n in range(size // 4000):
            say(type="tool_call", tool="bash", call_id=str(n), arguments={"command": f"look {n} " + "a" * 1800})
            say(type="tool_result", tool="bash", call_id=str(n), text="b" * 2000, seconds=0.001, exit=0, failed=False)
    say(type="message", text=(answers / f"{name}.json").read_text())
    say(type="step", reason="stop")
"""
Peaks = dict[str, float]
"""MB, by the part that a process plays."""


def measure(folder: Path, quick: bool) -> list[Row]:
    length = 10_000_000 if quick else 50_000_000
    short, long = (watched(folder / str(size), size) for size in (0, length))
    nothing = nothing_at_all()
    trial, talked = (each["trial"] + each["keeper"] for each in (short, long))
    run = max(short["run"], long["run"])

    def row(what: str, ours: float, limit: float) -> Row:
        baseline = {"python -c pass": nothing, "ratio": ours / nothing}
        return {"what": what, "ours": ours, **baseline, "limit": f"<= {limit:g} MB", "met": ours <= limit}

    return [
        row("memory of `run` while 2 trials run, MB", run, RUN_LIMIT),
        row("memory of an attempt without its agent, MB", trial, TRIAL_LIMIT),
        row(f"- with a transcript of {length // 1_000_000} MB, MB", talked, TRIAL_LIMIT),
    ]


def watched(root: Path, size: int) -> Peaks:
    project = small_project(root, repeats=2, limits={"iterations": 5, "wall_time": "10m", "stage_timeout": "5m"})
    talker = root / "talker.py"
    talker.write_text(textwrap.dedent(TALKER), encoding="utf-8")
    argv = ["{python}", str(talker), "{stage}", str(root / "answers"), str(size)]
    describe_agent(project, argv, output={"format": "ours"})
    peaks: Peaks = {"run": 0.0, "trial": 0.0, "keeper": 0.0}
    argv = project.command("run", "001-words", "--yes", "--jobs", "2")
    with subprocess.Popen(
        argv, cwd=root, env=project.env(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        while process.poll() is None:
            look(process.pid, peaks)
            time.sleep(0.02)
        assert process.stderr is not None
        if process.returncode != 0:
            raise RuntimeError(f"ralphbench run ended with {process.returncode}: {process.stderr.read()[-2000:]!r}")
    check(project, size)
    return peaks


def check(project: Project, size: int) -> None:
    """The transcript must have been as long as was meant."""
    for events in project.record.glob("cells/**/events.jsonl"):
        if events.stat().st_size < size * 0.9:
            raise RuntimeError(f"{events} has {events.stat().st_size} bytes of about {size}")


def look(pid: int, peaks: Peaks) -> None:
    """`run` counts only while there is a trial: what it prints at its end is another matter."""
    found = dict(parts(pid))
    if "trial" in found:
        found["run"] = peak(pid)
    for part, size in found.items():
        peaks[part] = max(peaks[part], size)


def parts(pid: int) -> Iterator[tuple[str, float]]:
    with suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.Error):
                argv = child.cmdline()
                if "ralphbench.trial" in argv:
                    yield "trial", peak(child.pid)
                elif any(word.endswith("keeper.py") for word in argv):
                    yield "keeper", peak(child.pid)


def peak(pid: int) -> float:
    """MB; 0 where the process is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def nothing_at_all() -> float:
    """MB of a Python that does nothing."""
    argv = [sys.executable, "-c", "import sys; sys.stdout.write('x'); sys.stdout.flush(); sys.stdin.read()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        size = peak(process.pid)
        process.communicate(b"")
    return size


if __name__ == "__main__":
    sys.exit(course("memory", __doc__, measure))
