"""A run ends with the comparison, which another process makes; the run's own exit status stands whatever becomes of it."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import textwrap
from pathlib import Path

import click
import psutil
import pytest
from click.testing import CliRunner, Result
from support.fifo import reader_of
from support.project import make_project
from support.results import Write, result, write

from ralphbench.cli import concluding
from ralphbench.cli import run as run_module
from ralphbench.config import load_experiment
from ralphbench.model import Cell, codec
from ralphbench.record import ExperimentFolder
from ralphbench.schedule import RunReport

__all__ = ["write"]


def shown(folder: Path) -> Result:
    @click.command()
    def host() -> None:
        concluding.show_comparison(folder)
        click.echo("what comes next")

    return CliRunner().invoke(host, catch_exceptions=False)


def spoil(results: Path) -> None:
    """A record that no comparison can be made of."""
    made = dataclasses.replace(result("b"), version=7)
    ExperimentFolder(results, "x").folder(made.cell, 1).create().result.write_bytes(codec.dumps(made))


def test_the_comparison_is_what_analyze_prints(tmp_path: Path, write: Write) -> None:
    write("a", "devstral")
    done = shown(tmp_path / "x")
    argv = [sys.executable, "-m", "ralphbench", "analyze", "x", "--results", str(tmp_path)]
    typed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert "devstral" in typed
    assert done.stdout == typed + "what comes next\n"
    assert done.stderr == ""


def test_where_it_fails_it_says_why_and_what_to_type(tmp_path: Path, write: Write) -> None:
    write("a")
    spoil(tmp_path)
    done = shown(tmp_path / "x")
    assert "error: " in done.stderr
    assert "version 7" in done.stderr
    assert "the comparison failed (exit status" in done.stderr
    assert "analyze x" in done.stderr
    assert done.stdout.endswith("what comes next\n")


def test_where_no_process_can_be_started_it_says_so(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    done = shown(tmp_path / "x")
    assert "could not be started: No such file or directory" in done.stderr
    assert done.stdout == "what comes next\n"


def test_ctrl_c_ends_the_comparison_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "run", interrupted)
    done = shown(tmp_path / "x")
    assert "the comparison was broken off" in done.stderr
    assert done.stdout == "what comes next\n"


@pytest.mark.parametrize(("done", "stopped", "status"), [(0, True, 130), (0, False, 4), (1, False, 0)])
def test_the_runs_exit_status_stands_where_the_comparison_fails(
    tmp_path: Path, done: int, stopped: bool, status: int
) -> None:
    project = make_project(tmp_path)
    experiment = dataclasses.replace(
        load_experiment("001-words", root=project.root / "experiments"), results=tmp_path, name="x"
    )
    spoil(tmp_path)

    @click.command()
    def host() -> None:
        run_module._conclude(experiment, RunReport("x", done, 1, stopped=stopped))

    ended = CliRunner().invoke(host)
    assert "the comparison failed" in ended.stderr
    assert ended.exit_code == status


HOST = """\
    import pathlib, sys
    import click
    from ralphbench.cli.concluding import show_comparison
    click.command()(lambda: show_comparison(pathlib.Path(sys.argv[1])))([], standalone_mode=False)
    assert "pandas" not in sys.modules
"""


def test_pandas_stays_out_of_the_runs_own_process(tmp_path: Path, write: Write) -> None:
    write("a", "devstral")
    argv = [sys.executable, "-c", textwrap.dedent(HOST), str(tmp_path / "x")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "devstral" in done.stdout


@pytest.mark.parametrize("columns", [50, 110])
def test_on_a_terminal_it_has_the_terminals_width_and_colours(tmp_path: Path, write: Write, columns: int) -> None:
    write("a", "devstral")
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")} | {"TERM": "xterm"}
    argv = [sys.executable, "-c", textwrap.dedent(HOST), str(tmp_path / "x")]
    with subprocess.Popen(argv, stdin=terminal, stdout=terminal, stderr=terminal, env=environment) as process:
        os.close(terminal)
        text = all_of(main)
    assert process.returncode == 0, text
    assert "\x1b[" in text
    lines = [click.unstyle(line) for line in text.splitlines()]
    assert any("devstral" in line for line in lines)
    assert columns - 20 < max(map(len, lines)) <= columns


def all_of(descriptor: int) -> str:
    """What comes from a terminal until nobody has it open any more."""
    data = b""
    try:
        while part := os.read(descriptor, 65536):
            data += part
    except OSError:  # so the end is told on Linux
        pass
    finally:
        os.close(descriptor)
    return data.decode()


def test_it_ends_with_the_run_that_is_killed(tmp_path: Path, write: Write) -> None:
    write("a")
    pipe = ExperimentFolder(tmp_path, "x").folder(Cell("a", "p", 1), 1).result
    pipe.unlink()
    os.mkfifo(pipe)
    argv = [sys.executable, "-c", textwrap.dedent(HOST), str(tmp_path / "x")]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as process, reader_of(pipe, process):
        (child,) = psutil.Process(process.pid).children()
        process.kill()
        gone, _ = psutil.wait_procs([child], timeout=60)
    assert gone == [child]
