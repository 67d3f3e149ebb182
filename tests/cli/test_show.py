from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner
from support.results import Write

from ralphbench.cli.app import app


def shown(tmp_path: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["show", "x", "p", "--results", str(tmp_path), *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_several_tasks_are_one_document(tmp_path: Path, write: Write) -> None:
    write("a")
    write("b")
    document = json.loads(shown(tmp_path, "--json"))
    assert [a["result"]["cell"]["task"] for a in document["attempts"]] == ["a", "b"]
    assert list(document) == ["schema", "attempts"]


def test_limits_of_its_own_are_told(tmp_path: Path, write: Write) -> None:
    write("a", extra={"mode": "full", "unequal_limits": True})
    assert "UNEQUAL LIMITS" in shown(tmp_path)
