"""Reads all of a record, to say what of it is damaged."""

from __future__ import annotations

from ralphbench.record.bodies import BodyStore
from ralphbench.record.calls import read_calls
from ralphbench.record.checksums import check_sums
from ralphbench.record.damage import Damage, Quarantine, and_earlier
from ralphbench.record.events import Journal, read_events
from ralphbench.record.experiment import ExperimentFolder
from ralphbench.record.layout import AttemptFolder
from ralphbench.record.results import read_manifest, read_object, read_result


def check_attempt(folder: AttemptFolder) -> tuple[Damage, ...]:
    """Everything in the attempt's folder that is torn, truncated, lost or was set aside earlier; empty: it is as it was.

    Reads every byte. A file that should be whole and cannot be read is set aside; a log keeps its lines.
    Raises RecordError at a record of another version, or one that may not be read.
    """
    found = Quarantine()
    read_object(folder.trial, found)
    read_manifest(folder, found)
    for _ in read_events(folder, found):
        pass
    _check_bodies(folder, found)
    result = read_result(folder, found)
    if result is not None and not result.imported:
        check_sums(folder, found)
    return and_earlier(found, folder.path)


def check_top(experiment: ExperimentFolder, *, live: bool = False) -> tuple[Damage, ...]:
    """What lies beside the attempts of an experiment. `live`: somebody runs it, and the journal's last line may be unfinished."""
    found = Quarantine()
    experiment.read_lock(found)
    for _ in () if live else Journal(experiment.journal).read(found):
        pass
    return and_earlier(found, experiment.path, but=("cells", "plans"))


def _check_bodies(folder: AttemptFolder, found: Quarantine) -> None:
    """Every body, and that none is missing which a call names."""
    bodies = BodyStore(folder.bodies)
    bodies.check(found)
    kept = set(bodies.references())
    for call in read_calls(folder, found):
        named = (call.started.request, call.ended.response if call.ended is not None else None)
        for reference in named:
            if reference is not None and reference not in kept:
                found.report(
                    Damage(folder.bodies, f"body {reference}, which call {call.started.id} names, is not there")
                )
    bodies.close()
