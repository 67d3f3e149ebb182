"""`ralphbench check`: whether a record is as it was written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ralphbench.cli.options import experiment_argument, results_option

if TYPE_CHECKING:
    from ralphbench.record import AttemptFolder, Damage, ExperimentFolder


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
    found = Quarantine()
    for damage in check_top(record, live=live):
        found.report(damage)
    for pack in sorted(record.path.glob("bases/*.pack")):
        check_base(pack, found)
    yield from found
    shared = {damage.path for damage in found}  # what was named is not named again for each attempt
    for source in (record, record.plans()):
        for cell, number, result, _ in source.summaries():
            if result is not None or not live:
                folder = source.folder(cell, number)
                yield from check_attempt(folder)
                yield from _lost(record, folder, shared)


def _lost(record: ExperimentFolder, folder: AttemptFolder, looked_at: set[Path]) -> Iterator[Damage]:
    """What an attempt shares with others, by its manifest: the base that it began from, and what judged it. Once each."""
    from ralphbench.grading import check_gates
    from ralphbench.record import Damage, Quarantine, read_manifest, read_spec

    met = Quarantine()  # whether these two can be read was told before
    manifest, spec = read_manifest(folder, met) or {}, read_spec(folder, met)
    base, gates = manifest.get("base_pack"), manifest.get("digests", {}).get("gates")
    pack = record.path / "bases" / str(base)
    if base is not None and pack not in looked_at:
        looked_at.add(pack)
        if not pack.is_file():
            yield Damage(pack, f"the base of {folder.path} is not there")
    kept = record.gates / str(gates)
    if spec is None or spec.kept_gates is None or kept in looked_at:  # older records keep no gates
        return
    looked_at.add(kept)
    changed = Quarantine()
    if not check_gates(spec.task, kept, changed) and not changed:
        yield Damage(kept, f"what judged {folder.path} is not there")
    yield from changed
