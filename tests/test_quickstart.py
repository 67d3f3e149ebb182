"""The four characters of the quickstart get the endings and verdicts that they deserve."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ralphbench.agents import load_agent
from ralphbench.errors import AgentMissing

ROOT = Path(__file__).parent.parent
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(tmp_path: Path, *arguments: str) -> tuple[list[dict[str, Any]], str]:
    env = {**os.environ, "RALPHBENCH_CACHE": str(tmp_path / "cache"), "XDG_RUNTIME_DIR": str(tmp_path)}
    results = tmp_path / "results"
    command = [sys.executable, "-m", "ralphbench", "run", "000-quickstart", "--results", str(results), "--yes"]
    done = subprocess.run(
        [*command, "--jobs", "2", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    record = results / "000-quickstart"
    return [json.loads(p.read_bytes()) for p in sorted(record.glob("cells/*/*/*/*/result.json"))], done.stdout


def check_characters(results: list[dict[str, Any]]) -> None:
    for result in results:
        verdict, task = result["verdict"], result["cell"]["task"]
        match result["cell"]["profile"]:
            case "solver":
                assert (result["ending"], verdict["resolved"], verdict["score"]) == ("completed", True, 1.0), task
                assert all(verdict["claimed"].values())
                assert result["spent"]["cost"] > 0
            case "boaster":
                assert (result["ending"], verdict["resolved"]) == ("completed", False), task
                assert all(verdict["claimed"].values()), "it claims what it has not done"
                assert verdict["score"] < 1
                assert result["spent"]["cost"] == 0
            case "looper":
                assert (result["ending"], result["stage"], verdict["score"]) == ("calls", "build", 0.0), task
                assert result["spent"]["calls"] == 60, "the cap is held inside the stage"
            case "drowner":
                assert (result["ending"], result["cause"], verdict["score"]) == ("failures", "context", 0.0), task
            case other:
                raise AssertionError(other)
        assert verdict["tampered"] == []


def test_through_the_builtin_agent(tmp_path: Path) -> None:
    results, text = run(tmp_path, "--agent", "builtin")
    assert len(results) == 12
    check_characters(results)
    assert "3/3" in text


@pytest.mark.opencode
def test_through_real_opencode(tmp_path: Path) -> None:
    try:
        load_agent("opencode", {}, {}).version()
    except AgentMissing as missing:
        pytest.skip(str(missing))
    results, _ = run(tmp_path, "--task", "slug-bug")
    assert len(results) == 4
    check_characters(results)
