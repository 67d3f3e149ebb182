"""Records into frames: one row an attempt, a stage sum, a stage ending, a gate. Unknown stays missing, never zero."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ralphbench.analysis.flattening import Flat, flatten
from ralphbench.record import Damage, ExperimentFolder, read_many

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Frames:
    """What is known of some experiments. Columns are described in docs/schemas.md."""

    attempts: pd.DataFrame
    stages: pd.DataFrame
    endings: pd.DataFrame
    gates: pd.DataFrame
    damages: tuple[Damage, ...]


def load(folders: Sequence[Path]) -> Frames:
    """Frames of results folders `results/<experiment>`. Files that cannot be read are named in `damages`."""
    from ralphbench.analysis.unpacking import frames_of

    damages: list[Damage] = []
    flats: list[Flat] = []
    with _no_collections():
        for folder in folders:
            _read(ExperimentFolder(folder.parent, folder.name), flats, damages)
        attempts, stages, endings, gates = frames_of(flats)
        return Frames(_counting(attempts), stages, endings, gates, tuple(damages))


def _read(experiment: ExperimentFolder, flats: list[Flat], damages: list[Damage]) -> None:
    for kind, folder in (("cell", experiment), ("plan", experiment.plans())):
        read = read_many(folder.listing().repeats())
        damages += read.damages
        if read.results:
            flats.append(flatten(kind, read.results))


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """Nothing made here is a cycle; looking for some, again and again, takes as long as all the rest."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _counting(attempts: pd.DataFrame) -> pd.DataFrame:
    """`counts`: the newest attempt of each cell that is not void. The older ones stay, and what they cost stays spent."""
    cell = ["experiment", "kind", "task", "profile", "repeat", "imported"]
    valid = attempts.loc[~attempts["void"]]
    newest = valid.sort_values("attempt").drop_duplicates(cell, keep="last").index
    attempts["counts"] = attempts.index.isin(newest)
    return attempts
