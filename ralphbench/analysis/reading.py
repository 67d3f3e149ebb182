"""The results of one experiment, flat: read here, or, where they are many, by several processes at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ralphbench.analysis.flattening import Flat, flatten
from ralphbench.record import Damage, Listing, Repeats, read_many

MANY = 20_000
"""Repeats from which on it is worth the start of further processes, about 0.1 s each."""
SHARD = 2_000
"""Repeats that are read as one."""
_MOST_PROCESSES = 8


@dataclass(frozen=True, slots=True)
class Shard:
    """Some repeats of one kind of attempt."""

    kind: str
    repeats: tuple[Repeats, ...]


@dataclass(slots=True)
class Part:
    """What was read of a shard, or of all of them: in the same order whoever read it."""

    flats: list[Flat] = field(default_factory=list)
    damages: list[Damage] = field(default_factory=list)
    uncommitted: list[str] = field(default_factory=list)
    """Folders of attempts without a result that counts."""

    def add(self, other: Part) -> None:
        self.flats += other.flats
        self.damages += other.damages
        self.uncommitted += other.uncommitted


def read_listed(listings: Iterable[tuple[str, Listing]]) -> Part:
    """Everything that is listed, kind by kind. Raises RecordError."""
    shards = [shard for kind, listing in listings for shard in shards_of(kind, listing.repeats())]
    parts = read_shards(shards, processes_for(shards))
    whole = Part()
    for part in parts:
        whole.add(part)
    return whole


def shards_of(kind: str, repeats: Iterable[Repeats]) -> Iterator[Shard]:
    """Slices of about the same size, in order."""
    held: list[Repeats] = []
    size = 0
    for each in repeats:
        begin = 0
        while begin < len(each.numbers):
            piece = each.numbers[begin : begin + SHARD - size]
            held.append(replace(each, numbers=piece))
            begin, size = begin + len(piece), size + len(piece)
            if size == SHARD:
                yield Shard(kind, tuple(held))
                held, size = [], 0
    if held:
        yield Shard(kind, tuple(held))


def processes_for(shards: Sequence[Shard]) -> int:
    """How many processes are to read them, this one included."""
    if sum(len(each.numbers) for shard in shards for each in shard.repeats) < MANY:
        return 1
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return min(cores, _MOST_PROCESSES, len(shards))


def read_shards(shards: Sequence[Shard], processes: int) -> list[Part]:
    """A part for each shard. Raises RecordError: the first by the shards' order, however many read them."""
    if processes == 1:
        return [read_shard(shard) for shard in shards]
    from ralphbench.analysis.helpers import read_with_helpers

    read = read_with_helpers(shards, processes - 1)
    # What nobody could read is read once more: either it can be read now, or it says why not.
    return [read[n] if n in read else read_shard(shard) for n, shard in enumerate(shards)]


def read_shard(shard: Shard) -> Part:
    """Raises RecordError."""
    read = read_many(shard.repeats)
    flats = [flatten(shard.kind, read.results)] if read.results else []
    return Part(flats, read.damages, read.uncommitted)
