"""Runs of the predecessor as attempts of a record, so that `analyze` shows them beside ours."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from ralphbench.model import AttemptResult, codec
from ralphbench.record import ExperimentFolder, write_manifest, write_result


def record_imported(results: Path, runs: Iterable[AttemptResult]) -> list[Path]:
    """Write each run as an attempt, marked as imported; a run that is there already is left alone. Returns the new ones."""
    written: list[Path] = []
    for run in runs:
        record = ExperimentFolder(results, run.experiment)
        known = {result.identity for _, _, result, _ in record.summaries() if result is not None}
        if run.identity in known:
            continue
        number, folder = record.new_attempt(run.cell)
        numbered = dataclasses.replace(run, number=number)
        write_manifest(
            folder, {"schema": "ralphbench.manifest/1", "imported": True, "extra": codec.builtins(run.extra)}
        )
        write_result(folder, numbered)
        written.append(folder.path)
    return written
