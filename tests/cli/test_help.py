"""What a user can find out without a manual: help of every command, and names completed by the shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from support.project import Project, make_project

from ralphbench.cli.app import COMMANDS, app
from ralphbench.errors import UnknownName


def help_of(*words: str) -> str:
    done = CliRunner().invoke(app, [*words, "--help"])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself_and_all_its_options(name: str) -> None:
    text = help_of(name)
    assert text.startswith("Usage: ")
    command = app.get_command(click.Context(app), name)
    assert command is not None
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{name} {option.opts[0]} has no help"
            assert option.opts[0] in text


def test_the_list_of_commands_is_what_is_there_in_the_words_of_each() -> None:
    text = help_of()
    for name, (_, words) in COMMANDS.items():
        assert name in text
        assert words.rstrip(".") in " ".join(text.split())


@pytest.mark.parametrize("name", ["task", "agents"])
def test_groups_name_their_parts(name: str) -> None:
    assert "list" in help_of(name)


def test_a_command_that_is_none_is_refused_with_the_nearest() -> None:
    done = CliRunner().invoke(app, ["analyse"])
    assert isinstance(done.exception, UnknownName)
    assert "analyze" in str(done.exception)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from ralphbench.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert not loaded & {
        "rich",
        "pydantic",
        "pandas",
        "aiohttp",
        "openai",
        "yaml",
        "msgspec",
        "psutil",
        "git",
        "docker",
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(tmp_path_factory.mktemp("completion"))


def completed(project: Project, *words: str, env: dict[str, str] | None = None) -> list[str]:
    """What bash is offered for the last of the words."""
    env = {
        **project.env(env),
        "_RALPHBENCH_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["ralphbench", *words]),
        "COMP_CWORD": str(len(words)),
    }
    program = Path(sys.executable).parent / "ralphbench"
    done = subprocess.run([program], cwd=project.root, env=env, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("run", "0"), ["001-words"]),
        (("status", "0"), ["001-words"]),
        (("analyze", "0"), ["001-words"]),
        (("run", "001-words", "-p", "g"), ["good"]),
        (("run", "001-words", "--profile", "i"), []),
        (("show", "001-words", "g"), ["good"]),
        (("take", "001-words", ""), ["good"]),
        (("plan", "001-words", "--by", "g"), ["good"]),
        (("run", "001-words", "--task", "w"), ["words"]),
        (("task", "check", "w"), ["words"]),
        (("run", "x"), []),
        (("sta",), ["status"]),
    ],
)
def test_the_shell_completes_names(project: Project, words: tuple[str, ...], offered: list[str]) -> None:
    assert completed(project, *words) == offered


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a record of an experiment whose files are gone."""
    project = make_project(tmp_path_factory.mktemp("records"))
    (project.root / "results/002-gone/cells/words+first/other/r1/a1").mkdir(parents=True)
    (project.root / "results/.proofs/logs").mkdir(parents=True)
    return project


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("status", "0"), ["001-words", "002-gone"]),
        (("analyze", "001-words", ""), ["001-words", "002-gone"]),
        (("clean", "002"), ["002-gone"]),
        (("show", "002-gone", ""), ["other"]),
        (("take", "002", "o"), ["other"]),
        (("show", "002-gone", "other", "--task", "words"), ["words", "words/first"]),
        (("run", "0"), ["001-words"]),
        (("plan", "0"), ["001-words"]),
    ],
)
def test_what_was_recorded_is_offered_where_records_are_read(
    recorded: Project, words: tuple[str, ...], offered: list[str]
) -> None:
    assert completed(recorded, *words) == offered


def test_the_environment_says_where_names_are_looked_for(recorded: Project, project: Project, tmp_path: Path) -> None:
    nowhere = Project(tmp_path)
    elsewhere = {
        "RALPHBENCH_EXPERIMENTS": str(project.root / "experiments"),
        "RALPHBENCH_RESULTS": str(recorded.root / "results"),
    }
    for command in ("status", "analyze"):
        assert completed(nowhere, command, "0") == []
        assert completed(nowhere, command, "0", env=elsewhere) == ["001-words", "002-gone"]
    assert completed(nowhere, "show", "001-words", "", env=elsewhere) == ["good"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_of_that_shell_and_names_the_program(shell: str) -> None:
    done = CliRunner().invoke(app, ["completion", shell], env={**os.environ})
    assert done.exit_code == 0, done.output
    assert "_RALPHBENCH_COMPLETE=" + shell in done.output
