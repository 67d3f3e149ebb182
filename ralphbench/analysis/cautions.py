"""What a reader must know before any figure of a comparison."""

from __future__ import annotations

from collections.abc import Sequence

from ralphbench.analysis.frames import Frames
from ralphbench.analysis.rows import ProfileRow


def cautions(frames: Frames, rows: Sequence[ProfileRow]) -> tuple[str, ...]:
    """Most important first."""
    warnings = [
        f"{r.experiment}/{r.profile}: the server cut the context silently in {r.truncated} of {r.calls} calls"
        for r in rows
        if r.truncated
    ]
    warnings += _unequal_work(frames, rows)
    warnings += [
        f"{r.experiment}/{r.name}: no gate judged these runs of the predecessor; tickets are its agent's own word, calls are "
        "runs of stages"
        for r in rows
        if r.imported
    ]
    warnings += [
        f"{r.experiment}/{r.profile}: {r.void} attempts are void through infrastructure faults and count neither way"
        for r in rows
        if r.void
    ]
    warnings += [
        f"{r.experiment}/{r.profile}: the tokens of {r.unknown_calls} calls are unknown"
        for r in rows
        if r.unknown_calls
    ]
    if any(r.attempts and not r.isolated and not r.imported for r in rows):
        warnings.append(
            "not isolated: agents ran on the host without a sandbox and could reach more than their worktree"
        )
    warnings += [f"damaged file: {d.path}: {d.what}" for d in frames.damages]
    return tuple(warnings)


def _unequal_work(frames: Frames, rows: Sequence[ProfileRow]) -> list[str]:
    warnings = []
    cells = frames.attempts[(frames.attempts["kind"] == "cell") & frames.attempts["counts"]]
    for experiment, part in cells.groupby("experiment"):
        if part["unequal_limits"].any():
            warnings.append(f"{experiment}: UNEQUAL LIMITS: profiles did not race under the same limits")
        several = part["profile"].nunique() > 1
        if several and part.groupby("task")["plan_hash"].nunique(dropna=True).max() > 1:
            warnings.append(f"{experiment}: compared attempts worked on different plans")
        sizes = {r.profile: r.attempts for r in rows if r.experiment == experiment and not r.imported}
        if len(set(sizes.values())) > 1:
            listed = ", ".join(f"{name} {count}" for name, count in sizes.items())
            warnings.append(f"{experiment}: not every profile has run equally often yet ({listed})")
    return warnings
