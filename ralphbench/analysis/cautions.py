"""What a reader must know before any figure of a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ralphbench.analysis.frames import Frames
from ralphbench.analysis.rows import ProfileRow
from ralphbench.analysis.settings import Setting, differences

if TYPE_CHECKING:
    import pandas as pd


def cautions(frames: Frames, rows: Sequence[ProfileRow], settings: Sequence[Setting]) -> tuple[str, ...]:
    """Most important first."""
    return (
        *_truncated(rows),
        *differences(settings),
        *_unequal_work(frames, rows),
        *_of_rows(rows),
        *(f"damaged file: {damage.path}: {damage.what}" for damage in frames.damages),
    )


def _truncated(rows: Sequence[ProfileRow]) -> Iterator[str]:
    for row in rows:
        if row.truncated:
            yield f"{_who(row)}: the server cut the context silently in {row.truncated} of {row.calls} calls"


def _unequal_work(frames: Frames, rows: Sequence[ProfileRow]) -> Iterator[str]:
    """Within each experiment, then between them."""
    cells = frames.attempts[
        (frames.attempts["kind"] == "cell") & frames.attempts["counts"] & ~frames.attempts["imported"]
    ]
    for experiment, part in cells.groupby("experiment"):
        mine = [row for row in rows if row.experiment == experiment and not row.imported]
        if own := sorted(row.profile for row in mine if row.unequal_limits):
            yield f"{experiment}: UNEQUAL LIMITS: profiles did not race under the same limits ({', '.join(own)}: their own)"
        yield from _limited_apart(str(experiment), part[~part["unequal_limits"]])
        if part["profile"].nunique() > 1 and _planned_apart(part):
            yield f"{experiment}: compared attempts worked on different plans"
        sizes = {row.profile: row.attempts for row in mine}
        if len(set(sizes.values())) > 1:
            listed = ", ".join(f"{name} {count}" for name, count in sizes.items())
            yield f"{experiment}: not every profile has run equally often yet ({listed})"
    yield from _between(cells)


def _between(cells: pd.DataFrame) -> Iterator[str]:
    tasks = {str(name): frozenset(part["task"]) for name, part in cells.groupby("experiment")}
    if len(set(tasks.values())) > 1:
        counts = ", ".join(f"{name} {len(found)}" for name, found in tasks.items())
        common = len(frozenset.intersection(*tasks.values()))
        yield f"the experiments ran different tasks ({counts}, {common} in common): resolved and score are of different work"
    shared = [
        str(task) for task, part in cells.groupby("task") if part["experiment"].nunique() > 1 and _planned_apart(part)
    ]
    if shared:
        yield f"between experiments: attempts at the same task worked on different plans ({', '.join(shared)})"


def _limited_apart(experiment: str, cells: pd.DataFrame) -> Iterator[str]:
    """Attempts that count and ran before and after the experiment's own limits were changed."""
    apart = {str(limits): sorted(set(part["profile"])) for limits, part in cells.groupby("limits")}
    if len(apart) < 2:
        return
    common = set.intersection(*(set(limits.split(", ")) for limits in apart))
    told = [
        f"{', '.join(cap for cap in limits.split(', ') if cap not in common)} ({', '.join(profiles)})"
        for limits, profiles in apart.items()
    ]
    yield f"{experiment}: UNEQUAL LIMITS: they were changed between the attempts that are compared: {'; '.join(told)}"


def _planned_apart(cells: pd.DataFrame) -> bool:
    return bool(cells.groupby("task")["plan_hash"].nunique(dropna=True).max() > 1)


def _of_rows(rows: Sequence[ProfileRow]) -> Iterator[str]:
    yield from _told(
        "called complete by their own reviewers, and not resolved",
        [(row, f"{row.overclaimed} of {row.judged}") for row in rows if row.overclaimed],
    )
    yield from _told(
        "attempts that changed protected files; judged were the restored ones",
        [(row, f"{row.tampered} of {row.judged}") for row in rows if row.tampered],
    )
    for row in rows:
        if row.imported:
            yield (
                f"{_who(row)}: no gate judged these runs of the predecessor; tickets are its agent's own word, calls are "
                "runs of stages"
            )
    yield from _told(
        "attempts that infrastructure faults made void; they count neither way",
        [(row, str(row.void)) for row in rows if row.void],
    )
    for row in rows:
        if row.unknown_calls:
            yield f"{_who(row)}: the tokens of {row.unknown_calls} calls are unknown"
    if any(row.attempts and not row.isolated and not row.imported for row in rows):
        yield "not isolated: agents ran on the host without a sandbox and could reach more than their worktree"


def _told(what: str, found: Sequence[tuple[ProfileRow, str]]) -> Iterator[str]:
    """A line for each experiment."""
    for experiment in dict.fromkeys(row.experiment for row, _ in found):
        listed = ", ".join(f"{row.name} {figure}" for row, figure in found if row.experiment == experiment)
        yield f"{experiment}: {what}: {listed}"


def _who(row: ProfileRow) -> str:
    return f"{row.experiment}/{row.name}"
