"""The comparison at the end of a run, made by another process: with pandas `run` would need three times its memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click


def show_comparison(folder: Path) -> None:
    """`ralphbench analyze` of a results folder. Where it fails it says so, and what to type; the run is done either way."""
    failed = _analyze(folder)
    if failed is not None:
        from ralphbench.cli.next_line import other_command

        click.echo(f"the comparison {failed}. Once more:   {other_command('analyze', folder.name)}", err=True)


def _analyze(folder: Path) -> str | None:
    """What became of it, in words; None: it was shown."""
    from ralphbench.analysis import python_argv

    argv = python_argv("ralphbench.cli.concluding:analyze_here", folder.name, str(folder.parent))
    # A terminal is the other process's too, with its width and colours. Anything else gets what that process has said.
    passed_on = None if sys.stdout.isatty() else subprocess.PIPE
    sys.stdout.flush()
    reader, writer = os.pipe()
    try:
        done = subprocess.run(argv, stdin=reader, stdout=passed_on, stderr=passed_on, check=False)
    except OSError as error:
        return f"could not be started: {error.strerror}"
    except KeyboardInterrupt:
        return "was broken off"
    finally:
        os.close(reader)
        os.close(writer)
    click.echo(done.stdout or b"", nl=False)
    click.echo(done.stderr or b"", nl=False, err=True)
    return None if done.returncode == 0 else f"failed (exit status {done.returncode})"


def analyze_here(experiment: str, results: str) -> None:
    """What the other process does."""
    from ralphbench.analysis import end_with_parent
    from ralphbench.cli import main

    end_with_parent()
    sys.argv = ["ralphbench", "analyze", experiment, "--results", results]
    main()
