"""`ralphbench clean`."""

from __future__ import annotations

from pathlib import Path

import click

from ralphbench.cli.options import experiment_argument, results_option


@click.command()
@experiment_argument
@click.option("--mirrors", is_flag=True, help="Also the mirrors of targets, which all experiments share.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed.")
@results_option
def clean(experiment: str, mirrors: bool, dry_run: bool, results: Path) -> None:
    """Remove worktrees, processes and temporary folders of an experiment: only what ralphbench made; records stay.

    An attempt that was cut off cannot go on afterwards: its cell gets a new one. What it had committed is kept in the record.
    """
    from ralphbench.schedule import alone, keep_unfinished, leftovers, reap, remove_leftovers, user_places
    from ralphbench.ui import experiment_record

    record = experiment_record(results, experiment)
    places = user_places()
    with alone(places, record, mirrors=mirrors):
        found = leftovers(places, record, mirrors=mirrors)
        for path, size in found:
            click.echo(f"{'would remove' if dry_run else 'removing'} {path} ({size / 1e6:.1f} MB)")
        if dry_run:
            return
        keep_unfinished(record, click.echo)
        remove_leftovers(places, found)
        for each in reap(places.runtime):
            click.echo(f"reaped {each.run_id} of {each.experiment}: {each.processes} processes ended")
    click.echo(f"records stay in {record.path}")
