"""An agent that does its worst to everything it can reach: none of it runs in the harness, none of it counts."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ralphbench.workspace import Mirror, Workspace

GitRunner = Callable[..., str]
BRANCH = "exp/000-quickstart/slug-bug/opus/r1/a1"
HOOKS = (
    "applypatch-msg",
    "fsmonitor-watchman",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-update",
    "pre-auto-gc",
    "pre-commit",
    "prepare-commit-msg",
    "reference-transaction",
)


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A program that leaves a trace when it is run."""
    script = tmp_path / "trap"
    script.write_text(f'#!/bin/sh\necho "$0 $*" >> {tmp_path}/ran\ncat\n')
    script.chmod(0o755)
    return script


def ran(trap: Path) -> str:
    trace = trap.with_name("ran")
    return trace.read_text() if trace.exists() else ""


def exercise(workspace: Workspace, tmp_path: Path) -> str:
    """Everything that the harness does with a tree; returns the commit that it made of it."""
    base = workspace.base
    workspace.tree()
    workspace.diff(base)
    workspace.capped_diff(base, limit=1000)
    commit = workspace.commit("what the agent did")
    assert commit is not None
    (workspace.worktree / "half").write_text("x")
    workspace.commit("wip", wip=True)
    workspace.restore(base)
    workspace.restore(commit)
    assert workspace.head == commit
    workspace.numstat(base, commit)
    workspace.log(base, commit)
    workspace.patch(base, commit, tmp_path / "final.patch")
    assert workspace.bundle(tmp_path / "commits.bundle") is not None
    again = Workspace.open(workspace.folder)
    assert again.commit("nothing left to do") is None
    return commit


def test_hooks_filters_and_configuration_of_the_agent_never_run(
    workspace: Workspace, trap: Path, git: GitRunner, tmp_path: Path
) -> None:
    tree, repo = workspace.worktree, workspace.repo
    (repo / "hooks").mkdir()
    (tree / "hooks").mkdir()
    for hook in HOOKS:
        for folder in (repo / "hooks", tree / "hooks"):
            (folder / hook).symlink_to(trap)
    included = tmp_path / "included"
    included.write_text(f"[core]\n\thooksPath = {tree}/hooks\n\tfsmonitor = {trap}\n[alias]\n\tstatus = !{trap}\n")
    for key, value in {
        "include.path": str(included),
        "core.fsmonitor": str(trap),
        "core.hooksPath": str(repo / "hooks"),
        "core.sshCommand": str(trap),
        "core.editor": str(trap),
        "core.pager": str(trap),
        "core.alternateRefsCommand": str(trap),
        "core.excludesFile": "/dev/null",
        "filter.evil.clean": str(trap),
        "filter.evil.smudge": str(trap),
        "filter.evil.process": str(trap),
        "filter.evil.required": "true",
        "diff.evil.command": str(trap),
        "diff.evil.textconv": str(trap),
        "diff.external": str(trap),
        "merge.evil.driver": str(trap),
        "gpg.program": str(trap),
        "commit.gpgSign": "true",
        "credential.helper": f"!{trap}",
        "uploadpack.packObjectsHook": str(trap),
        "remote.origin.url": f"ext::{trap}",
        "extensions.worktreeConfig": "true",
    }.items():
        git(repo, "config", "--add", key, value)
    (repo / "worktrees/tree/config.worktree").write_text(f"[core]\n\tbare = false\n\tfsmonitor = {trap}\n")
    (tree / ".gitattributes").write_text("* filter=evil diff=evil merge=evil ident\n[attr]binary filter=evil\n")
    (tree / ".gitmodules").write_text(f'[submodule "x"]\n\tpath = x\n\turl = ext::{trap}\n\tupdate = !{trap}\n')
    (tree / "readme").write_text("changed $Id$\n")
    (tree / ".gitconfig").write_text(f"[core]\n\tfsmonitor = {trap}\n")
    trap.with_name("ran").unlink(missing_ok=True)
    commit = exercise(workspace, tmp_path)
    assert ran(trap) == ""
    git(tree, "status", check=False)
    assert ran(trap) != ""  # the trap works: a plain git in there springs it
    assert git(workspace.gitdir, "cat-file", "-p", f"{commit}:readme") == "changed $Id$"


def test_objects_refs_and_grafts_of_the_agent_do_not_count(
    workspace: Workspace, mirror: Mirror, repo: Path, git: GitRunner, tmp_path: Path
) -> None:
    tree, own = workspace.worktree, workspace.repo
    original = git(tree, "rev-parse", "HEAD:readme")
    forged = git(tree, "hash-object", "-w", "--stdin", stdin=b"forged\n")
    git(own, "replace", original, forged)
    parent = git(tree, "commit-tree", "HEAD^{tree}", "-m", "forged")
    git(own, "replace", "--graft", mirror.base, parent)
    (own / "info").mkdir(exist_ok=True)
    (own / "info/grafts").write_text(f"{mirror.base} {parent}\n")
    (own / "info/attributes").write_text("* binary\n")
    (own / "info/exclude").write_text("*\n")
    (own / "objects/info/alternates").write_text(f"{repo}/.git/objects\n")
    (own / "shallow").write_text(f"{mirror.base}\n")
    git(own, "tag", "fake", mirror.base)
    git(own, "update-ref", f"refs/heads/{BRANCH}", git(repo, "rev-parse", "main"))
    with (own / "config").open("a") as config:
        config.write("[core]\n\tworktree = /tmp\n\tbare = true\n")
    (tree / "new").write_text("seen in spite of info/exclude\n")
    commit = exercise(workspace, tmp_path)
    assert [c.path for c in workspace.changed(workspace.base, commit)] == ["new"]
    assert git(workspace.gitdir, "cat-file", "-p", f"{commit}:readme") == "read me"
    assert git(workspace.gitdir, "rev-list", commit).splitlines() == [commit, mirror.base]
    assert (tree / "readme").read_text() == "read me\n"


