"""What an experiment was set to when it ran last, as far as it bears on a comparison with another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ralphbench.record import ExperimentFolder, Quarantine


@dataclass(frozen=True, slots=True)
class Setting:
    """Of one record. None: it does not say, as with imported runs."""

    experiment: str
    """As in its rows."""
    path: str
    """Of the record's folder."""
    question: str | None
    limits: Mapping[str, Any] | None
    """Times in seconds, cost in USD; null: no such cap."""
    tasks: Mapping[str, str]
    """Task to a digest of its words, its base and its gates."""


def read_setting(experiment: str, folder: Path, quarantine: Quarantine) -> Setting:
    """From the record's `lock.json`."""
    lock = ExperimentFolder(folder.parent, folder.name).read_lock(quarantine) or {}
    said = _table(lock, "experiment")
    question = said.get("question")
    digests = {str(task): "/".join(map(str, parts.values())) for task, parts in _table(lock, "digests").items()}
    return Setting(
        experiment=experiment,
        path=str(folder),
        question=question if isinstance(question, str) else None,
        limits=_table(said, "limits") or None,
        tasks=digests,
    )


def differences(settings: Sequence[Setting]) -> Iterator[str]:
    """What was not the same in all of them, as far as they say."""
    known = [setting for setting in settings if setting.limits is not None]
    names = " / ".join(setting.experiment for setting in known)
    apart = []
    for cap in dict.fromkeys(name for setting in known for name in setting.limits or {}):
        values = [(setting.limits or {}).get(cap) for setting in known]
        if len(set(values)) > 1:
            apart.append(f"{cap} {' / '.join('none' if value is None else f'{value:g}' for value in values)}")
    if apart:
        yield f"DIFFERENT LIMITS between experiments ({names}): {', '.join(apart)}"
    for task in dict.fromkeys(name for setting in settings for name in setting.tasks):
        having = [setting for setting in settings if task in setting.tasks]
        if len({setting.tasks[task] for setting in having}) > 1:
            yield f"{task}: its words, base or gates are not the same in {' and '.join(s.experiment for s in having)}"


def _table(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = data.get(key)
    return found if isinstance(found, dict) else {}
