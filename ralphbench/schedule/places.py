"""Where a run keeps what is not a record: mirrors and worktrees in the user's cache, sockets in a private folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ralphbench.model import Cell


@dataclass(frozen=True, slots=True)
class Places:
    """`cache` outlives runs; `runtime` holds one folder a live run."""

    cache: Path
    runtime: Path

    @property
    def mirrors(self) -> Path:
        return self.cache / "mirrors"

    @property
    def grading(self) -> Path:
        """Where commits are judged: beside the worktrees, not in any of them."""
        return self.cache / "grading"

    def workspaces(self, results: Path, experiment: str) -> Path:
        """Worktrees of one experiment; two results folders never share one."""
        key = hashlib.sha256(os.fsencode(results.resolve())).hexdigest()[:8]
        return self.cache / "work" / f"{experiment}-{key}"

    def workspace(self, results: Path, experiment: str, cell: Cell, number: int) -> Path:
        return self.workspaces(results, experiment) / cell.path / f"a{number}"


def user_places() -> Places:
    """`$RALPHBENCH_CACHE`, else the user's cache folder; sockets in the system's runtime or temporary folder."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    cache = Path(os.environ.get("RALPHBENCH_CACHE") or Path(base) / "ralphbench")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir() and os.access(runtime, os.W_OK):
        return Places(cache, Path(runtime) / "ralphbench")
    return Places(cache, Path(tempfile.gettempdir()) / f"ralphbench-{os.getuid()}")
