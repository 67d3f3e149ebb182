"""`ralphbench check`: whether a record is as it was written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ralphbench.cli.options import experiment_argument, results_option

if TYPE_CHECKING:
    from ralphbench.record import Damage, ExperimentFolder


@click.command()
@experiment_argument
@results_option
def check(experiment: str, results: Path) -> None:
    """Read every byte of an experiment's record, and name what is torn, lost, changed or was set aside earlier.

    What should be whole and is not is set aside, never removed. Exit status 5 where anything is damaged.
    """
    from ralphbench.errors import RecordError
    from ralphbench.ui import experiment_record

    record = experiment_record(results, experiment)
    damages = list(_damages(record))
    for damage in damages:
        click.echo(str(damage))
    if damages:
        click.echo(f"{len(damages)} damages in {record.path}", err=True)
        raise SystemExit(RecordError.exit_code)
    click.echo(f"{record.path} is as it was written")


def _damages(record: ExperimentFolder) -> Iterator[Damage]:
    """A run that lives still writes: its open attempts are left out."""
    from ralphbench.record import Quarantine, check_attempt, check_top
    from ralphbench.workspace import check_base

    live = record.owner().holder() is not None
    yield from check_top(record, live=live)
    torn = Quarantine()
    for pack in sorted(record.path.glob("bases/*.pack")):
        check_base(pack, torn)
    yield from torn
    for source in (record, record.plans()):
        for cell, number, result, _ in source.summaries():
            if result is not None or not live:
                yield from check_attempt(source.folder(cell, number))
