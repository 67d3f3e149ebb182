"""What runs leave in the cache: found, and removed on request. Records are not touched."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ralphbench.record import ExperimentFolder
from ralphbench.schedule.places import Places
from ralphbench.workspace import remove_tree


def leftovers(places: Places, record: ExperimentFolder, *, mirrors: bool = False) -> list[tuple[Path, int]]:
    """Folders of the cache that belong to an experiment, with their size in bytes."""
    names = (record.name, f"{record.name}+plans", f"{record.name}.smoke", f"{record.name}.smoke+plans")
    folders = [places.workspaces(record.path.parent, name) for name in names]
    if mirrors:
        folders.append(places.mirrors)
    return [(folder, _size(folder)) for folder in folders if folder.exists()]


def remove_leftovers(found: Sequence[tuple[Path, int]]) -> None:
    for folder, _ in found:
        remove_tree(os.fsencode(folder))


def _size(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_size
            except OSError:
                continue  # gone meanwhile
    return total
