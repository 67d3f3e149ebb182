"""Real repositories, made by plain git, as a user would."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ralphbench.model import Target, Task
from ralphbench.workspace import Mirror, Workspace, prepare_mirror

BRANCH = "exp/000-quickstart/slug-bug/opus/r1/a1"


def user_git(folder: Path, *args: str, stdin: bytes | None = None, check: bool = True) -> str:
    """Git as a user has it: an identity, nothing else of this machine."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{role}_{what}": "user" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    argv = ["git", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", *args]
    done = subprocess.run(argv, cwd=folder, env=env, input=stdin, capture_output=True, check=False)
    assert not check or done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return os.fsdecode(done.stdout).rstrip("\n")


@pytest.fixture
def git() -> Callable[..., str]:
    return user_git


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Three commits on `main`, the first tagged `v1`, and a branch `later` with one more."""
    folder = tmp_path / "repo"
    folder.mkdir()
    user_git(folder, "init", "-q")
    (folder / "src").mkdir()
    for n in range(3):
        (folder / "src/main.c").write_text(f"int main(void) {{ return {n}; }}\n")
        (folder / "run.sh").write_text("#!/bin/sh\nexit 0\n")
        (folder / "run.sh").chmod(0o755)
        if n == 0:
            (folder / "link").symlink_to("src/main.c")
        user_git(folder, "add", "-A")
        user_git(folder, "commit", "-q", "-m", f"number {n}")
        if n == 0:
            user_git(folder, "tag", "-a", "-m", "first", "v1")
    user_git(folder, "checkout", "-q", "-b", "later")
    (folder / "solution").write_text("the answer\n")
    user_git(folder, "add", "-A")
    user_git(folder, "commit", "-q", "-m", "the solution")
    user_git(folder, "checkout", "-q", "main")
    return folder


@pytest.fixture
def make_task(tmp_path: Path) -> Callable[..., Task]:
    def make(*, start: tuple[Path, ...] = (), **target: object) -> Task:
        folder = tmp_path / "spec"
        folder.mkdir(exist_ok=True)
        return Task(
            name="slug-bug",
            folder=folder,
            title="",
            spec="",
            target=Target(**target),  # type: ignore[arg-type]
            gates=(),
            start=start,
        )

    return make


@pytest.fixture
def mirror(tmp_path: Path, make_task: Callable[..., Task]) -> Mirror:
    """Of a small folder: a text, a script, a binary, a link, a folder, a .gitignore."""
    target = tmp_path / "spec/target"
    (target / "src").mkdir(parents=True)
    (target / "readme").write_text("read me\n")
    (target / "src/a.c").write_text("int a;\n")
    (target / "src/b.c").write_text("int b;\n")
    (target / "run.sh").write_text("#!/bin/sh\n")
    (target / "run.sh").chmod(0o755)
    (target / "data.bin").write_bytes(bytes(range(256)))
    (target / "link").symlink_to("src/a.c")
    (target / ".gitignore").write_text("*.o\nbuild/\n")
    return prepare_mirror(make_task(path=Path("target")), tmp_path / "cache")


@pytest.fixture
def workspace(tmp_path: Path, mirror: Mirror) -> Workspace:
    return Workspace.create(tmp_path / "w", mirror, BRANCH)


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder that is removed whatever it holds: `tmp_path` is not, where it is closed or very deep."""
    folder = Path(tempfile.mkdtemp(prefix="ralphbench-test-"))
    try:
        yield folder
    finally:
        subprocess.run(["chmod", "-R", "u+rwX", str(folder)], check=False, capture_output=True)
        subprocess.run(["rm", "-rf", str(folder)], check=True)


@pytest.fixture
def as_user(scratch: Path) -> Iterator[Path]:
    """A folder of somebody for whom permissions count: where the tests run as root, the effective user is nobody."""
    root = os.geteuid() == 0
    if root:
        os.chown(scratch, 65534, 65534)
        os.seteuid(65534)
    try:
        yield scratch
    finally:
        if root:
            os.seteuid(0)
