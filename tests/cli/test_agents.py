from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.project import make_project

from ralphbench.cli.app import app
from ralphbench.errors import RalphbenchError


def listed(experiments: Path) -> dict[str, str]:
    done = CliRunner().invoke(app, ["agents", "list", "--experiments", str(experiments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    lines = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    return {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}


def test_built_in_and_described_agents_are_listed_with_their_versions(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    project.write(
        "experiments/001-words/agents.yaml",
        {"own": {"argv": ["no-such-program"], "version": {"argv": ["no-such-program", "-v"]}}},
    )
    found = listed(project.root / "experiments")
    assert {"builtin", "opencode", "command"} <= set(found)
    assert sys.version.split()[0] in found["tiny"]
    assert "no-such-program" in found["own"]


def test_without_descriptions_the_built_in_ones_are_listed(tmp_path: Path) -> None:
    assert set(listed(tmp_path)) == {"builtin", "opencode", "command"}


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").write_text("opencode: {argv: [x]}\n")
    with pytest.raises(RalphbenchError, match="an agent of that name is there already"):
        listed(tmp_path)
