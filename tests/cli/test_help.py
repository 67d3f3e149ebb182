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


def completed(project: Project, *words: str) -> list[str]:
    """What bash is offered for the last of the words."""
    env = {
        **project.env(),
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


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_of_that_shell_and_names_the_program(shell: str) -> None:
    done = CliRunner().invoke(app, ["completion", shell], env={**os.environ})
    assert done.exit_code == 0, done.output
    assert "_RALPHBENCH_COMPLETE=" + shell in done.output
