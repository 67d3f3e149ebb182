"""What the user asked of one run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunOptions:
    jobs: int = 1
    """Attempts at once."""
    fresh: bool = False
    """New attempts for every cell; the old ones stay."""
    rerun_stale: bool = False
    """Cells recorded under another identity run again; otherwise they are an error."""
    mode: str = "full"
    """`full`, `smoke` or `plan`."""
    keep_workspaces: bool = False
