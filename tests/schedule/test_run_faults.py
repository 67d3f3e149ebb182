"""Bad input and faults of a whole run: a clear error before anything is spent, and nothing lost."""

from __future__ import annotations

import copy
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.project import SCRIPT, TASK, Project, make_project
from support.waiting import until

from ralphbench.sandbox.processes import descendants, owners

pytestmark = pytest.mark.slow

UNHURRIED = {"iterations": 5, "wall_time": "9h", "failures": 2, "stage_timeout": "9h", "idle_timeout": "9h"}
"""Limits under which what is slow stays so until it is ended."""
HOUR = 3600


def slow_script(seconds: float) -> dict[str, Any]:
    """The usual script, with a build that takes its time before it runs anything."""
    script = copy.deepcopy(SCRIPT)
    for rule in script["rules"]:
        if rule.get("when", {}).get("stage") == "build":
            rule["turns"][0]["delay"] = seconds
    return script


def with_fault(fault: dict[str, Any], stage: str = "build") -> dict[str, Any]:
    script = copy.deepcopy(SCRIPT)
    for rule in script["rules"]:
        if rule.get("when", {}).get("stage") == stage:
            rule["turns"][0]["fault"] = fault
    return script


def results(project: Project) -> list[dict[str, Any]]:
    return [json.loads(p.read_bytes()) for p in sorted(project.record.glob("cells/*/*/*/*/result.json"))]


def calls(project: Project) -> int:
    return sum(len(p.read_bytes().splitlines()) for p in project.record.glob("cells/*/*/*/*/calls.jsonl"))


def no_process_left(project: Project) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        left = [pid for pid in owners() if str(project.root) in _of(pid, "environ")]
        if not left:
            return True
        time.sleep(0.1)
    return False


def _of(pid: int, what: str) -> str:
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes().decode(errors="replace")
    except OSError:
        return ""


