"""Fills a disk at a chosen event of a trial, once: put on PYTHONPATH by the tests of full disks.

`RALPHBENCH_FILL_AT=<n>:<file>`: when the trial has written its nth event, the file takes all room of its disk. It is there
then, so that it happens once.
"""

import os
import sys


def _arm() -> None:
    number, file = os.environ["RALPHBENCH_FILL_AT"].split(":", 1)
    if "ralphbench.trial" not in sys.orig_argv or os.path.exists(file):
        return
    from ralphbench.record.events import EventLog

    write = EventLog.append

    def append(self, kind, /, **data):  # type: ignore[no-untyped-def]
        event = write(self, kind, **data)
        if event.n == int(number) and not os.path.exists(file):
            _fill(file)
        return event

    EventLog.append = append  # type: ignore[method-assign]


def _fill(file: str) -> None:
    with open(file, "xb", buffering=0) as out:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    out.write(b"x" * size)
            except OSError:
                continue


if "RALPHBENCH_FILL_AT" in os.environ:
    _arm()
