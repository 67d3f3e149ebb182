"""What is made of an experiment's results, to be read in their place: `derived/`. Whoever commits a result removes it first.

So no result can be there that what is derived does not know, whoever wrote it and whatever was killed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path

FOLDER = "derived"
_DEPTH = 4
"""From an attempt's folder up to its experiment's: r<k>, profile, task, cells."""


def drop_derived(attempt: Path) -> None:
    """Remove what was derived of the experiment that an attempt's folder is in, and the marks of those who derive now."""
    above = attempt.parents
    if len(above) > _DEPTH and above[_DEPTH - 1].name in ("cells", "plans"):
        place = above[_DEPTH]
        gone = place / f".{FOLDER}.{secrets.token_hex(4)}.gone"
        with contextlib.suppress(OSError):
            # At once, by its name: file by file, somebody could put down the last one when that was already looked for.
            os.rename(place / FOLDER, gone)
            shutil.rmtree(gone, ignore_errors=True)


def sweep_derived(experiment: Path) -> None:
    """Remove what a `drop_derived` that was killed has left."""
    for gone in experiment.glob(f".{FOLDER}.*.gone"):
        shutil.rmtree(gone, ignore_errors=True)
