"""`ralphbench take`: the only command that writes into a repository of the user's, and only a new branch."""

from __future__ import annotations

from pathlib import Path

import click

from ralphbench.cli.options import complete_profile, experiment_argument, results_option, task_option


@click.command()
@experiment_argument
@click.argument("profile", shell_complete=complete_profile)
@task_option
@click.option("--repeat", "-r", type=int, help="Which repeat.  [default: the first]")
@click.option("--attempt", "-a", type=int, help="Which attempt.  [default: the latest that counts]")
@click.option(
    "--repo", type=click.Path(path_type=Path, file_okay=False), help="Your repository.  [default: the task's target]"
)
@click.option("--branch", help="Name of the new branch.  [default: that of the attempt]")
@click.option("--force", "-f", is_flag=True, help="Move the branch where there is one of that name.")
@results_option
def take(
    experiment: str,
    profile: str,
    tasks: tuple[str, ...],
    repeat: int | None,
    attempt: int | None,
    repo: Path | None,
    branch: str | None,
    force: bool,
    results: Path,
) -> None:
    """An attempt's commits as a new branch in your own repository. Nothing else of it is touched, nothing is pushed."""
    from ralphbench.errors import UsageError
    from ralphbench.record import require_whole
    from ralphbench.ui import find_attempts, told
    from ralphbench.workspace import take as take_commits

    folders = find_attempts(results, experiment, profile, tasks, repeat, attempt, counting=True)
    if len(folders) > 1:
        names = ", ".join(told(folder).task.name for folder in folders)
        raise UsageError(f"{profile} has attempts at several tasks: {names}", remedy="add --task <one of them>")
    folder = folders[0]
    spec = told(folder)
    target = repo or (None if spec.task.target.repo is None else Path(spec.task.target.repo).expanduser())
    if target is None:
        raise UsageError(
            f"the target of {spec.task.name} is a folder, not a repository of yours",
            remedy="add --repo <your repository>",
        )
    name = branch or f"exp/{spec.experiment}/{spec.cell.path.as_posix()}/a{spec.number}"
    if not folder.bundle.exists():
        raise UsageError(f"{spec.cell} a{spec.number} committed nothing: there is nothing to take")
    require_whole(folder, folder.bundle)
    base_pack = folder.path.resolve().parents[4] / "bases" / f"{spec.base}.pack"
    base = base_pack if base_pack.exists() else None
    taken = take_commits(folder.bundle, target, name, base_pack=base, force=force)
    click.echo(f"branch {taken.branch} in {target}: {taken.commits} commits, at {taken.commit[:12]}")
    click.echo(f"look at it:   git -C {target} log {taken.branch}")
