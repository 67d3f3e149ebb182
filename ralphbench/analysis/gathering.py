"""Records into one comparison: each folder once, kept apart by where it lies, whatever name it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ralphbench.analysis.comparing import compare
from ralphbench.analysis.frames import Frames, load
from ralphbench.analysis.rows import Comparison
from ralphbench.analysis.settings import read_setting
from ralphbench.record import Quarantine

if TYPE_CHECKING:
    import pandas as pd


def compare_records(folders: Sequence[Path], *, rebuild: bool = False) -> Comparison:
    """Compare the experiments of these records `results/<experiment>`. `rebuild`: see `load`. Raises what `load` raises."""
    named = name_apart(folders)
    parts = [_named(load([folder], rebuild=rebuild), name) for name, folder in named.items()]
    quarantine = Quarantine()
    settings = tuple(read_setting(name, folder, quarantine) for name, folder in named.items())
    frames = _joined(parts)
    return compare(replace(frames, damages=(*frames.damages, *quarantine)), settings)


def name_apart(folders: Sequence[Path]) -> Mapping[str, Path]:
    """Each folder once, under its name; folders of one name under as much of their paths as tells them apart."""
    distinct = list(dict.fromkeys(folder.resolve() for folder in folders))
    names = {folder: folder.name for folder in distinct}
    depth = 1
    while any(count > 1 for count in Counter(names.values()).values()):
        depth += 1
        twice = {name for name, count in Counter(names.values()).items() if count > 1}
        names |= {folder: "/".join(folder.parts[-depth:]) for folder in distinct if names[folder] in twice}
    return {name: folder for folder, name in names.items()}


def _named(frames: Frames, name: str) -> Frames:
    """The record's folder says whose results are in it: what was copied or renamed stays apart from where it came from."""
    return replace(
        frames,
        attempts=_under(frames.attempts, name),
        stages=_under(frames.stages, name),
        endings=_under(frames.endings, name),
        gates=_under(frames.gates, name),
    )


def _under(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    if (frame["experiment"] == name).all():
        return frame
    import pandas as pd

    return frame.assign(experiment=pd.array([name] * len(frame), dtype="str"))


def _joined(parts: Sequence[Frames]) -> Frames:
    if not parts:
        return load([])
    if len(parts) == 1:
        return parts[0]
    import pandas as pd

    attempts, stages, endings, gates = (
        pd.concat([getattr(part, name) for part in parts], ignore_index=True)
        for name in ("attempts", "stages", "endings", "gates")
    )
    return Frames(attempts, stages, endings, gates, tuple(damage for part in parts for damage in part.damages))