def _no_git(workspace: Workspace, git: GitRunner) -> None:
    (workspace.worktree / ".git").unlink()


def _no_repo(workspace: Workspace, git: GitRunner) -> None:
    shutil.rmtree(workspace.repo)


def _own_repo(workspace: Workspace, git: GitRunner) -> None:
    (workspace.worktree / ".git").unlink()
    git(workspace.worktree, "init", "-q")
    git(workspace.worktree, "add", "-A")
    git(workspace.worktree, "commit", "-q", "-m", "a history of my own")


def _git_is_a_pipe(workspace: Workspace, git: GitRunner) -> None:
    (workspace.worktree / ".git").unlink()
    os.mkfifo(workspace.worktree / ".git")


def _points_to_the_harness(workspace: Workspace, git: GitRunner) -> None:
    (workspace.worktree / ".git").write_text(f"gitdir: {workspace.gitdir}\n")


def _everything_is_a_pipe(workspace: Workspace, git: GitRunner) -> None:
    for name in ("HEAD", "config", "worktrees/tree/HEAD", "worktrees/tree/index", "worktrees/tree/commondir"):
        (workspace.repo / name).unlink()
        os.mkfifo(workspace.repo / name)


def _branch_is_a_folder(workspace: Workspace, git: GitRunner) -> None:
    ref = workspace.repo / "refs/heads" / BRANCH
    ref.unlink()
    ref.mkdir()
    (ref / "x").write_text("x")


def _read_only(workspace: Workspace, git: GitRunner) -> None:
    subprocess.run(["chmod", "-R", "a-w", str(workspace.repo)], check=True)


@pytest.mark.parametrize(
    "spoil",
    [
        _no_git,
        _no_repo,
        _own_repo,
        _git_is_a_pipe,
        _points_to_the_harness,
        _everything_is_a_pipe,
        _branch_is_a_folder,
        _read_only,
    ],
)
def test_whatever_became_of_the_agents_repository_the_harness_goes_on(
    workspace: Workspace, git: GitRunner, tmp_path: Path, spoil: Callable[[Workspace, GitRunner], None]
) -> None:
    (workspace.worktree / "readme").write_text("changed\n")
    spoil(workspace, git)
    commit = exercise(workspace, tmp_path)
    assert [c.path for c in workspace.changed(workspace.base, commit)] == ["readme"]
    git(workspace.gitdir, "fsck", "--full", "--strict")
    subprocess.run(["chmod", "-R", "u+w", str(workspace.repo)], check=False, capture_output=True)


def test_a_repository_that_is_none_any_more_is_noted(workspace: Workspace) -> None:
    shutil.rmtree(workspace.repo)
    (workspace.worktree / "new").write_text("x")
    workspace.commit("new")
    (note,) = workspace.notes
    assert "the agent's own repository was left alone" in note


@pytest.mark.parametrize("place", ["objects/pack", "refs/heads", "worktrees/tree"])
def test_links_in_the_agents_repository_lead_the_harness_nowhere(
    workspace: Workspace, tmp_path: Path, place: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.rmtree(workspace.repo / place)
    (workspace.repo / place).symlink_to(outside)
    (workspace.worktree / "new").write_text("x")
    assert workspace.commit("new") is not None
    assert list(outside.iterdir()) == []
    assert workspace.notes


def test_a_file_that_a_link_names_is_not_written_through(workspace: Workspace, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for name in ("worktrees/tree/index", "worktrees/tree/HEAD", f"refs/heads/{BRANCH}"):
        (workspace.repo / name).unlink()
        (workspace.repo / name).symlink_to(victim)
    (workspace.worktree / "new").write_text("x")
    assert workspace.commit("new") is not None
    assert victim.read_text() == "precious"


def test_pipes_in_the_place_of_gits_rules_hold_nothing_up(workspace: Workspace, mirror: Mirror) -> None:
    tree = workspace.worktree
    (tree / ".gitignore").unlink()
    os.mkfifo(tree / ".gitignore")
    os.mkfifo(tree / ".gitattributes")
    os.mkfifo(tree / "src/.gitignore")
    with (tree / "src/.gitattributes").open("wb") as file:
        file.truncate(8 * 1024 * 1024)
    inner = tree / "inner/.git"
    inner.mkdir(parents=True)
    os.mkfifo(inner / "HEAD")
    os.mkfifo(inner / "commondir")
    (tree / "inner/file").write_text("x")
    (tree / "readme").unlink()
    (tree / "readme/.git").mkdir(parents=True)
    os.mkfifo(tree / "readme/.git/HEAD")
    workspace.commit("pipes")
    assert {c.path for c in workspace.changed(workspace.base)} == {".gitignore", "inner/file", "readme"}
    assert {".gitignore", ".gitattributes", "src/.gitignore", "src/.gitattributes"} == {
        item.path for item in workspace.skipped
    }
    os.mkfifo(tree / ".gitattributes")
    workspace.restore(workspace.base)
    assert workspace.tree() == mirror.tree
