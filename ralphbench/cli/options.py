"""Options that several commands share, and how names are completed in the shell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])


def complete_experiment(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from ralphbench.config import list_experiments

    return _matching(list_experiments(_root(ctx)), incomplete)


def complete_profile(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from ralphbench.config import find_experiment, profile_names
    from ralphbench.errors import UnknownName

    folder = None
    # After `-p`, whose value is still to come, click has not sorted the words before it into parameters.
    if named := ctx.params.get("experiment") or next(iter(ctx.args), None):
        try:
            folder = find_experiment(named, _root(ctx))
        except UnknownName:
            return []
    return _matching(profile_names(_root(ctx), folder), incomplete)


def complete_task(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from ralphbench.config import task_names

    return _matching(task_names([ctx.params.get("specs") or _root(ctx).parent / "specs"]), incomplete)


def _root(ctx: click.Context) -> Path:
    root = ctx.params.get("experiments")
    return root if isinstance(root, Path) else Path("experiments")


def _matching(names: tuple[str, ...], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


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
