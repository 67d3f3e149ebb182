"""What an experiment's results were when something was derived from them: compared, not trusted.

A committed result never changes, and each new one removes what was derived before (`record.write_result`). The stamp tells the
rest: folders that came or went, a run that is going on or was cut off, another version of this program.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ralphbench import __version__
from ralphbench.analysis.columns import ATTEMPTS, ENDINGS, GATES, STAGES
from ralphbench.model import RECORD_VERSION, codec
from ralphbench.record import Damage, ExperimentFolder, Listing

FORM = 1
"""Of what is derived: another number where the same columns mean something else."""
_TAIL = 1 << 16
_FEW = 1_000
"""Uncommitted attempts that are looked at each time; where there are more, nothing is derived."""


@dataclass(frozen=True, slots=True)
class Stamp:
    state: dict[str, Any]
    """As `state_of` gives it."""
    uncommitted: tuple[str, ...]
    """Folders of attempts that had no result, relative to the experiment's."""
    damages: tuple[Damage, ...]
    """Their paths relative likewise."""
    files: dict[str, str]
    """Name to SHA-256: all of one making, and whole."""


Listings = tuple[Listing, Listing]
"""Of the cells, and of the plans."""


def list_all(experiment: ExperimentFolder) -> Listings:
    """Raises RecordError where a folder cannot be read."""
    return experiment.listing(), experiment.plans().listing()


def at_rest(experiment: ExperimentFolder) -> bool:
    """False: a run is going on, or did not come to its end; then results may still be written."""
    return not os.path.lexists(experiment.owner_path) and _journal(experiment.journal) is not None


def state_of(experiment: ExperimentFolder, listings: Listings) -> dict[str, Any] | None:
    """None where it is not at rest."""
    if not at_rest(experiment):
        return None
    columns = [list(kinds.items()) for kinds in (ATTEMPTS, STAGES, ENDINGS, GATES)]
    cells, plans = listings
    return {
        "form": [FORM, _hash(codec.dumps(columns)), RECORD_VERSION, __version__],
        "journal": _journal(experiment.journal),
        "cells": cells.digest(),
        "plans": plans.digest(),
    }


def make_stamp(experiment: Path, state: dict[str, Any], uncommitted: list[str], damages: list[Damage]) -> Stamp | None:
    """Its files are still to be named. None where there is too much that it would have to be watched for."""
    if len(uncommitted) > _FEW or any(os.path.lexists(f"{folder}/result.json") for folder in uncommitted):
        return None
    relative = tuple(os.path.relpath(folder, experiment) for folder in uncommitted)
    return Stamp(state, relative, tuple(_moved(damage, experiment, to=False) for damage in damages), {})


def still_so(stamp: Stamp, experiment: Path) -> bool:
    """Whether what had no result has none, and what was set aside is where it was."""
    if any(os.path.lexists(experiment / folder / "result.json") for folder in stamp.uncommitted):
        return False
    aside = [damage.moved_to for damage in stamp.damages if damage.moved_to is not None]
    return all(os.path.lexists(experiment / path) for path in aside)


def damages_of(stamp: Stamp, experiment: Path) -> tuple[Damage, ...]:
    return tuple(_moved(damage, experiment, to=True) for damage in stamp.damages)


def _moved(damage: Damage, experiment: Path, *, to: bool) -> Damage:
    """Its paths made relative to the experiment's folder, or `to` it."""

    def path(of: Path) -> Path:
        return experiment / of if to else Path(os.path.relpath(of, experiment))

    return Damage(path(damage.path), damage.what, None if damage.moved_to is None else path(damage.moved_to))


def _journal(path: Path) -> list[Any] | None:
    """Its size, and a hash of its end: it only ever grows. Empty: there is none, all results are imported."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            tail = file.read()
    except FileNotFoundError:
        return []
    except OSError:
        return None
    lines = tail.split(b"\n")
    if len(lines) < 2 or lines[-1]:  # nothing, or a torn end
        return None
    try:
        last = codec.loads_any(lines[-2])
    except ValueError:
        return None
    ended = isinstance(last, dict) and last.get("kind") == "run_ended"
    return [size, _hash(tail)] if ended else None


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
