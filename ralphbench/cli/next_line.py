"""The next command to type, so that it works where this one did: same program, same folders."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import click
from click.core import ParameterSource

_ONCE = ("dry_run", "smoke", "fresh", "rerun_stale")
"""Options that are not repeated: they asked for something that is done now."""
_FOLDERS = {"experiments": "experiments", "results": "results"}
"""Options to what they are in the working directory where they are not given."""


def other_command(*words: str) -> str:
    """Another command on the same records."""
    context = click.get_current_context()
    return _line([*words, *_given(context, ("results",))])


def same_command() -> str:
    """This command again, to go on."""
    context = click.get_current_context()
    command = context.command
    words = [str(context.params[p.name]) for p in command.params if isinstance(p, click.Argument) and p.name]
    options = [p.name for p in command.params if isinstance(p, click.Option) and p.name and p.name not in _ONCE]
    return _line([str(command.name), *words, *_given(context, options)])


def _line(words: list[str]) -> str:
    return f"{program()} {shlex.join(words)}"


def program() -> str:
    """How to call this program: by its name where the shell finds it so, else by its path, as short as it can be."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{shlex.quote(_short(Path(sys.executable)))} -m ralphbench"
    found = shutil.which("ralphbench")
    if not called.is_file() or (found is not None and os.path.samefile(found, called)):
        return "ralphbench"
    return shlex.quote(_short(called))


def _short(path: Path) -> str:
    """From the working directory where it lies below it."""
    here, there = os.getcwd(), os.path.abspath(path)
    return os.path.relpath(there, here) if there.startswith(f"{here}{os.sep}") else there


def _given(context: click.Context, names: tuple[str, ...] | list[str]) -> list[str]:
    """Options that were typed, as one types them; what comes from the environment is still there next time."""
    words: list[str] = []
    for option in context.command.params:
        name = option.name or ""
        if name not in names or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        value, flag = context.params[name], option.opts[0]
        if name in _FOLDERS and Path(value) == Path(_FOLDERS[name]).resolve():
            continue
        if value is True:
            words.append(flag)
        elif isinstance(value, tuple):
            words += [word for each in value for word in (flag, str(each))]
        elif value is not None and value is not False:
            words += [flag, str(value)]
    return words
