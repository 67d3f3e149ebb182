"""Records into frames: one row an attempt, a stage sum, a stage ending, a gate. Unknown stays missing, never zero."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ralphbench.analysis.derived import FROM, Tables, begin, read_derived
from ralphbench.analysis.reading import read_listed
from ralphbench.analysis.stamp import Listings, list_all
from ralphbench.record import Damage, ExperimentFolder, Quarantine

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


def load(folders: Sequence[Path], *, derive: bool = True, rebuild: bool = False) -> Frames:
    """Frames of results folders `results/<experiment>`. Files that cannot be read are named in `damages`.

    `derive`: read a large experiment's Parquet in place of its results where that is valid, else write it. `rebuild`: read
    the results whatever is there, and write it anew. Raises RecordError at a record of another version.
    """
    with _no_collections():
        found = [_tables(ExperimentFolder(f.parent, f.name), derive=derive, rebuild=rebuild) for f in folders]
        torn = Quarantine()
        for folder, (tables, _) in zip(folders, found, strict=True):
            tables[0]["counts"] = _counting(tables[0], ExperimentFolder(folder.parent, folder.name).identities(torn))
        attempts, stages, endings, gates = _concatenated([tables for tables, _ in found])
        return Frames(attempts, stages, endings, gates, (*(d for _, damages in found for d in damages), *torn))


def _tables(experiment: ExperimentFolder, *, derive: bool, rebuild: bool) -> tuple[Tables, Sequence[Damage]]:
    if derive and not rebuild and (derived := read_derived(experiment)) is not None:
        return derived
    listings = list_all(experiment)
    deriving = begin(experiment) if derive and sum(listing.size for listing in listings) >= FROM else None
    if deriving is None:
        return _read(listings)[0]
    with deriving:
        (tables, damages), uncommitted = _read(deriving.listings)
        deriving.finish(tables, uncommitted, damages)
        return tables, damages


def _read(listings: Listings) -> tuple[tuple[Tables, list[Damage]], list[str]]:
    """From the results; and the attempts that have none."""
    from ralphbench.analysis.unpacking import frames_of

    read = read_listed(zip(("cell", "plan"), listings, strict=True))
    return (frames_of(read.flats), read.damages), read.uncommitted


def _concatenated(found: Sequence[Tables]) -> Tables:
    from ralphbench.analysis.unpacking import frames_of

    if not found:
        none, stages, endings, gates = frames_of([])
        return none.assign(counts=False), stages, endings, gates
    if len(found) == 1:
        return found[0]
    import pandas as pd

    attempts, stages, endings, gates = (pd.concat(frames, ignore_index=True) for frames in zip(*found, strict=True))
    return attempts, stages, endings, gates


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


def _counting(attempts: pd.DataFrame, identities: Mapping[tuple[str, str], str]) -> pd.Series[bool]:
    """Whether an attempt stands for its cell, by the rule of `record.that_counts`. The others stay, and what they cost
    stays spent.
    """
    cell = ["experiment", "kind", "task", "profile", "repeat", "imported"]
    valid = attempts.loc[~attempts["void"], [*cell, "attempt", "identity"]]
    several = valid.duplicated(cell, keep=False)
    rivals = valid[several]  # of what can be many, as a rule a few
    known = {f"{task}\n{profile}": hash_ for (task, profile), hash_ in identities.items()}
    todays = rivals["identity"] == (rivals["task"] + "\n" + rivals["profile"]).map(known)
    ordered = rivals.assign(todays=todays).sort_values(["todays", "attempt"], kind="stable")
    standing = valid.index[~several].union(ordered.drop_duplicates(cell, keep="last").index)
    return attempts.index.to_series().isin(standing)
