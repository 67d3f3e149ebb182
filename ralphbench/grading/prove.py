"""The proof of a task: the one that is there, or one made now, by one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ralphbench.grading.check import CheckEmit, check_task
from ralphbench.grading.proof import Proof, load_proof
from ralphbench.model import Task
from ralphbench.record import Quarantine, disk_errors, make_folder, try_flock
from ralphbench.workspace import Mirror

_LOOK = 0.1
"""Seconds between two tries for the lock."""


def logs_of(task: Task, store: Path) -> Path:
    """Where the logs of a task's check go: `<row>/<gate>.log`."""
    return store / "logs" / task.name.replace("/", "+")


def prove_task(
    task: Task,
    mirror: Mirror,
    *,
    store: Path,
    scratch: Path,
    sandbox_kind: str = "auto",
    runs: int = 1,
    anew: bool = False,
    emit: CheckEmit = lambda row, result: None,
    on_check: Callable[[], None] = lambda: None,
    on_wait: Callable[[], None] = lambda: None,
    quarantine: Quarantine | None = None,
) -> Proof:
    """The proof of the task at the mirror's base, kept in `store`. Only one that holds is taken as it is.

    One that failed is made again: what was in the way then (a tool, the disk, another process) may be gone. `anew`: made
    again in any case. `on_check`: told before gates are run; `on_wait`: before waiting for another process that checks
    the same task. Raises as `check_task`.
    """
    found = None if anew else load_proof(task, mirror.base, store, quarantine)
    if found is not None and found.ok:
        return found
    out = logs_of(task, store)
    with _only_one(out, on_wait) as waited:
        found = load_proof(task, mirror.base, store, quarantine) if waited and not anew else None
        if found is not None and found.ok:
            return found
        on_check()
        return check_task(
            task, mirror, out=out, scratch=scratch, runs=runs, emit=emit, store=store, sandbox_kind=sandbox_kind
        )


@contextlib.contextmanager
def _only_one(out: Path, on_wait: Callable[[], None]) -> Iterator[bool]:
    """Hold the lock of a task's logs, gone with its process; gives whether another held it first. Raises DiskError."""
    make_folder(out.parent)
    path = out.with_name(f".{out.name}.lock")
    with disk_errors(path):
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        waited = False
        while try_flock(lock, fcntl.LOCK_EX) is False:
            if not waited:
                waited = True
                on_wait()
            time.sleep(_LOOK)
        yield waited
    finally:
        os.close(lock)
