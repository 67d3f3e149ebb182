from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ralphbench.model import (
    AttemptSpec,
    Cell,
    Ending,
    Limits,
    ModelRef,
    PlanMode,
    Profile,
    Stage,
    StageModel,
    Target,
    Task,
)
from ralphbench.record import AttemptFolder, EventLog
from ralphbench.trial import dead_result


def spec_of(folder: Path) -> AttemptSpec:
    model = StageModel(ModelRef("box", "m"), "builtin")
    return AttemptSpec(
        experiment="x",
        cell=Cell("t", "p", 1),
        number=1,
        task=Task("t", folder, "", "", Target(), ()),
        profile=Profile("p", dict.fromkeys(Stage, model)),
        endpoints={},
        limits=Limits(),
        plan=PlanMode(),
        sandbox="host",
        folder=folder,
        workspace=folder / "w",
        mirror=folder / "m",
        base="b" * 40,
        gateway=folder / "g",
        gateway_socket=folder / "s",
        leases=folder / "l",
        identity="i",
    )


def test_an_attempt_that_cannot_be_finished_keeps_what_it_has_used(tmp_path: Path) -> None:
    folder = AttemptFolder(tmp_path).create()
    log = EventLog(folder)
    log.append("attempt_started", process=1)  # type: ignore[arg-type]
    log.append("stage_started", stage="build", stage_id="1-build-1", iteration=1)  # type: ignore[arg-type]
    log.append(  # type: ignore[call-arg]
        "stage_ended",  # type: ignore[arg-type]
        stage="build",
        stage_id="1-build-1",
        ending="agent_crash",
        spent={"seconds": 42.0},
    )
    log.append("attempt_resumed", process=2, spent={"seconds": 42.0})  # type: ignore[arg-type]
    log.close()
    result = dead_result(spec_of(tmp_path), Ending.HARNESS, "it died")
    assert result.ending.void
    assert result.verdict is None
    assert result.stage is Stage.BUILD
    assert result.processes == 2
    assert (result.spent.seconds, result.times.clock) == (42.0, 42.0)


MEASURE = """
import re, sys
from pathlib import Path
import ralphbench.trial.attempt
from ralphbench.model import Ending, codec, AttemptSpec
from ralphbench.trial import dead_result, read_history
from ralphbench.record import AttemptFolder
spec = codec.loads(Path(sys.argv[1]).read_bytes(), AttemptSpec)
read_history(AttemptFolder(spec.folder))
dead_result(spec, Ending.HARNESS, "")
heavy = {"pydantic", "pandas", "numpy", "aiohttp", "openai", "docker", "git", "rich", "click"} & set(sys.modules)
# Not ru_maxrss: that one begins with what the process that started this one had.
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1], *heavy)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="kilobytes are Linux's")
def test_a_trial_stays_small_however_long_its_transcript(tmp_path: Path) -> None:
    from ralphbench.model import codec

    folder = AttemptFolder(tmp_path / "a").create()
    said = "x" * 4000
    with folder.events.open("wb") as file:  # 100 MB
        for n in range(25_000):
            data = {"what": "message", "stage_id": "1-build-1", "text": said}
            file.write(codec.dumps({"n": n, "t": 1000.0 + n, "kind": "agent", "data": data}) + b"\n")
    told = tmp_path / "spec.json"
    told.write_bytes(codec.dumps(spec_of(folder.path)))
    done = subprocess.run([sys.executable, "-c", MEASURE, str(told)], capture_output=True, text=True, check=True)
    used, *heavy = done.stdout.split()
    assert heavy == []
    assert int(used) / 1024 < 60, "MB"
