"""A pipe with a name in place of a file: whoever reads the file waits there for as long as the test wants."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from support.waiting import until


@contextlib.contextmanager
def reader_of(pipe: Path, process: subprocess.Popen[bytes]) -> Iterator[None]:
    """When somebody waits for the pipe, until the block is left. Fails where the process ends before that."""
    found: list[int] = []

    def opened() -> bool:
        assert process.poll() is None, f"nobody reads {pipe}: the process has ended with {process.returncode}"
        try:
            found.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            if error.errno != errno.ENXIO:  # nobody has its other end yet
                raise
        return bool(found)

    until(opened)
    try:
        yield
    finally:
        os.close(found[0])
