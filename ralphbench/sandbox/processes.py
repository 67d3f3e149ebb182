"""Whole process trees, seen from outside them: who descends from whom, who carries which owner's mark, ended and
confirmed dead. What the reaper of leftovers works with.

On Linux from /proc, elsewhere with psutil.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ralphbench.errors import SandboxError
from ralphbench.sandbox import keeper

OWNER = "RALPHBENCH_OWNER"
"""`<run's owner id>:<attempt id>`, in the environment of every process that is started for an attempt."""
LINUX = sys.platform.startswith("linux") and Path("/proc/self/stat").exists()
_DEAD_WITHIN = 10.0
"""Seconds after KILL in which a process must be gone."""


def hide_memory() -> None:
    """From now on no other process of this user may read this one's memory, nor the environment that it was started with:
    for those that hold keys. Root may. Nothing where that cannot be had.
    """
    if LINUX:
        keeper.prctl(keeper.PR_SET_DUMPABLE, 0)


def scan() -> dict[int, tuple[int, bool]]:
    """Every process: pid -> (parent, is a zombie)."""
    if LINUX:
        return keeper.scan()
    import psutil

    found: dict[int, tuple[int, bool]] = {}
    for process in psutil.process_iter(["pid", "ppid", "status"]):
        info = process.info
        found[info["pid"]] = (info["ppid"] or 0, info["status"] == psutil.STATUS_ZOMBIE)
    return found


def descendants(pid: int) -> set[int]:
    """All below `pid`, living ones only; orphans that init or a subreaper took over are not among them."""
    processes = scan()
    return {p for p in keeper.below({pid}, processes) if not processes[p][1]}


def session(pid: int) -> int | None:
    """The session that a process is in; None: it is gone."""
    try:
        return os.getsid(pid)
    except OSError:
        return None


def owners() -> dict[int, str]:
    """Every living process that carries an owner's mark: pid -> mark. Those of other users cannot be read."""
    mark = os.fsencode(OWNER) + b"="
    found: dict[int, str] = {}
    for pid, (_, zombie) in scan().items():
        owner = None if zombie else _mark_of(pid, mark)
        if owner is not None:
            found[pid] = owner
    return found


def _mark_of(pid: int, mark: bytes) -> str | None:
    if not LINUX:
        return _mark_by_psutil(pid)
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    for entry in environment.split(b"\0"):
        if entry.startswith(mark):
            return os.fsdecode(entry[len(mark) :])
    return None


def _mark_by_psutil(pid: int) -> str | None:
    import psutil

    try:
        mark = psutil.Process(pid).environ().get(OWNER)
    except (psutil.Error, OSError):
        return None
    return None if mark is None else str(mark)


def find_marked(prefix: str) -> list[int]:
    """Living processes whose owner's mark is `prefix` or goes on from there after a colon or a slash (so that `.../a1`
    is not `.../a10`), this one and its ancestors left out.
    """
    spared = _lineage(os.getpid())
    return sorted(pid for pid, owner in owners().items() if _begins(owner, prefix) and pid not in spared)


def _begins(owner: str, prefix: str) -> bool:
    rest = owner[len(prefix) :]
    return owner.startswith(prefix) and (rest[:1] in ("", ":", "/") or prefix[-1:] in (":", "/"))


def end_marked(prefix: str, grace: float = 2.0) -> int:
    """End every process whose mark begins with `prefix`, and what descends from it whatever its environment; returns
    how many there were, when all are dead. Raises SandboxError where some do not die.
    """

    def family() -> set[int]:
        processes = scan()
        marked = set(find_marked(prefix))
        return (marked | keeper.below(marked, processes)) - _lineage(os.getpid(), processes)

    return _end(family, grace, f"processes marked {prefix!r}")


def end_tree(pid: int, grace: float = 2.0) -> int:
    """End `pid` and all its descendants; returns how many there were, when all are dead. Raises SandboxError."""

    def family() -> set[int]:
        processes = scan()
        return keeper.below({pid}, processes) | ({pid} if pid in processes else set())

    return _end(family, grace, f"the tree of process {pid}")


def _end(family: Callable[[], set[int]], grace: float, what: str) -> int:
    """TERM, then STOP until nothing new appears, then KILL. What was seen once is ended also when it was orphaned."""
    seen = _living(family())
    deadline = time.monotonic() + grace
    asked: set[int] = set()
    while grace > 0 and time.monotonic() < deadline and (living := _living(seen | family())):
        keeper.send_signal(living - asked, signal.SIGTERM)
        keeper.send_signal(living - asked, signal.SIGCONT)
        asked |= living
        seen |= living
        time.sleep(0.02)
    deadline = time.monotonic() + _DEAD_WITHIN
    while living := _living(seen | family()):
        seen |= living | keeper.freeze(lambda: _living(family() | living))
        keeper.send_signal(_living(seen), signal.SIGKILL)
        if time.monotonic() > deadline:
            pids = ",".join(map(str, sorted(living)))
            raise SandboxError(f"{what}: {pids} do not die", remedy=f"ps -o pid,user,stat,args -p {pids}")
        time.sleep(0.01)
    return len(seen)


def _living(pids: set[int]) -> set[int]:
    processes = scan()
    return {pid for pid in pids if pid in processes and not processes[pid][1]}


def _lineage(pid: int, processes: dict[int, tuple[int, bool]] | None = None) -> set[int]:
    """A process and its ancestors: never to be ended by itself."""
    known = scan() if processes is None else processes
    found: set[int] = set()
    while pid in known and pid not in found:
        found.add(pid)
        pid = known[pid][0]
    return found


def tree_cpu(root: int) -> float | None:
    """CPU seconds of all below `root`, dead children that were waited for included, `root`'s own use left out.

    Parents are read before their children as far as pids tell: what dies in between is missed once, not counted
    twice. None: cannot be told.
    """
    if not LINUX:
        return _cpu_by_psutil(root)
    ticks = 0
    above = keeper.stat(root)
    if above is None:
        return None
    ticks += int(above[13]) + int(above[14])
    for pid in sorted(keeper.below({root}, keeper.scan())):
        fields = keeper.stat(pid)
        if fields is not None:
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def _cpu_by_psutil(root: int) -> float | None:
    import psutil

    total = 0.0
    for pid in sorted(descendants(root)):
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total
