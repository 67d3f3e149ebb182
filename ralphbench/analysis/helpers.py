"""Further processes that read results beside this one.

They are started anew, not forked: numpy and pandas have threads, and what a fork keeps of them may be locked for ever. Which
shard is next, all take from one pipe. What a helper read it leaves in a file without a name; then nobody waits for anybody to
read it, and nothing stays behind. A helper ends with this process, also where that is killed: its standard input ends.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import pickle
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO

from ralphbench.analysis.children import end_with_parent, python_argv
from ralphbench.analysis.reading import Part, Shard, read_shard
from ralphbench.errors import RalphbenchError

_log = logging.getLogger("ralphbench.analysis")
_WORD = 4
"""Bytes of a shard's number in the pipe."""


def read_with_helpers(shards: Sequence[Shard], count: int) -> dict[int, Part]:
    """By their places, the shards that could be read, by this process and `count` more."""
    with contextlib.ExitStack() as stack:
        jobs = stack.enter_context(_pipe_of_numbers(len(shards)))
        helpers: list[_Helper] = []
        try:
            plan = stack.enter_context(_unnamed_file(pickle.dumps(shards, pickle.HIGHEST_PROTOCOL)))
            for _ in range(count):
                helpers.append(stack.enter_context(_Helper(plan, jobs)))
        except OSError as error:  # no room for a file, no process to be had: it goes without
            _log.debug("no more than %d helpers: %s", len(helpers), error)
        read = dict(_work(shards, jobs))
        for helper in helpers:
            read.update(helper.collect())
        return read


@contextlib.contextmanager
def _pipe_of_numbers(count: int) -> Iterator[int]:
    """A pipe that holds 0 to `count`: whoever reads one has it alone."""
    reader, writer = os.pipe()
    try:
        try:
            os.set_blocking(writer, False)
            for number in range(count):
                os.write(writer, number.to_bytes(_WORD, "little"))
        except BlockingIOError:  # no room for more: the others nobody takes, and this process reads them in the end
            pass
        finally:
            os.close(writer)
        yield reader
    finally:
        os.close(reader)


@contextlib.contextmanager
def _unnamed_file(data: bytes) -> Iterator[int]:
    """Raises OSError where there is no room for it."""
    with tempfile.TemporaryFile(buffering=0) as file:  # a buffer would try once more at its end
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]
        yield file.fileno()


def _work(shards: Sequence[Shard], jobs: int) -> Iterator[tuple[int, Part]]:
    """Read shards until none is left. What cannot be read is left out: it is for the first process to say why."""
    while len(word := os.read(jobs, _WORD)) == _WORD:
        number = int.from_bytes(word, "little")
        try:
            part = read_shard(shards[number])
        except (RalphbenchError, OSError, ValueError, TypeError, ArithmeticError) as error:
            _log.debug("shard %d: %s", number, error)
            continue
        yield number, part


class _Helper:
    """One process. Use by `with`: at the end of it, it has ended."""

    def __init__(self, plan: int, jobs: int) -> None:
        """Raises OSError."""
        self._out: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed in __exit__
        argv = python_argv("ralphbench.analysis.helpers:help_out", str(plan), str(jobs))
        try:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=self._out, stderr=subprocess.DEVNULL, pass_fds=(plan, jobs)
            )
        except BaseException:
            self._out.close()
            raise

    def collect(self) -> Iterator[tuple[int, Part]]:
        """What it has read, when it has come to its end. One that was killed leaves what it had finished."""
        if code := self._process.wait():
            _log.debug("a helper ended with %d", code)
        self._out.seek(0)
        with contextlib.suppress(EOFError, pickle.UnpicklingError):
            while True:
                yield pickle.load(self._out)

    def __enter__(self) -> _Helper:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._out.close()


def help_out(plan: str, jobs: str) -> None:
    """What a helper does, given two open files by their numbers. It does not return."""
    end_with_parent()
    gc.disable()
    shards: Sequence[Shard] = pickle.loads(os.pread(int(plan), os.fstat(int(plan)).st_size, 0))
    with open(1, "wb", closefd=False) as out:
        for done in _work(shards, int(jobs)):
            pickle.dump(done, out, pickle.HIGHEST_PROTOCOL)
            out.flush()
    os._exit(0)
