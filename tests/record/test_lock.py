"""The lock of an experiment: one at a time, a dead owner is told from a live one, and the message says what to do."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest
from support.hand_clock import HandClock

from ralphbench.errors import AlreadyRunning
from ralphbench.model import codec
from ralphbench.record import ExperimentFolder, Lock, Owner
from ralphbench.record import lock as lock_module

HOLDER = """
import sys, time
from pathlib import Path
from ralphbench.record import Lock
lock = Lock(Path(sys.argv[1]), what="experiment 001-x")
lock.acquire()
print("held", flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "owner.lock"


def _leave(path: Path, **changes: object) -> Owner:
    """What a process that is gone would have left."""
    owner = replace(Owner.me(), pid=2**22 + 1, born="tick 1", **changes)
    path.write_bytes(codec.pretty(owner))
    return owner


def test_a_second_run_is_refused_and_told_who_holds_it(path: Path, spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = HandClock()
    monkeypatch.setattr(lock_module, "time", clock)
    child = spawn(HOLDER, path)
    assert child.stdout.readline() == "held\n"
    lock = Lock(path, what="experiment 001-x")
    began = clock.now
    with pytest.raises(AlreadyRunning, match=f"experiment 001-x is being run by process {child.pid} on ") as caught:
        lock.acquire()
    assert clock.now == began, "a live owner is not waited for"
    assert caught.value.remedy is not None
    assert caught.value.remedy.startswith(f"kill -INT {child.pid} ")
    holder = lock.holder()
    assert holder is not None
    assert holder.pid == child.pid
    assert f"since {time.strftime('%Y-%m-%d', time.localtime(holder.since))}" in caught.value.message
    child.communicate("go\n", timeout=30)
    assert lock.holder() is None
    assert lock.acquire() is None
    lock.release()
    assert not path.exists()


def test_the_lock_of_a_killed_run_is_taken_over_and_reported(path: Path, spawn) -> None:
    child = spawn(HOLDER, path)
    assert child.stdout.readline() == "held\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert Lock(path).holder() is None
    with Lock(path) as lock:
        assert lock.taken_over is not None
        assert lock.taken_over.pid == child.pid
        holder = Lock(path).holder()
        assert holder is not None
        assert holder.pid == os.getpid()


def test_a_killed_run_that_nobody_has_waited_for_is_dead(path: Path, spawn) -> None:
    child = spawn(HOLDER, path)
    assert child.stdout.readline() == "held\n"
    os.kill(child.pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while Lock(path).holder() is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    with Lock(path) as lock:
        assert lock.taken_over is not None


@pytest.mark.parametrize("left", [b"", b"{", b'{"pid": 1}', b"\0" * 200])
def test_a_torn_lock_is_free(path: Path, left: bytes) -> None:
    path.write_bytes(left)
    assert Lock(path).holder() is None
    with Lock(path) as lock:
        assert lock.taken_over is None


def test_a_process_that_was_given_the_number_of_a_dead_one_is_not_the_owner(path: Path) -> None:
    owner = replace(Owner.me(), pid=os.getppid(), born="tick 1")
    path.write_bytes(codec.pretty(owner))
    assert Lock(path).holder() is None
    with Lock(path) as lock:
        assert lock.taken_over == owner


def test_a_reboot_frees_the_lock(path: Path) -> None:
    owner = replace(Owner.me(), boot="another boot")
    path.write_bytes(codec.pretty(owner))
    assert Lock(path).holder() is None
    with Lock(path) as lock:
        assert lock.taken_over == owner


def test_an_owner_on_another_machine_counts_as_live(path: Path) -> None:
    owner = _leave(path, host="redbox", boot="another boot")
    assert Lock(path).holder() == owner
    with pytest.raises(AlreadyRunning, match="on redbox") as caught:
        Lock(path).acquire()
    assert caught.value.remedy == f"ssh redbox kill -INT {owner.pid}   # or, where that machine is gone: rm {path}"
    assert path.exists()


def test_an_owner_in_a_container_of_this_machine_is_known_by_the_systems_lock(path: Path, spawn) -> None:
    gone = _leave(path, host="container")
    assert Lock(path).holder() is None
    with Lock(path) as lock:
        assert lock.taken_over == gone
    child = spawn(HOLDER, path)
    assert child.stdout.readline() == "held\n"
    live = replace(Owner.me(), pid=7, born="tick 7", host="container")
    path.write_bytes(codec.pretty(live))  # as it would have signed in there
    assert Lock(path).holder() == live
    with pytest.raises(AlreadyRunning, match="on container"):
        Lock(path).acquire()


def test_a_live_owner_without_the_systems_lock_is_respected(path: Path) -> None:
    """On a file system where flock does nothing."""
    owner = Owner.me()
    path.write_bytes(codec.pretty(owner))
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
        Lock(path).acquire()
    assert Lock(path).holder() == owner


def test_one_process_cannot_hold_it_twice(path: Path) -> None:
    with Lock(path) as lock:
        with pytest.raises(AlreadyRunning):
            lock.acquire()
        with pytest.raises(AlreadyRunning):
            Lock(path).acquire()
    lock.release()
    assert not lock.held


ORPHANING = """
import os, sys, time
from pathlib import Path
from ralphbench.record import Lock
lock = Lock(Path(sys.argv[1]), what="experiment 001-x")
lock.acquire()
if os.fork() == 0:
    os.close(1)
    time.sleep(600)
    os._exit(0)
print("held", flush=True)
time.sleep(600)
"""


def test_an_orphan_that_inherited_the_lock_still_holds_it(path: Path, spawn) -> None:
    child = spawn(ORPHANING, path, start_new_session=True)
    assert child.stdout.readline() == "held\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    try:
        with pytest.raises(AlreadyRunning, match=f"left behind by process {child.pid}") as caught:
            Lock(path).acquire()
        assert f"fuser -v {path}" in str(caught.value)
    finally:
        os.killpg(child.pid, signal.SIGKILL)


def test_a_lock_on_a_file_that_its_owner_has_just_removed_is_no_lock(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, real, calls = Lock(path), lock_module.try_flock, []
    first.acquire()

    def released_in_between(fd: int, mode: int) -> bool | None:
        calls.append(fd)
        if len(calls) == 1:
            first.release()
        return real(fd, mode)

    monkeypatch.setattr(lock_module, "try_flock", released_in_between)
    with Lock(path):
        assert path.exists()
        with pytest.raises(AlreadyRunning):
            Lock(path).acquire()


def test_somebody_who_only_looks_does_not_turn_a_run_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _leave(path)
    looking = os.open(path, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)

    class Looked(HandClock):
        """Whoever looks has looked by the time that a run tries again."""

        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            os.close(looking)

    monkeypatch.setattr(lock_module, "time", Looked())
    with Lock(path) as lock:
        assert lock.taken_over is not None


RACER = """
import sys, time
from pathlib import Path
from ralphbench.errors import AlreadyRunning
from ralphbench.record import Lock
path = Path(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
taken = 0
while taken < 10:
    try:
        with Lock(path):
            inside = path.with_suffix(".inside")
            inside.touch(exist_ok=False)
            inside.unlink()
            taken += 1
    except AlreadyRunning:
        Lock(path).holder()
    time.sleep(0.001)
print(taken)
"""


def test_of_many_that_race_one_at_a_time_has_it(path: Path, spawn) -> None:
    children = [spawn(RACER, path) for _ in range(4)]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    taken = [child.communicate(timeout=120)[0] for child in children]
    assert [child.returncode for child in children] == [0] * 4, "two were inside at once"
    assert taken == ["10\n"] * 4


def test_the_experiments_lock_is_not_what_was_resolved(tmp_path: Path) -> None:
    experiment = ExperimentFolder(tmp_path, "001-x")
    with experiment.owner() as lock:
        experiment.write_lock({"tasks": []})
        assert lock.path == tmp_path / "001-x" / "owner.lock"
        with pytest.raises(AlreadyRunning, match=f"experiment 001-x .* on {socket.gethostname()}"):
            experiment.owner().acquire()
    assert experiment.read_lock() == {"tasks": []}
