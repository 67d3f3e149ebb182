from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from ralphbench.schedule import RunFolder, reap, run_folders


def test_a_run_folder_that_goes_while_they_are_listed_is_passed_over(tmp_path: Path) -> None:
    for name in ("run-1-a", "run-2-b", "run-3-c"):
        (tmp_path / name).mkdir()
    found = run_folders(tmp_path)
    assert next(found)[0].name == "run-1-a"
    shutil.rmtree(tmp_path / "run-2-b")
    assert [path.name for path, _, _ in found] == ["run-3-c"]


def test_the_folder_of_a_run_that_lives_is_left_alone(tmp_path: Path) -> None:
    mine = RunFolder(tmp_path / "runs", "x")
    assert reap(tmp_path / "runs") == ()
    assert [(path, experiment, lives) for path, experiment, lives in run_folders(tmp_path / "runs")] == [
        (mine.path, "x", True)
    ]
    mine.remove()
    assert not list((tmp_path / "runs").iterdir())


def test_what_the_gateway_said_is_kept_run_after_run_and_of_killed_ones_too(tmp_path: Path) -> None:
    runs, log = tmp_path / "runs", tmp_path / "gateway.log"
    first = RunFolder(runs, "x", log)
    (first.path / "gateway.log").write_text("first\n")
    first.remove()
    script = f"""
import os
from pathlib import Path
from ralphbench.schedule import RunFolder
killed = RunFolder(Path({str(runs)!r}), "x", Path({str(log)!r}))
(killed.path / "gateway.log").write_text("killed\\n")
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", script]).returncode == -9
    assert [each.experiment for each in reap(runs)] == ["x"]
    last = RunFolder(runs, "x", log)
    (last.path / "gateway.log").write_text("last\n")
    last.remove()
    assert [line for line in log.read_text().splitlines() if not line.startswith("--- run-")] == [
        "first",
        "killed",
        "last",
    ]
    assert not list(runs.iterdir())
