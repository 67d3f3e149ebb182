"""Kills a process of a run at a chosen event, once: put on PYTHONPATH by the kill tests.

`RALPHBENCH_KILL_AT=<victim>:<n>:<mark file>`: when the trial has written its nth event, `victim` (`trial`, `run` or
`gateway`) gets SIGKILL.
The mark file is made first, so that it happens once. Without a mark file it happens in every trial process, at its nth.
`<n>` may be `<kind>+<k>`: the kth event after the first of its kind. `RALPHBENCH_KILL_CELL=r2`: only the trials of that repeat
count.
"""

import os
import signal
import sys


def _arm() -> None:
    victim, when, mark = os.environ["RALPHBENCH_KILL_AT"].split(":", 2)
    kind_of_first, _, after = when.rpartition("+")
    if "ralphbench.trial" not in sys.orig_argv or (mark and os.path.exists(mark)):
        return
    cell = os.environ.get("RALPHBENCH_KILL_CELL")
    if cell and not any(f"/{cell}/" in word for word in sys.orig_argv):
        return
    from ralphbench.record.events import EventLog

    write = EventLog.append
    written = []
    number = None if kind_of_first else int(when)

    def append(self, kind, /, **data):  # type: ignore[no-untyped-def]
        nonlocal number
        event = write(self, kind, **data)
        written.append(event.n)
        if number is None and kind == kind_of_first:
            number = event.n + int(after)
        if number is None:
            return event
        if not mark and len(written) > number:
            _kill(victim)
        if mark and event.n == number and not os.path.exists(mark):
            open(mark, "x").close()
            _kill(victim)
        return event

    EventLog.append = append  # type: ignore[method-assign]


def _kill(victim: str) -> None:
    if victim == "trial":
        os.kill(os.getpid(), signal.SIGKILL)
    if victim == "run":
        os.kill(os.getppid(), signal.SIGKILL)
        return
    import psutil

    for child in psutil.Process(os.getppid()).children():
        if "ralphbench.gateway" in child.cmdline():
            child.kill()
            child.wait(5)


if "RALPHBENCH_KILL_AT" in os.environ:
    _arm()
