"""`ralphbench import`."""

from __future__ import annotations

from pathlib import Path

import click

from ralphbench.cli.options import results_option


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--output", "-o", type=click.Path(path_type=Path, file_okay=False), help="Folder of the new experiment.")
@click.option("--profiles", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The old config.toml.")
@click.option(
    "--iterations",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="iterations.jsonl beside runs.jsonl.",
)
@click.option("--experiment", help="For runs.jsonl: under which experiment they are recorded.")
@click.option("--spec", help="For runs.jsonl: only runs of this spec, by name or path.")
@click.option(
    "--profile",
    "-p",
    "only",
    multiple=True,
    help="For runs.jsonl: only runs of this profile; may be given again.",
)
@results_option
def import_(
    source: Path,
    output: Path | None,
    profiles: Path | None,
    iterations: Path | None,
    experiment: str | None,
    spec: str | None,
    only: tuple[str, ...],
    results: Path,
) -> None:
    """Import an experiment.conf (read, never executed) or a ledger of old runs (runs.jsonl).

    \b
        ralphbench import experiment.conf -o experiments/004-mine --profiles ~/.config/ralph/config.toml
        ralphbench import runs.jsonl --iterations iterations.jsonl --experiment 004-mine --spec my-spec.md -p opus
    """
    from ralphbench.config import import_conf, import_runs
    from ralphbench.errors import UsageError

    if source.suffix == ".jsonl":
        if experiment is None:
            raise UsageError("old runs need the name of an experiment to stand under", remedy="add --experiment NAME")
        report = import_runs(
            source, iterations, results=results, experiment=experiment, spec=spec, profiles=only or None
        )
    else:
        if spec is not None or only:
            raise UsageError("--spec and --profile choose among the runs of a runs.jsonl", remedy="leave them out")
        if output is None:
            raise UsageError(
                "where should the experiment go?", remedy=f"ralphbench import {source} -o experiments/NNN-name"
            )
        report = import_conf(source, output, profiles=profiles)
    for path in report.written:
        click.echo(f"wrote {path}")
    for text in report.carried:
        click.echo(f"carried over: {text}")
    for text in report.lost:
        click.echo(f"not carried over: {text}")
