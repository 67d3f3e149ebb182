from __future__ import annotations

import os
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ralphbench.cli.next_line import other_command, program, same_command
from ralphbench.cli.run import run


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a program of its own that no PATH names."""
    tool = tmp_path / "venv/bin/ralphbench"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setattr(sys, "argv", [str(tool)])
    for name in ("EXPERIMENTS", "RESULTS", "SPECS"):
        monkeypatch.delenv(f"RALPHBENCH_{name}", raising=False)
    return tmp_path


def lines(*arguments: str, env: dict[str, str] | None = None) -> tuple[str, str]:
    """What `run` with these arguments would say: (the same again, another one)."""
    found = []

    def say(**_: object) -> None:
        found.extend([same_command(), other_command("show", "x", "p", "--task", "a/b c")])

    command = click.Command("run", params=run.params, callback=say)
    done = CliRunner().invoke(command, arguments, env=env, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    same, other = found
    return same.removeprefix("venv/bin/ralphbench "), other.removeprefix("venv/bin/ralphbench ")


def test_defaults_are_not_said() -> None:
    assert lines("001") == ("run 001", "show x p --task 'a/b c'")


def test_what_was_typed_is_said_again(here: Path) -> None:
    same, _ = lines("001", "-p", "a", "-p", "b", "--repeats", "3", "--jobs", "2", "-y", "--agent", "builtin")
    assert same == "run 001 --profile a --profile b --repeats 3 --jobs 2 --agent builtin --yes"


def test_what_asked_for_something_once_is_not_said_again() -> None:
    assert lines("001", "--fresh", "--smoke", "--rerun-stale")[0] == "run 001"


def test_folders_that_lie_elsewhere_are_said(here: Path) -> None:
    same, other = lines("001", "--results", "out", "--experiments", "mine")
    assert same == f"run 001 --experiments {here}/mine --results {here}/out"
    assert other == f"show x p --task 'a/b c' --results {here}/out"
    assert lines("001", "--results", "results", "--experiments", "./experiments")[0] == "run 001"


def test_what_the_environment_says_it_will_say_next_time_too(here: Path) -> None:
    assert lines("001", env={"RALPHBENCH_RESULTS": str(here / "out")})[0] == "run 001"


def test_the_program_is_called_as_the_shell_finds_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert program() == "venv/bin/ralphbench"
    monkeypatch.chdir("/")
    assert program() == str(here / "venv/bin/ralphbench")
    monkeypatch.setenv("PATH", str(here / "venv/bin"))
    assert program() == "ralphbench"
    monkeypatch.setattr(sys, "argv", ["/x/ralphbench/__main__.py"])
    assert program() == f"{os.path.abspath(sys.executable)} -m ralphbench"
