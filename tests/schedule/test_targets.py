"""Whole runs on each kind of target that a user may have: run as it is, or refused by name before anything is spent."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.project import TASK, Project, make_project

pytestmark = pytest.mark.slow
ODD = b"caf\xe9 \n\xff.txt"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"


def git(folder: Path, *arguments: str) -> str:
    """Git as a user has it: an identity, nothing else of this machine."""
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    who = ("-c", "user.name=user", "-c", "user.email=user@localhost", "-c", "protocol.file.allow=always")
    argv = ["git", *who, "-c", "init.defaultBranch=main", *arguments]
    return os.fsdecode(subprocess.run(argv, cwd=folder, env=env, check=True, capture_output=True).stdout)


def commit(repo: Path, what: str) -> None:
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", what)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository of two commits."""
    folder = tmp_path / "mine"
    folder.mkdir()
    git(folder, "init", "-q")
    for n in range(2):
        (folder / "README").write_text(f"Words, number {n}.\n")
        commit(folder, f"number {n}")
    return folder


def on(tmp_path: Path, target: Path, base: str = "HEAD") -> Project:
    project = make_project(tmp_path / "p")
    task = copy.deepcopy(TASK) | {"target": {"repo": str(target), "base": base}}
    project.write("specs/words/task.yaml", task)
    return project


def snapshot(folder: Path) -> dict[bytes, tuple[int, int, bytes]]:
    """Every file with its mode, time and content."""
    found = {}
    for where, _, names in os.walk(os.fsencode(folder)):
        for name in names:
            path = os.path.join(where, name)
            status = os.lstat(path)
            data = os.readlink(path) if os.path.islink(path) else Path(os.fsdecode(path)).read_bytes()
            found[path] = status.st_mode, status.st_mtime_ns, data
    return found


def as_it_is(repo: Path) -> Path:
    return repo


def dirty(repo: Path) -> Path:
    (repo / "README").write_text("not committed\n")
    (repo / "untracked").write_text("x\n")
    (repo / "staged").write_text("y\n")
    git(repo, "add", "staged")
    return repo


def shallow(repo: Path) -> Path:
    git(repo.parent, "clone", "-q", "--depth", "1", f"file://{repo}", "shallow")
    return repo.parent / "shallow"


def bare(repo: Path) -> Path:
    git(repo.parent, "clone", "-q", "--bare", str(repo), "bare.git")
    return repo.parent / "bare.git"


def with_odd_names(repo: Path) -> Path:
    Path(os.fsdecode(os.fsencode(repo) + b"/" + ODD)).write_text("z\n")
    commit(repo, "a name that is no text")
    return repo


def with_links_inside(repo: Path) -> Path:
    (repo / "folder").mkdir()
    (repo / "folder/link").symlink_to("../README")
    (repo / "nowhere").symlink_to("not/there")
    commit(repo, "links")
    return repo


@pytest.mark.parametrize("kind", [as_it_is, dirty, shallow, bare, with_odd_names, with_links_inside])
def test_a_target_runs_as_it_is_and_is_only_read(tmp_path: Path, repo: Path, kind: Callable[[Path], Path]) -> None:
    target = kind(repo)
    project = on(tmp_path, target)
    before = snapshot(target)
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert snapshot(target) == before, "the user's own is only read"
    (path,) = project.record.glob("cells/*/*/*/*/result.json")
    assert json.loads(path.read_bytes())["verdict"]["resolved"]
    assert ("uncommitted" in done.stdout) == (kind is dirty)
    for command in (("show", "001", "good", "--diff"), ("analyze", "001"), ("check", "001")):
        shown = project.ralphbench(*command)
        assert shown.returncode == 0, shown.stdout + shown.stderr
    taken = project.ralphbench("take", "001", "good", "--branch", "taken")
    assert taken.returncode == 0, taken.stderr
    names = git(target, "ls-tree", "--name-only", "-z", "taken").split("\0")
    assert {"README", "one.txt", "two.txt"} <= set(names)
    assert (os.fsdecode(ODD) in names) == (kind is with_odd_names)


def submodule(repo: Path) -> str:
    git(repo.parent, "clone", "-q", str(repo), "inner")
    git(repo, "submodule", "add", "-q", str(repo.parent / "inner"), "vendor/inner")
    commit(repo, "with a submodule")
    return "vendor/inner"


def lfs_pointer(repo: Path) -> str:
    (repo / "model.bin").write_text(POINTER)
    commit(repo, "lfs")
    return "model.bin"


def link_out(repo: Path) -> str:
    (repo / "up").symlink_to("../secret")
    commit(repo, "a link out of the tree")
    return "up"


def link_to_the_root(repo: Path) -> str:
    (repo / "etc").symlink_to("/etc")
    commit(repo, "a link to the root")
    return "etc"


@pytest.mark.parametrize("kind", [submodule, lfs_pointer, link_out, link_to_the_root])
def test_a_target_that_cannot_be_run_is_refused_by_the_name_of_what_hinders(
    tmp_path: Path, repo: Path, kind: Callable[[Path], str]
) -> None:
    named = kind(repo)
    refused(on(tmp_path, repo), named)


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("mian", "'mian' does not exist"),
        ("f" * 40, "does not exist"),
        ("--all", "expected a tag, branch or commit"),
        ("v1", "v1"),
    ],
)
def test_a_base_that_is_not_there_is_refused(tmp_path: Path, repo: Path, base: str, said: str) -> None:
    refused(on(tmp_path, repo, base), said)


def test_a_target_that_is_no_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    refused(on(tmp_path, tmp_path / "plain"), "plain")
    refused(on(tmp_path / "other", tmp_path / "nowhere"), "nowhere")


def refused(project: Project, named: str) -> None:
    """Before anything is spent, with what to do."""
    done = project.run()
    assert done.returncode == 2, done.stdout + done.stderr
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(project.record.glob("cells/*"))
    assert not list(project.root.glob("cache/work/*"))
