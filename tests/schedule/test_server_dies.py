"""A model server that dies in the middle of a run: void, tried again, and whole when it is back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.ports import reserved_port
from support.project import SCRIPT, Project, make_project

pytestmark = pytest.mark.slow


class Server:
    """The scripted server as a process of its own, on a port that stays the same."""

    def __init__(self, project: Project, port: int) -> None:
        script = project.experiment / "script.yaml"
        command = [sys.executable, "-m", "ralphbench.endpoints.scripted", str(script), "--port", str(port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip().split()[-1]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Project, list[Server], int]]:
    script: dict[str, Any] = json.loads(json.dumps(SCRIPT))
    for rule in script["rules"]:
        if rule.get("when", {}).get("stage") == "build":
            rule["turns"][0]["delay"] = 2
    project = make_project(tmp_path / "p", script=script, void_retries=1)
    options = {"tool_check": False, "retries": 2, "retry_max_seconds": 1, "retry_base_seconds": 0.2}
    with reserved_port() as port:
        servers = [Server(project, port)]
        endpoint = {"kind": "openai", "base_url": servers[0].url, "local": True, "options": options}
        project.write("experiments/001-words/endpoints.yaml", {"box": endpoint})
        yield project, servers, port
        servers[-1].kill()


def results(project: Project) -> list[dict[str, Any]]:
    return [json.loads(p.read_bytes()) for p in sorted(project.record.glob("cells/*/*/*/*/result.json"))]


def wait_for_build(project: Project) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for path in project.record.glob("cells/*/*/*/*/events.jsonl"):
            if b'"stage_started","data":{"stage":"build"' in path.read_bytes():
                return
        time.sleep(0.05)
    raise AssertionError("no build began")


def test_it_is_void_and_the_same_command_goes_on_when_the_server_is_back(
    served: tuple[Project, list[Server], int],
) -> None:
    project, servers, port = served
    run = subprocess.Popen(
        project.command("run", "001-words", "--yes"),
        cwd=project.root,
        env=project.env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for_build(project)
    servers[0].kill()
    out, _ = run.communicate(timeout=280)
    assert run.returncode == 4, out
    assert {r["ending"] for r in results(project)} <= {"endpoint_down", "provider_error"}
    assert len(results(project)) == 2, "tried again once, as `void_retries` says"
    assert all(r["verdict"] is None for r in results(project))
    servers.append(Server(project, port))
    again = project.run()
    assert again.returncode == 0, again.stdout + again.stderr
    assert results(project)[-1]["verdict"]["resolved"]
