"""Room on real disks: small file systems, filled for real."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ralphbench.errors import DiskError, DiskFull, UsageError
from ralphbench.record import Room, free_room, require_room, size_text, taken_by
from ralphbench.record.room import FREE_BYTES, VARIABLE

MB = 1 << 20


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file system of 16 MiB, on which 4 must be free."""
    monkeypatch.setenv(VARIABLE, str(4 * MB))
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m,nr_inodes=5000", "tmpfs", folder]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_folder_with_room_is_made_and_nothing_is_left_in_it(small: Path) -> None:
    require_room(small / "a/b")
    assert list((small / "a/b").iterdir()) == []


def test_a_disk_that_is_all_but_full_is_said_with_what_is_free_and_what_is_needed(small: Path) -> None:
    (small / "big").write_bytes(b"x" * 13 * MB)
    with pytest.raises(DiskFull, match=r"only 3 MB and \d+ files are free for .*small; at least 4 MB and 1000") as told:
        require_room(small)
    assert str(told.value.remedy).startswith(f"df -h {small}")


def test_a_disk_without_room_for_files_is_full_too(small: Path) -> None:
    for n in range(4500):
        (small / str(n)).touch()
    with pytest.raises(DiskFull, match=r"only 17 MB and 4.. files"):
        require_room(small)


def test_what_cannot_be_written_is_not_called_full(small: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    with pytest.raises(DiskError, match="Read-only file system") as told:
        require_room(small)
    assert not isinstance(told.value, DiskFull)
    assert str(told.value.remedy).startswith(f"findmnt -T {small}")


def test_what_a_folder_takes_is_what_would_be_free_without_it(small: Path) -> None:
    (small / "other").write_bytes(b"x" * MB)
    before = free_room(small)
    for n in range(20):
        folder = small / "mine" / str(n)
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"x" * 100_000)
    os.link(small / "other", small / "mine/linked")
    (small / "mine/link").symlink_to("/etc")
    now = free_room(small)
    taken = taken_by([small / "mine"])
    assert before.files is not None
    assert now.files is not None
    assert taken.files == 21 + 20 + 1, "folders, files, the symbolic link; the hard link is another's"
    assert before.files - now.files in (42, 43), "some file systems count the name too"
    assert abs(now.plus(taken).bytes - before.bytes) < 42 * 4096


def test_how_much_a_run_asks_for_is_a_gigabyte_or_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert Room(FREE_BYTES, None).enough()
    assert not Room(FREE_BYTES - 1, None).enough()
    assert not Room(FREE_BYTES, 10).enough()
    monkeypatch.setenv(VARIABLE, "1000")
    assert Room(1000, None).enough()
    monkeypatch.setenv(VARIABLE, "1GiB")
    with pytest.raises(UsageError, match="RALPHBENCH_FREE_BYTES is '1GiB', not a number of bytes"):
        Room(1000, None).enough()


def test_sizes_in_words() -> None:
    assert [size_text(n) for n in (3_400_000_000, 52_000_000)] == ["3.4 GB", "52 MB"]
