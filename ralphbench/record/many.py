"""Results by the thousand, for the analysis: read as structs, which takes half the time of the dataclasses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ralphbench.errors import RecordError
from ralphbench.model import RECORD_VERSION, AttemptResult, Cell, codec
from ralphbench.record.damage import Damage
from ralphbench.record.experiment import summary_of
from ralphbench.record.listing import Repeats, attempts_in
from ralphbench.record.structs import struct_of
from ralphbench.record.whole import read_whole

RESULT = struct_of(AttemptResult)
"""The fields of `model.AttemptResult`, in their order; enums are their text."""
_decode = codec.decoder(RESULT).decode


@dataclass(slots=True)
class Read:
    """What was found in some repeats, in the order of `ExperimentFolder.summaries`."""

    results: list[Any] = field(default_factory=list)
    """Of type `RESULT`."""
    damages: list[Damage] = field(default_factory=list)
    uncommitted: list[str] = field(default_factory=list)
    """Folders of attempts without a result that counts."""


def read_many(repeats: Iterable[Repeats]) -> Read:
    """Every attempt's result: those, and those alone, that `ExperimentFolder.summaries` gives. Raises what it raises."""
    read = Read()
    for each in repeats:
        for k in each.numbers:
            path = f"{each.path}/r{k}"
            for number in attempts_in(path):
                folder = f"{path}/a{number}"
                result = _ordinary(folder, each, k, number)
                if result is not None:
                    read.results.append(result)
                else:
                    _other(folder, Cell(each.task.replace("+", "/"), each.profile, k), number, read)
    return read


def _ordinary(folder: str, repeats: Repeats, repeat: int, number: int) -> Any:
    """The result where all is as it should be. None: that is for `summary_of` to find out."""
    try:
        result: Any = _decode(read_whole(f"{folder}/result.json"))
    except (OSError, ValueError, RecursionError, RecordError):
        return None
    cell = result.cell
    ours = cell.repeat == repeat and cell.profile == repeats.profile and cell.task.replace("/", "+") == repeats.task
    return result if ours and result.number == number and result.version == RECORD_VERSION else None


def _other(folder: str, cell: Cell, number: int, read: Read) -> None:
    summary = summary_of(cell, folder, number)
    if summary is None:
        return
    _, _, result, damages = summary
    read.damages += damages
    if result is None:
        read.uncommitted.append(folder)
    else:
        read.results.append(_decode(codec.dumps(result)))
