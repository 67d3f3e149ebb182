"""A recorded attempt is played back through the whole chain, without any model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.project import make_project

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("agent", ["tiny", "builtin"])
def test_a_recorded_attempt_replayed_comes_to_the_same(tmp_path: Path, agent: str) -> None:
    project = make_project(tmp_path)
    assert project.run("--agent", agent).returncode == 0
    recorded = project.record / "cells/words/good/r1/a1"
    second = project.root / "experiments/002-again"
    second.mkdir()
    for path in project.experiment.iterdir():
        (second / path.name).write_bytes(path.read_bytes())
    project.write("experiments/002-again/endpoints.yaml", {"box": {"kind": "replay", "script": str(recorded)}})
    done = project.ralphbench("run", "002-again", "--yes", "--agent", agent)
    assert done.returncode == 0, done.stdout + done.stderr
    path = project.root / "results/002-again/cells/words/good/r1/a1"
    first = json.loads((recorded / "result.json").read_bytes())
    again = json.loads((path / "result.json").read_bytes())
    for key in ("ending", "work", "models", "plan_hash"):
        assert first[key] == again[key], key
    assert again["verdict"]["resolved"]
    assert (path / "final.patch").read_bytes() == (recorded / "final.patch").read_bytes()
