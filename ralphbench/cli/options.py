"""Options that several commands share, and how names are completed in the shell."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])


def complete_experiment(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from ralphbench.config import list_experiments

    return _matching({*list_experiments(_root(ctx)), *(_recorded(ctx) if _reads_records(ctx) else ())}, incomplete)


def complete_profile(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from ralphbench.config import find_experiment, profile_names
    from ralphbench.errors import UnknownName

    folder, recorded = None, {each.name for task in _recorded_tasks(ctx) for each in _folders(task)}
    if named := _named(ctx):
        try:
            folder = find_experiment(named, _root(ctx))
        except UnknownName:
            return _matching(recorded, incomplete)
    return _matching({*profile_names(_root(ctx), folder), *recorded}, incomplete)


def complete_task(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from ralphbench.config import task_names

    specs = ctx.params.get("specs") or os.environ.get("RALPHBENCH_SPECS")
    names = task_names([Path(specs) if specs else _root(ctx).parent / "specs"])
    return _matching({*names, *(task.name.replace("+", "/") for task in _recorded_tasks(ctx))}, incomplete)


def _reads_records(ctx: click.Context) -> bool:
    """Whether the command looks at what was recorded, and not at the experiments' files."""
    options = {param.name for param in ctx.command.params if isinstance(param, click.Option)}
    return "results" in options and "experiments" not in options


def _root(ctx: click.Context) -> Path:
    return _folder(ctx, "experiments")


def _folder(ctx: click.Context, name: str) -> Path:
    """As the option says; where the command has none, or the shell has not come to it, as the environment does."""
    given = ctx.params.get(name)
    return given if isinstance(given, Path) else Path(os.environ.get(f"RALPHBENCH_{name.upper()}") or name)


def _named(ctx: click.Context) -> str | None:
    """The experiment of the line so far."""
    # After `-p`, whose value is still to come, click has not sorted the words before it into parameters.
    return ctx.params.get("experiment") or next(iter(ctx.args), None)


def _recorded(ctx: click.Context) -> list[str]:
    return [path.name for path in _folders(_folder(ctx, "results")) if (path / "cells").is_dir()]


def _recorded_tasks(ctx: click.Context) -> list[Path]:
    """Folders of the tasks in the record of the experiment that is named. By looking alone, as every Tab waits for it."""
    named = _named(ctx) if _reads_records(ctx) else None
    if named is None:
        return []
    names = [name for name in _recorded(ctx) if name == named or name.startswith(f"{named}-")]
    return _folders(_folder(ctx, "results") / names[0] / "cells") if names else []


def _folders(path: Path) -> list[Path]:
    return sorted(each for each in path.iterdir() if each.is_dir()) if path.is_dir() else []


def _matching(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


def experiments_option(function: F) -> F:
    return click.option(
        "--experiments",
        type=click.Path(path_type=Path, file_okay=False, resolve_path=True),
        default=Path("experiments"),
        show_default=True,
        envvar="RALPHBENCH_EXPERIMENTS",
        help="Folder of experiments.",
    )(function)


def results_option(function: F) -> F:
    return click.option(
        "--results",
        type=click.Path(path_type=Path, file_okay=False, resolve_path=True),
        default=Path("results"),
        show_default=True,
        envvar="RALPHBENCH_RESULTS",
        help="Folder of records.",
    )(function)


def specs_option(function: F) -> F:
    return click.option(
        "--specs",
        type=click.Path(path_type=Path, file_okay=False, resolve_path=True),
        default=None,
        envvar="RALPHBENCH_SPECS",
        help="Folder of tasks.  [default: specs beside the experiments]",
    )(function)


def experiment_argument(function: F) -> F:
    return click.argument("experiment", shell_complete=complete_experiment)(function)


def profile_option(function: F) -> F:
    return click.option(
        "--profile",
        "-p",
        "profiles",
        multiple=True,
        shell_complete=complete_profile,
        help="Only this profile; may be given again.",
    )(function)


def task_option(function: F) -> F:
    return click.option(
        "--task",
        "-t",
        "tasks",
        multiple=True,
        shell_complete=complete_task,
        help="Only this task; may be given again.",
    )(function)