# The user's words


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "002-words"), "there is no experiment '002-words'; did you mean '001-words'"),
        (("run", "001-words", "-p", "goood"), "did you mean 'good'"),
        (("run", "001-words", "-t", "wrods"), "did you mean 'words'"),
        (("run", "001-words", "--repeat", "2"), "--repeats"),
        (("rnu", "001-words"), "did you mean 'run'"),
        (("run", "001-words", "--sandbox", "dokcer"), "dokcer"),
        (("show", "001-words", "good"), "no record of an experiment"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = make_project(tmp_path).ralphbench(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_key_names_file_line_and_the_nearest_key(tmp_path: Path) -> None:
    project = make_project(tmp_path, repeets=2)
    done = project.run()
    assert done.returncode == 2
    assert "experiment.yaml:" in done.stderr
    assert "did you mean 'repeats'" in done.stderr


def test_a_task_whose_gates_do_not_discriminate_is_refused_before_anything_is_spent(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    task = copy.deepcopy(TASK)
    task["gates"][1]["run"] = "true"
    project.write("specs/words/task.yaml", task)
    done = project.run()
    assert done.returncode == 2
    assert "one" in done.stderr
    assert calls(project) == 0


def test_a_missing_agent_is_said_with_what_to_type(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    done = project.run("--agent", "opencode", env={"RALPHBENCH_OPENCODE": str(tmp_path / "none")})
    assert done.returncode == 3
    assert "opencode" in done.stderr
    assert not list(project.record.glob("cells/*"))


@pytest.mark.parametrize("bare", [False, True], ids=["with a worktree", "bare"])
def test_a_cache_inside_a_repository_is_refused_before_anything_is_spent(tmp_path: Path, bare: bool) -> None:
    project = make_project(tmp_path / "project")
    home = tmp_path / "home"
    subprocess.run(["git", "init", "-q", *(["--bare"] if bare else []), home], check=True)
    done = project.run(env={"RALPHBENCH_CACHE": str(home / ".cache/ralphbench")})
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"would lie inside the repository {home}," in done.stderr
    assert "export RALPHBENCH_CACHE=" in done.stderr
    assert not list(project.record.glob("cells/*"))


def test_an_endpoint_that_is_down_is_said_before_anything_is_spent(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    project.write(
        "experiments/001-words/endpoints.yaml", {"box": {"kind": "openai", "base_url": "http://127.0.0.1:9/v1"}}
    )
    done = project.run()
    assert done.returncode == 3
    assert "127.0.0.1:9" in done.stderr
    assert not list(project.record.glob("cells/*"))


def test_a_model_that_is_not_there_is_said_with_those_that_are(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    project.write("experiments/001-words/profiles.yaml", {"good": {"agent": "tiny", "model": "box/goood"}})
    done = project.run()
    assert done.returncode == 3
    assert "goood" in done.stderr
    assert "good, idle" in done.stderr


def test_a_cost_cap_on_what_may_be_a_proxy_asks_whether_it_costs_anything(tmp_path: Path) -> None:
    project = make_project(tmp_path, limits={"iterations": 2, "cost": "1 USD"})
    endpoint = {"kind": "openai", "base_url": "http://127.0.0.1:9/v1"}
    project.write("experiments/001-words/endpoints.yaml", {"box": endpoint})
    done = project.run()
    assert done.returncode != 0
    assert "may pass calls on to somebody who takes money" in done.stderr
    assert "box: {local: true}" in done.stderr
    project.write("experiments/001-words/endpoints.yaml", {"box": {**endpoint, "local": True}})
    assert "takes money" not in project.run().stderr


def test_a_cost_cap_with_an_unknown_price_is_refused_before_the_run(tmp_path: Path) -> None:
    project = make_project(tmp_path, limits={"iterations": 2, "cost": "1 USD"})
    script = {"box": {"kind": "scripted", "script": "script.yaml", "local": False}}
    project.write("experiments/001-words/endpoints.yaml", script)
    done = project.run()
    assert done.returncode != 0
    assert "price" in done.stderr
    assert calls(project) == 0


def test_a_cap_of_the_second_profile_on_the_same_model_is_seen_too(tmp_path: Path) -> None:
    project = make_project(tmp_path, profiles=["good", "same"], unequal_limits=True)
    script = {"box": {"kind": "scripted", "script": "script.yaml", "local": False}}
    project.write("experiments/001-words/endpoints.yaml", script)
    one = {"agent": "tiny", "model": "box/good", "context": "32k", "output": "2k"}
    profiles = {"good": one, "same": {**one, "limits": {"cost": "1 USD"}}}
    project.write("experiments/001-words/profiles.yaml", profiles)
    done = project.run()
    assert done.returncode == 3, done.stdout + done.stderr
    assert "the cost of same is capped, and the price of box/good is unknown" in done.stderr
    assert calls(project) == 0


# Faults in the middle


@pytest.mark.parametrize(
    ("fault", "ending"),
    [
        ({"name": "quota"}, "rate_limited"),
        ({"name": "wrong_model"}, "wrong_model"),
        ({"name": "server_error"}, "provider_error"),
    ],
)
def test_an_infrastructure_fault_voids_and_is_tried_again_as_often_as_allowed(
    tmp_path: Path, fault: dict[str, Any], ending: str
) -> None:
    project = make_project(tmp_path, script=with_fault(fault), void_retries=1)
    endpoint = {"kind": "scripted", "script": "script.yaml", "options": {"retries": 1, "retry_max_seconds": 1}}
    project.write("experiments/001-words/endpoints.yaml", {"box": endpoint})
    done = project.run()
    assert done.returncode == 4, done.stdout + done.stderr
    assert [r["ending"] for r in results(project)] == [ending, ending]
    assert all(r["verdict"] is None for r in results(project))
    assert "void" in done.stdout


def test_a_fault_that_passes_is_off_the_contenders_clock_and_voids_nothing(tmp_path: Path) -> None:
    project = make_project(tmp_path, script=with_fault({"name": "rate_limit", "times": 1, "retry_after": 2}))
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = results(project)
    assert result["verdict"]["resolved"]
    assert result["times"]["retry"] >= 1.5
    assert result["times"]["clock"] <= result["times"]["wall"] - result["times"]["retry"] + 0.5


def test_a_stalled_stream_ends_the_stage_as_idle(tmp_path: Path) -> None:
    limits = {"iterations": 3, "failures": 1, "stage_timeout": "60s", "idle_timeout": "4s"}
    project = make_project(tmp_path, script=with_fault({"name": "stall", "at": 1}), limits=limits)
    assert project.run("--agent", "builtin").returncode == 0
    (result,) = results(project)
    assert (result["ending"], result["cause"]) == ("failures", "idle_timeout")
    assert no_process_left(project)


def test_a_server_that_reads_a_long_prompt_is_waited_for(tmp_path: Path) -> None:
    """Longer than an agent may be silent: the time to the first byte is the server's."""
    limits = {"iterations": 3, "failures": 1, "stage_timeout": "60s", "idle_timeout": "3s"}
    project = make_project(tmp_path, script=slow_script(8), limits=limits)
    assert project.run().returncode == 0
    (result,) = results(project)
    assert (result["ending"], result["verdict"]["resolved"]) == ("completed", True)


def test_wall_time_is_enforced_inside_a_stage(tmp_path: Path) -> None:
    script = copy.deepcopy(SCRIPT)
    script["rules"][0]["turns"][0]["delay"] = HOUR
    project = make_project(tmp_path, script=script, limits={**UNHURRIED, "wall_time": "3s"})
    assert project.run().returncode == 0
    assert results(project)[0]["ending"] == "wall_time"
    stages = [e["data"] for e in events(project) if e["kind"] == "stage_ended"]
    assert [(stage["stage"], stage["ending"]) for stage in stages] == [("plan", "wall_time")]


def test_the_second_of_two_runs_is_told_who_holds_the_experiment(tmp_path: Path) -> None:
    project = make_project(tmp_path, script=slow_script(HOUR), limits=UNHURRIED)
    first = start(project)
    wait_for(project, "stage_started", "build")
    second = project.run()
    assert second.returncode == 4
    assert str(first.pid) in second.stderr
    first.kill()
    first.communicate()
    assert no_process_left(project)


# Stopping


STARTED: list[subprocess.Popen[str]] = []
HEARD = {1: "stopping: nothing new is begun", 2: "stopping now"}


@pytest.fixture(autouse=True)
def _no_run_outlives_its_test() -> Iterator[None]:
    yield
    while STARTED:
        run = STARTED.pop()
        run.kill()
        run.wait()
        if run.stdout is not None:
            run.stdout.close()


def press(run: subprocess.Popen[str], times: int) -> None:
    """Ctrl-C, each heard before the next: two signals that come at once are one."""
    assert run.stdout is not None
    for number in range(1, times + 1):
        run.send_signal(signal.SIGINT)
        said = iter(run.stdout.readline, "")
        assert any(HEARD[number] in line for line in said), f"it ended and never said {HEARD[number]!r}"


def start(project: Project, *arguments: str) -> subprocess.Popen[str]:
    run = subprocess.Popen(
        project.command("run", "001-words", "--yes", *arguments),
        cwd=project.root,
        env=project.env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    STARTED.append(run)
    return run


def events(project: Project) -> Iterator[dict[str, Any]]:
    for path in project.record.glob("cells/*/*/*/*/events.jsonl"):
        for line in path.read_bytes().splitlines():
            yield json.loads(line)


def wait_for(project: Project, kind: str, stage: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if any(e["kind"] == kind and e["data"].get("stage") == stage for e in events(project)):
            return
        time.sleep(0.05)
    raise AssertionError(f"no {kind} of {stage} within {seconds} s")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_stops_at_the_next_event_and_the_same_command_goes_on(tmp_path: Path, signum: int) -> None:
    project = make_project(tmp_path, script=slow_script(3))
    run = start(project)
    wait_for(project, "stage_started", "build")
    run.send_signal(signum)
    out, _ = run.communicate(timeout=280)
    assert run.returncode == 130, out
    assert f"Go on with:   {' '.join(project.command('run', '001-words'))}" in out
    assert results(project) == []
    assert no_process_left(project)
    assert project.run().returncode == 0
    (result,) = results(project)
    assert (result["verdict"]["resolved"], result["number"], result["processes"]) == (True, 1, 2)


@pytest.mark.parametrize("at_once", [False, True], ids=["one after the other", "at once"])
def test_two_signals_stop_now(tmp_path: Path, at_once: bool) -> None:
    project = make_project(tmp_path, script=slow_script(HOUR), limits=UNHURRIED)
    run = start(project)
    wait_for(project, "stage_started", "build")
    if at_once:
        for number in (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCONT):
            run.send_signal(number)
    else:
        press(run, 2)
    out, _ = run.communicate()
    assert run.returncode == 130, out
    last = [e["data"] for e in events(project) if e["kind"] == "stage_ended"][-1]
    assert (last["stage"], last["ending"]) == ("build", "interrupted"), "its trial was killed: it did not listen"
    assert no_process_left(project)


def test_three_signals_leave_at_once_and_the_next_start_reaps(tmp_path: Path) -> None:
    project = make_project(tmp_path, script=slow_script(HOUR), limits=UNHURRIED)
    run = start(project)
    wait_for(project, "stage_started", "build")
    trial = min(pid for pid in descendants(run.pid) if "ralphbench.trial" in _of(pid, "cmdline"))
    os.kill(trial, signal.SIGSTOP)  # so that it cannot be through with stopping before the third
    press(run, 2)
    run.send_signal(signal.SIGINT)
    run.communicate()
    assert run.returncode == 130
    assert list((project.root / "run/ralphbench").iterdir()), "it tidied up before it left"
    project.write("experiments/001-words/script.yaml", SCRIPT)
    again = project.run("--fresh")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "reaped" in again.stdout
    assert no_process_left(project)
    assert not list((project.root / "run/ralphbench").iterdir())


def test_one_signal_does_not_wait_for_a_gate_that_takes_minutes(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    task = copy.deepcopy(TASK)
    slow = f"test ! -e {tmp_path / 'slow'} || (touch {tmp_path / 'judging'}; sleep {HOUR})"
    task["gates"][0] = {"id": "readme", "kind": "guard", "run": slow, "timeout": "9h"}
    project.write("specs/words/task.yaml", task)
    assert project.ralphbench("task", "check", "words").returncode == 0
    (tmp_path / "slow").touch()
    run = start(project)
    until((tmp_path / "judging").exists)
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate()
    assert run.returncode == 130, out
    assert results(project) == []
    assert no_process_left(project)
    (tmp_path / "slow").unlink()
    assert project.run().returncode == 0
    (result,) = results(project)
    assert (result["verdict"]["resolved"], result["processes"]) == (True, 2)
    assert len([e for e in events(project) if e["kind"] == "loop_ended"]) == 1, "only the grading was done again"


def test_one_signal_does_not_wait_for_a_check(tmp_path: Path) -> None:
    script = copy.deepcopy(SCRIPT)
    script["rules"][0]["turns"][0]["json"]["tickets"][0]["acceptance"]["run"] = (
        f"touch {tmp_path}/checking; sleep {HOUR}"
    )
    project = make_project(tmp_path, script=script)
    run = start(project)
    until((tmp_path / "checking").exists)
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate()
    assert run.returncode == 130, out
    assert not [e for e in events(project) if e["data"].get("what") == "check"], (
        "it was waited for until its time was up"
    )
    assert no_process_left(project)


def test_an_attempt_goes_on_where_its_record_was_moved_to_and_a_copy_begins_anew(tmp_path: Path) -> None:
    project = make_project(tmp_path, script=slow_script(4))
    run = start(project)
    wait_for(project, "stage_started", "build")
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=280)
    shutil.copytree(project.root / "results", project.root / "copied")
    copied = project.run("--results", "copied")
    assert copied.returncode == 0, copied.stdout + copied.stderr
    assert "this record is a copy" in copied.stdout
    assert [p.parent.name for p in (project.root / "copied").glob("001-words/cells/*/*/*/*/result.json")] == ["a2"]
    (project.root / "results").rename(project.root / "moved")
    moved = project.run("--results", "moved")
    assert moved.returncode == 0, moved.stdout + moved.stderr
    (path,) = (project.root / "moved").glob("001-words/cells/*/*/*/*/result.json")
    result = json.loads(path.read_bytes())
    assert (result["number"], result["processes"], result["verdict"]["resolved"]) == (1, 2, True)
    assert not list(project.root.glob("cache/work/*/*/*/*/a*")), "no worktree is left, wherever it was"


def breaking(command: str, ticket: str) -> dict[str, Any]:
    """The usual script, with a build that runs a command of the contender's own."""
    script = copy.deepcopy(SCRIPT)
    for rule in script["rules"]:
        if rule.get("when", {}).get("ticket") == ticket and rule["when"]["stage"] == "build":
            rule["turns"][0]["tools"][0]["arguments"]["command"] = command
    return script


@pytest.mark.parametrize("ticket", ["t1", "t2"])
@pytest.mark.parametrize(
    "command",
    [
        "rm -rf ../harness",
        "rm -rf ../harness/objects",
        "rm -rf ../../a1",
        "rm -rf ../harness; for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline | grep -q 'ralphbench[.]trial HERE'"
        " && kill -9 ${p#/proc/}; done",
    ],
    ids=["all", "its objects", "the workspace", "and its process"],
)
def test_a_contender_that_wrecks_the_harness_s_repository_has_crashed(
    tmp_path: Path, command: str, ticket: str
) -> None:
    project = make_project(tmp_path, script=breaking(command.replace("HERE", str(tmp_path)), ticket), void_retries=1)
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = results(project)
    assert (result["ending"], result["stage"]) == ("agent_crash", "build")
    assert result["commit"] == result["base"]
    assert result["verdict"]["resolved"] is False


def test_a_trial_that_dies_again_and_again_is_void_and_named(tmp_path: Path) -> None:
    project = make_project(tmp_path, void_retries=0)
    killer = str(Path(__file__).parent.parent / "support" / "killer")
    done = project.run(env={"RALPHBENCH_KILL_AT": "trial:2:", "PYTHONPATH": killer})
    assert done.returncode == 4, done.stdout + done.stderr
    (result,) = results(project)
    assert (result["ending"], result["processes"]) == ("harness", 4)
    assert "died 4 times" in result["detail"]
    assert "void too often" in done.stdout


def test_a_wish_from_before_the_run_is_not_heard_by_it(tmp_path: Path) -> None:
    from ralphbench.control import send_request

    project = make_project(tmp_path)
    send_request(project.record / "control", "stop")
    assert project.run().returncode == 0
    assert len(results(project)) == 1


# What was recorded


def test_fresh_makes_new_attempts_and_keeps_the_old_ones(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert project.run().returncode == 0
    assert project.run("--fresh").returncode == 0
    assert [r["number"] for r in results(project)] == [1, 2]
    assert project.run().returncode == 0
    assert len(results(project)) == 2


def test_repeats_grow_and_finished_cells_stay(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert project.run().returncode == 0
    first = (project.record / "cells/words/good/r1/a1/result.json").stat().st_mtime_ns
    assert project.run("--repeats", "2").returncode == 0
    assert {r["cell"]["repeat"] for r in results(project)} == {1, 2}
    assert (project.record / "cells/words/good/r1/a1/result.json").stat().st_mtime_ns == first


def test_cells_of_another_identity_are_refused_with_what_changed(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert project.run().returncode == 0
    make_limits = {"iterations": 4, "wall_time": "2m", "failures": 2, "stage_timeout": "30s"}
    file = project.experiment / "experiment.yaml"
    file.write_text(file.read_text().replace("iterations: 5", f"iterations: {make_limits['iterations']}"))
    done = project.run()
    assert done.returncode == 4
    assert "limits.iterations: 5 -> 4" in done.stderr
    assert project.run("--rerun-stale").returncode == 0
    assert [r["number"] for r in results(project)] == [1, 2]


def test_a_torn_result_is_set_aside_and_the_cell_runs_again(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert project.run().returncode == 0
    path = project.record / "cells/words/good/r1/a1/result.json"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert project.run().returncode == 0
    assert list(path.parent.glob("result.json.damaged-*"))
    assert [r["verdict"]["resolved"] for r in results(project)] == [True]


@pytest.mark.parametrize("name", ["journal.jsonl", "lock.json", "cells/words/good/r1/a1/events.jsonl"])
def test_a_torn_file_of_the_record_is_no_crash(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path)
    assert project.run().returncode == 0
    path = project.record / name
    path.write_bytes(path.read_bytes()[:-7])
    for command in (("status", "001"), ("show", "001", "good"), ("analyze", "001"), ("run", "001-words", "--yes")):
        done = project.ralphbench(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_a_torn_base_is_made_again_by_the_next_run(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert project.run().returncode == 0
    (pack,) = project.record.glob("bases/*.pack")
    whole = pack.read_bytes()
    pack.write_bytes(whole[:-5])
    again = project.run("--fresh")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "bases/" in again.stdout
    assert "it is made again" in again.stdout
    assert pack.read_bytes() == whole
    assert [p.read_bytes() for p in project.record.glob("bases/*.damaged-*")] == [whole[:-5]]


@pytest.mark.skipif(os.getuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_stops_the_run_cleanly_and_it_goes_on_when_there_is_room(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    small = project.root / "results"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=False)
    if mounted.returncode != 0:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        done = project.run()
        assert done.returncode == 3
        assert "Traceback" not in done.stderr
        assert "df -h" in done.stderr
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)
    assert project.run().returncode == 0


def test_a_results_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (project.root / "results").write_text("a file")
    done = project.run()
    assert done.returncode == 2
    assert "'results' is a file" in done.stderr


# Shared plans


def test_a_plan_by_one_profile_is_made_once_and_charged_to_it(tmp_path: Path) -> None:
    project = make_project(tmp_path, profiles=["good", "idle"], plan={"shared": {"by": "good"}})
    assert project.run().returncode == 0
    plans = list(project.record.glob("plans/words/good/r1/*/plan.yaml"))
    assert len(plans) == 1
    assert {r["plan_by"] for r in results(project)} == {"good"}
    assert len({r["plan_hash"] for r in results(project)}) == 1
    assert all("plan" not in r["stages"] for r in results(project))
    document = json.loads(project.ralphbench("analyze", "001", "--json").stdout)
    by_name = {row["profile"]: row for row in document["rows"]}
    assert by_name["good"]["plan_cost"] == 0.0
    assert by_name["idle"]["plan_cost"] is None
    assert not any("different plans" in w for w in document["warnings"])


def test_a_plan_that_was_being_made_goes_on_and_one_of_another_planner_is_stale(tmp_path: Path) -> None:
    script = copy.deepcopy(SCRIPT)
    script["rules"][0]["turns"][0]["delay"] = 4
    project = make_project(tmp_path, script=script, plan={"shared": {"by": "good"}})
    run = start(project)
    deadline = time.monotonic() + 60
    while not list(project.record.glob("plans/*/*/*/*/calls.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.05)
    press(run, 2)
    out, _ = run.communicate()
    assert run.returncode == 130, out
    assert project.run().returncode == 0
    (path,) = project.record.glob("plans/words/good/r1/*/result.json")
    assert (path.parent.name, json.loads(path.read_bytes())["processes"]) == ("a1", 2)
    file = project.experiment / "profiles.yaml"
    file.write_text(file.read_text().replace("output: 2k", "output: 3k"))
    stale = project.run()
    assert stale.returncode == 4
    assert "1 plans were recorded under another identity" in stale.stderr
    assert project.run("--rerun-stale").returncode == 0
    assert len(list(project.record.glob("plans/words/good/r1/*/result.json"))) == 2


def test_a_plan_from_another_experiment_is_taken_for_the_same_task_and_base_only(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert project.run().returncode == 0
    second = project.root / "experiments/002-more"
    second.mkdir()
    for path in project.experiment.iterdir():
        (second / path.name).write_bytes(path.read_bytes())
    file = second / "experiment.yaml"
    file.write_text(file.read_text() + "plan: {shared: {from: 001-words}}\n")
    assert project.ralphbench("run", "002-more", "--yes").returncode == 0
    result = json.loads((project.root / "results/002-more/cells/words/good/r1/a1/result.json").read_bytes())
    assert result["plan_by"] == "001-words"
    project.write("specs/words/target/README", "Another base.\n")
    done = project.ralphbench("run", "002-more", "--yes", "--rerun-stale")
    assert done.returncode == 4
    assert "same task and base" in done.stderr
