from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from ralphbench.errors import DiskError, EnvironmentProblem, TargetError, WorkspaceError
from ralphbench.workspace import Git, printable
from ralphbench.workspace.git import clean_environment, last_line, require_git, split_nul


def test_a_failure_says_what_was_run_where_and_gits_last_word(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    git = Git(tmp_path / ".git", error=TargetError)
    with pytest.raises(
        TargetError, match=rf"git rev-parse in {tmp_path}/\.git failed \(exit 128\): fatal: Needed a single"
    ):
        git.run("rev-parse", "--verify", "nothing")


def test_a_git_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    git = Git(tmp_path / ".git", timeout=0.5, extra={"MARK": str(tmp_path)})
    with pytest.raises(WorkspaceError, match="did not end within"):
        git.run("-c", "alias.wait=!sleep 3600 & sleep 3600", "wait")
    deadline = time.monotonic() + 60
    while (left := _marked(f"MARK={tmp_path}")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


def _marked(mark: str) -> list[str]:
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if mark.encode() in Path("/proc", pid, "environ").read_bytes():
                found.append(pid)
        except OSError:
            continue
    return found


def test_a_full_disk_is_a_disk_error() -> None:
    said = b"error: unable to write file\nfatal: write error: No space left on device\n"
    assert isinstance(Git().failure(("add",), 128, said), DiskError)


def test_git_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(EnvironmentProblem, match="git is not installed"):
        Git().run("version")


def test_a_git_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert require_git()
    (tmp_path / "git").write_text("#!/bin/sh\necho git version 2.20.1\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(EnvironmentProblem, match=r"2\.20\.1.*2\.34 or later"):
        require_git()


def test_more_than_asked_for_is_not_read(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    git = Git(tmp_path / ".git")
    sha = git.text("hash-object", "-w", "--stdin", stdin=b"x" * 1_000_000)
    assert git.head_of("cat-file", "blob", sha, limit=10) == (b"x" * 10, True)
    assert git.head_of("cat-file", "blob", sha, limit=1_000_000) == (b"x" * 1_000_000, False)


def test_the_owners_mark_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RALPHBENCH_OWNER", "run:attempt")
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    env = clean_environment()
    assert env["RALPHBENCH_OWNER"] == "run:attempt"
    assert "GIT_DIR" not in env


def test_small_readers() -> None:
    assert split_nul(b"") == []
    assert split_nul(b"a\0b\nc\0") == [b"a", b"b\nc"]
    assert last_line(b"hint: x\nfatal: no\nhint: try\n") == "fatal: no"
    assert last_line(b"") == "it said nothing"
    assert printable(b"caf\xc3\xa9 \xe9") == "café \\xe9"
    assert printable("caf\udce9") == "caf\\xe9"
