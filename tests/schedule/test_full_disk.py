"""Full disks: who fills its own has crashed; whom somebody else's cuts off goes on when there is room."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.project import SCRIPT, Project, make_project
from support.small_disk import MB, small_disk

pytestmark = pytest.mark.slow
FILLER = Path(__file__).parent.parent / "support" / "filler"
ENOUGH = {"RALPHBENCH_FREE_BYTES": str(16 * MB)}
FILL = "cat /dev/zero > {} 2>/dev/null; true"


def that_does(command: str, **when: str) -> dict[str, Any]:
    """The usual script, with a command before the work of some builds."""
    script = copy.deepcopy(SCRIPT)
    for rule in script["rules"]:
        wanted = rule.get("when", {})
        if wanted.get("stage") == "build" and when.items() <= wanted.items():
            rule["turns"].insert(0, {"tools": [{"name": "bash", "arguments": {"command": command}}]})
    return script


def results(project: Project) -> list[dict[str, Any]]:
    return [json.loads(p.read_bytes()) for p in sorted(project.record.glob("cells/*/*/*/*/result.json"))]


def nothing_left(project: Project) -> None:
    assert not list(project.root.glob("cache/work/*/*/*/*/a*"))
    assert not list(project.root.glob("cache/grading/*"))
    assert not list((project.root / "run/ralphbench").iterdir())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 96 * MB) as folder:
        yield folder


@pytest.mark.parametrize("what", ["big", "$HOME/big", "$TMPDIR/big"])
@pytest.mark.parametrize("shared", [True, False], ids=["with its record", "of worktrees alone"])
def test_a_contender_that_fills_its_disk_has_crashed_and_has_no_other_try(
    tmp_path: Path, disk: Path, what: str, shared: bool
) -> None:
    root = disk / "p" if shared else tmp_path / "p"
    project = make_project(root, script=that_does(FILL.format(what), ticket="t2"))
    if not shared:
        (root / "cache").symlink_to(disk)
    done = project.run(env=ENOUGH)
    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = results(project)
    assert (result["ending"], result["stage"]) == ("agent_crash", "build")
    assert result["detail"].startswith("it filled the disk: ")
    gates = {gate["id"]: gate["outcome"] for gate in result["verdict"]["gates"]}
    assert gates == {"readme": "pass", "one": "pass", "two": "fail"}, "judged is what was accepted before"
    assert result["commit"] != result["base"]
    assert result["processes"] == 1
    assert shutil.disk_usage(disk).free > 64 * MB
    nothing_left(project)
    assert project.run(env=ENOUGH).returncode == 0
    assert len(results(project)) == 1, "it has been judged: nothing is tried again"


@pytest.mark.parametrize("number", [0, 1, 9, 20, 31, 42, 53])
def test_a_disk_that_somebody_else_fills_stops_the_run_and_the_same_command_goes_on_when_there_is_room(
    disk: Path, number: int
) -> None:
    project, filler = make_project(disk / "p"), disk / "filler"
    first = project.run(env={**ENOUGH, "RALPHBENCH_FILL_AT": f"{number}:{filler}", "PYTHONPATH": str(FILLER)})
    assert filler.exists()
    assert first.returncode == 3, first.stdout + first.stderr
    assert "Traceback" not in first.stdout + first.stderr
    assert "df -h" in first.stderr
    assert "type the same command again" in first.stderr
    assert results(project) == []
    full = project.run(env=ENOUGH)
    assert full.returncode == 3, "and so it stays, as long as nobody makes room"
    assert "Traceback" not in full.stderr
    filler.unlink()
    again = project.run(env=ENOUGH)
    assert again.returncode == 0, again.stdout + again.stderr
    (result,) = results(project)
    assert (result["number"], result["verdict"]["resolved"]) == (1, True), "the same attempt, to its end"
    nothing_left(project)


def test_who_runs_beside_a_contender_that_fills_the_disk_goes_on_when_that_one_has_crashed(
    tmp_path: Path, disk: Path
) -> None:
    """Each waits for the other: the disk is full when the good one goes on, and stays so until that one is cut off."""
    pid, full = tmp_path / "pid", tmp_path / "full"
    fill = f"until [ -s {pid} ]; do sleep 0.1; done; {FILL.format('big')}; touch {full}; "
    script = that_does(fill + f"while kill -0 $(cat {pid}) 2>/dev/null; do sleep 0.1; done", model="idle")
    wait = f"[ -e {full} ] || echo $PPID > {pid}; until [ -e {full} ]; do sleep 0.1; done"
    for rule in script["rules"]:
        wanted = rule.get("when", {})
        if (wanted.get("model"), wanted.get("stage")) == ("good", "build"):
            rule["turns"].insert(0, {"tools": [{"name": "bash", "arguments": {"command": wait}}]})
    project = make_project(disk / "p", script=script, profiles=["good", "idle"])
    done = project.run("--jobs", "2", env=ENOUGH)
    assert done.returncode == 0, done.stdout + done.stderr
    good, idle = results(project)
    assert "words × good r1: cut off, the disk takes no more" in done.stdout
    assert (good["number"], good["ending"], good["verdict"]["resolved"]) == (1, "completed", True)
    assert good["processes"] > 1
    assert (idle["number"], idle["ending"]) == (1, "agent_crash")
    nothing_left(project)


def test_a_worktree_that_nobody_can_put_right_is_its_contenders_doing(tmp_path: Path) -> None:
    probe = tmp_path / "probe"
    probe.touch()
    if subprocess.run(["chattr", "+i", probe], capture_output=True, check=False).returncode:
        pytest.skip("no file can be made unremovable here")
    subprocess.run(["chattr", "-i", probe], check=True)
    stuck = "echo x > stuck; chattr +i stuck"
    project = make_project(tmp_path / "p", script=that_does(stuck, model="idle"), profiles=["idle", "good"])
    try:
        done = project.run()
        assert done.returncode == 0, done.stdout + done.stderr
        good, idle = results(project)
        assert good["verdict"]["resolved"]
        assert (idle["number"], idle["ending"]) == (1, "agent_crash")
        assert "nobody can put it right" in idle["detail"]
        assert idle["verdict"]["score"] == 0.0
    finally:
        subprocess.run(["chattr", "-R", "-i", project.root / "cache/work"], check=False)


@pytest.mark.parametrize("folder", ["results", "cache"])
def test_a_folder_that_cannot_be_written_is_said_and_the_same_command_runs_when_it_can(
    tmp_path: Path, folder: str
) -> None:
    project = make_project(tmp_path / "p")
    place = project.root / folder
    with small_disk(place, 64 * MB):
        place.chmod(0o700)
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        done = project.run(env=ENOUGH)
        assert done.returncode == 3, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert str(place) in done.stderr
        assert "Read-only file system" in done.stderr
        assert "try: " in done.stderr
        assert results(project) == []
        subprocess.run(["mount", "-o", "remount,rw", place], check=True)
        again = project.run(env=ENOUGH)
        assert again.returncode == 0, again.stdout + again.stderr
        assert len(results(project)) == 1
