"""Files in a home that its contender has prepared for us."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ralphbench.agents import home_files
from ralphbench.errors import DiskError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "keys").write_text("secret")
    return tmp_path / "home"


def test_what_is_written_is_read_and_removed(home: Path) -> None:
    home_files.write(home, "a/b/c.txt", b"one")
    home_files.write(home, "a/b/c.txt", b"two")
    assert home_files.read(home, "a/b/c.txt") == b"two"
    home_files.remove(home, "a")
    home_files.remove(home, "a")
    assert home_files.read(home, "a/b/c.txt") == b""


def test_no_link_leads_out(home: Path) -> None:
    keys = home.parent / "mine" / "keys"
    (home / "file").symlink_to(keys)
    (home / "folder").symlink_to(keys.parent)
    assert home_files.read(home, "file") == b""
    home_files.write(home, "file", b"ours")
    home_files.write(home, "folder/keys", b"ours")
    home_files.remove(home, "folder")
    assert keys.read_text() == "secret"
    (home / "folder").symlink_to(keys.parent)
    home_files.remove(home, "folder/keys")
    assert keys.read_text() == "secret"


def test_what_is_no_file_is_not_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(home / "pipe")
    (home / "folder").mkdir()
    assert home_files.read(home, "pipe") == b""
    assert home_files.read(home, "folder") == b""
    monkeypatch.setattr(home_files, "READ_LIMIT", 3)
    (home / "long").write_bytes(b"1234")
    assert home_files.read(home, "long") == b""


def test_whatever_is_in_the_way_is_taken_away(home: Path) -> None:
    (home / "a").write_text("a file where a folder is wanted")
    (home / "b" / "c").mkdir(parents=True)
    home_files.write(home, "a/x", b"1")
    home_files.write(home, "b", b"2")
    assert (home / "a" / "x").read_bytes() == b"1"
    assert (home / "b").read_bytes() == b"2"


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", ".."])
def test_names_stay_below_the_home(home: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is not below a home"):
        home_files.write(home, name, b"")


def test_a_home_that_is_gone_is_told(home: Path) -> None:
    home.rmdir()
    with pytest.raises(DiskError, match="cannot reach"):
        home_files.write(home, "x", b"")
