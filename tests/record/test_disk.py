"""A full disk, a folder that is not ours, a kill in the middle: nothing half-written stays, and the user is told what to do."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ralphbench.errors import DiskError
from ralphbench.model import EventKind
from ralphbench.record import (
    BodyStore,
    CallLog,
    EventLog,
    ExperimentFolder,
    Lock,
    Quarantine,
    atomic_write,
    disk_errors,
    make_folder,
    read_calls,
    read_events,
    write_result,
)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"a tiny file system cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def _fill(folder: Path, leave: int) -> Path:
    """Take all room but `leave` bytes, whole pages."""
    filler = folder / "filler"
    free = shutil.disk_usage(folder).free
    filler.write_bytes(b"x" * max(0, free - leave))
    return filler


def test_a_full_disk_leaves_nothing_half_written_in_a_log(tiny: Path) -> None:
    log = EventLog(tiny / "events.jsonl")
    log.append(EventKind.WARNING, text="first")
    filler = _fill(tiny, leave=8192)

    def append_without_end() -> None:
        while True:
            log.append(EventKind.WARNING, text="x" * 3000)

    with pytest.raises(DiskError, match="No space left") as caught:
        append_without_end()
    assert caught.value.remedy is not None
    assert caught.value.remedy.startswith(f"df -h {tiny}")
    seen = Quarantine()
    count = len(list(read_events(log.path, seen)))
    assert count == log.next
    assert not len(seen)
    filler.unlink()
    assert log.append(EventKind.WARNING, text="there is room again").n == count
    log.sync()
    log.close()
    assert len(list(read_events(log.path, seen))) == count + 1
    assert not len(seen)


def test_a_full_disk_leaves_no_half_body(tiny: Path) -> None:
    store = BodyStore(tiny / "bodies")
    first = store.add("c0", "request", os.urandom(1000), thread="a")
    filler = _fill(tiny, leave=16384)
    kept = [first]

    def add_many() -> None:
        for n in range(1, 100):
            kept.append(store.add(f"c{n}", "request", os.urandom(3000), thread="a"))

    with pytest.raises(DiskError):
        add_many()
    filler.unlink()
    kept.append(store.add("c200", "request", b"there is room again", thread="a"))
    store.close()
    again, seen = BodyStore(tiny / "bodies"), Quarantine()
    again.check(seen)
    assert again.references() == tuple(kept)
    assert again.read("c200.request") == b"there is room again"
    again.add("c201", "request", b"x", thread="a")
    assert not len(seen)
    assert not again.damages
    again.close()


def test_a_body_whose_line_does_not_fit_is_taken_back(tiny: Path) -> None:
    store = BodyStore(tiny / "bodies")
    store.add("c0", "request", b"x", thread="a")
    # Whole pages: fill the index's page up to its end, so that only the segment has room.
    index, segment = tiny / "bodies" / "index.jsonl", tiny / "bodies" / "segment-000.bin"
    while (room := 4096 - index.stat().st_size % 4096) > 300:
        store.add("c1", "request", b"x", thread="a")
    _fill(tiny, leave=0)
    before = segment.stat().st_size
    with pytest.raises(DiskError):
        store.add("c2" + "x" * room, "request", b"small enough", thread="a")
    assert segment.stat().st_size == before
    store.close()


def test_a_full_disk_leaves_the_old_file_and_no_other(tiny: Path) -> None:
    path = tiny / "lock.json"
    atomic_write(path, b"old")
    _fill(tiny, leave=4096)
    with pytest.raises(DiskError):
        atomic_write(path, b"n" * 50_000)
    assert path.read_bytes() == b"old"
    assert sorted(os.listdir(tiny)) == ["filler", "lock.json"]


def test_a_full_disk_refuses_the_lock_and_leaves_it_free(tiny: Path) -> None:
    filler = _fill(tiny, leave=0)
    lock = Lock(tiny / "owner.lock")
    with pytest.raises(DiskError):
        lock.acquire()
    assert not lock.held
    filler.unlink()
    assert lock.acquire() is None
    lock.release()


def test_a_full_disk_does_not_commit_an_attempt(tiny: Path, result) -> None:
    folder = ExperimentFolder(tiny, "001-x").create().folder(result.cell, 1).create()
    (folder.agent / "1-build-1.jsonl").write_text("{}\n")
    filler = _fill(tiny, leave=0)
    with pytest.raises(DiskError):
        write_result(folder, result)
    assert not folder.result.exists()
    filler.unlink()
    write_result(folder, result)


def test_a_torn_end_that_cannot_be_kept_is_not_cut_off(tiny: Path) -> None:
    path = tiny / "events.jsonl"
    path.write_bytes(b'{"n":0')
    _fill(tiny, leave=0)
    with pytest.raises(DiskError):
        EventLog(path)
    assert path.read_bytes() == b'{"n":0'


LIMITED = """
import resource, sys
from pathlib import Path
from ralphbench.errors import DiskError
from ralphbench.model import EventKind
from ralphbench.record import EventLog
log = EventLog(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
try:
    while True:
        log.append(EventKind.WARNING, text="x" * 3000)
except DiskError as error:
    print(log.next, error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(log.append(EventKind.WARNING, text="again").n)
"""


def test_a_limit_on_the_size_of_files_is_a_full_disk(tmp_path: Path, spawn) -> None:
    path = tmp_path / "events.jsonl"
    out, _ = spawn(LIMITED, path).communicate(timeout=30)
    assert out.startswith("3 cannot write")
    assert "ulimit -f" in out
    assert out.endswith("\n3\n")
    seen = Quarantine()
    assert [event.n for event in read_events(path, seen)] == [0, 1, 2, 3]
    assert not len(seen)


UNWRITABLE = """
import os, sys
from pathlib import Path
from ralphbench.errors import DiskError
from ralphbench.model import CallStarted
from ralphbench.record import AttemptFolder, BodyStore, CallLog, EventLog, ExperimentFolder, Lock, atomic_write
folder = Path(sys.argv[1])
if os.getuid() == 0:  # root may write everywhere: become nobody
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
for attempt in (
    lambda: EventLog(folder / "events.jsonl"),
    lambda: EventLog(folder / "theirs.jsonl"),
    lambda: CallLog(folder / "calls.jsonl"),
    lambda: BodyStore(folder / "bodies").add("c0", "request", b"x", thread="a"),
    lambda: Lock(folder / "owner.lock").acquire(),
    lambda: atomic_write(folder / "x.json", b"x"),
    lambda: ExperimentFolder(folder, "x").create(),
    lambda: AttemptFolder(folder / "a1").create(),
):
    try:
        attempt()
        print("done")
    except DiskError as error:
        print("refused", "chown" in error.remedy or "findmnt" in error.remedy)
"""


@pytest.mark.parametrize("mode", [0o755, 0o700], ids=["may be read", "may not even be looked into"])
def test_a_folder_that_may_not_be_written_says_what_to_do(mode: int, spawn) -> None:
    with tempfile.TemporaryDirectory() as theirs:  # not in tmp_path, whose parents are closed to others
        (Path(theirs) / "theirs.jsonl").touch(0o444)
        if os.getuid() == 0:
            os.chmod(theirs, mode)
        else:
            os.chmod(theirs, mode & 0o555 if mode == 0o755 else 0)
        out, _ = spawn(UNWRITABLE, theirs).communicate(timeout=30)
        os.chmod(theirs, 0o755)
    assert out.split("\n")[:-1] == ["refused True"] * 8


def test_a_disk_that_becomes_read_only_says_what_to_do(tiny: Path) -> None:
    log = EventLog(tiny / "events.jsonl")
    log.close()
    subprocess.run(["mount", "-o", "remount,ro", tiny], check=True)
    with pytest.raises(DiskError, match="Read-only") as caught:
        EventLog(tiny / "events.jsonl")
    assert "findmnt" in str(caught.value)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO])
def test_each_refusal_of_the_disk_has_a_remedy(tmp_path: Path, code: int) -> None:
    with pytest.raises(DiskError) as caught, disk_errors(tmp_path / "x y" / "z"):
        raise OSError(code, os.strerror(code))
    assert caught.value.remedy
    assert str(tmp_path / "x y" / "z") in caught.value.message
    assert caught.value.exit_code == 3


def test_other_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(InterruptedError), disk_errors(tmp_path):
        raise InterruptedError(errno.EINTR, "interrupted")


def test_a_results_folder_that_was_removed_says_so(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="its folder is gone"):
        atomic_write(tmp_path / "gone" / "x.json", b"x")


def test_a_file_in_place_of_a_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskError):
        make_folder(tmp_path / "file" / "folder")
    with pytest.raises(DiskError, match="a file is there") as caught:
        make_folder(tmp_path / "file")
    assert caught.value.remedy == f"mv {tmp_path}/file {tmp_path}/file.old"


def test_who_reads_the_old_file_reads_it_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    atomic_write(path, b"old")
    with path.open("rb", buffering=0) as reading:
        assert reading.read(1) == b"o"
        atomic_write(path, b"new")
        assert reading.read() == b"ld"
    assert path.read_bytes() == b"new"


REPLACER = """
import sys
from pathlib import Path
from ralphbench.record import atomic_write
print("ready", flush=True)
k = 0
while True:
    k += 1
    atomic_write(Path(sys.argv[1]), b"%d " % (k % 10) * 100_000, fsync=False)
"""


def test_a_file_is_whole_after_a_kill_and_the_next_writer_sweeps_what_was_left(tmp_path: Path, spawn, grown) -> None:
    path = tmp_path / "x.json"
    for k in range(6):
        child = spawn(REPLACER, path)
        assert child.stdout.readline() == "ready\n"
        grown(path, 0)
        time.sleep(0.007 * k)
        child.send_signal(signal.SIGKILL)
        child.wait()
        data = path.read_bytes()
        assert data == data[:2] * 100_000
    (tmp_path / f".x.json.{child.pid}-1.tmp").write_bytes(b"left by the dead")
    (tmp_path / f".x.json.{os.getpid()}-1.tmp").write_bytes(b"of somebody alive")
    (tmp_path / f".y.json.{child.pid}-1.tmp").write_bytes(b"of another file")
    atomic_write(path, b"last")
    assert sorted(os.listdir(tmp_path)) == [f".x.json.{os.getpid()}-1.tmp", f".y.json.{child.pid}-1.tmp", "x.json"]
    assert path.read_bytes() == b"last"


def test_a_call_that_cannot_be_written_down_is_not_there(tiny: Path, started) -> None:
    log = CallLog(tiny / "calls.jsonl")
    _fill(tiny, leave=4096)

    def start_many() -> None:
        for n in range(100):
            log.started(started(f"c{n}"))

    with pytest.raises(DiskError):
        start_many()
    log.close()
    seen = Quarantine()
    assert read_calls(log.path, seen)
    assert not len(seen)
