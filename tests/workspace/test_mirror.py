from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ralphbench.errors import TargetError, TaskError
from ralphbench.model import Target, Task
from ralphbench.workspace import Mirror, Workspace, open_mirror, prepare_mirror

MakeTask = Callable[..., Task]
GitRunner = Callable[..., str]


def files_of(git: GitRunner, mirror: Mirror) -> dict[str, str]:
    out = git(mirror.path, "ls-tree", "-r", mirror.base)
    return {line.split("\t")[1]: line.split()[0] for line in out.splitlines()}


def snapshot(folder: Path) -> dict[str, tuple[int, int, int]]:
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
    }


def test_holds_the_base_and_its_ancestors_and_nothing_else(
    tmp_path: Path, repo: Path, make_task: MakeTask, git: GitRunner
) -> None:
    base = git(repo, "rev-parse", "main~1")
    mirror = prepare_mirror(make_task(repo=str(repo), base="main~1"), tmp_path / "cache")
    assert mirror.base == base
    reachable = git(mirror.path, "rev-list", "--objects", "--all").splitlines()
    stored = git(mirror.path, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)").splitlines()
    assert sorted(line.split()[0] for line in reachable) == sorted(stored)
    for later in ("main", "later", "v1"):
        sha = git(repo, "rev-parse", later)
        assert sha not in stored  # the annotated tag's own object is no ancestor
    assert git(mirror.path, "for-each-ref", "--format=%(refname)") == "refs/heads/base"
    assert git(mirror.path, "remote") == ""
    assert not (mirror.path / "logs").exists()
    assert not (mirror.path / "objects/info/alternates").exists()
    git(mirror.path, "fsck", "--strict", "--full")


def test_a_folder_becomes_the_same_commit_wherever_and_whenever(
    tmp_path: Path, make_task: MakeTask, git: GitRunner
) -> None:
    bases = set()
    for place in ("one", "two"):
        folder = tmp_path / place
        (folder / "sub").mkdir(parents=True)
        (folder / "tool").write_bytes(b"#!/bin/sh\r\n")
        (folder / "tool").chmod(0o700 if place == "one" else 0o755)
        (folder / "sub/link").symlink_to("../tool")
        (folder / ".gitattributes").write_text("* text=auto\n")
        mirror = prepare_mirror(make_task(path=folder), tmp_path / f"cache-{place}")
        bases.add(mirror.base)
    assert len(bases) == 1
    assert files_of(git, mirror) == {".gitattributes": "100644", "sub/link": "120000", "tool": "100755"}
    assert git(mirror.path, "cat-file", "-p", f"{mirror.base}:tool") == "#!/bin/sh\r"
    assert git(mirror.path, "log", "-1", "--format=%an %ad", "--date=short") == "ralphbench 2000-01-01"


def test_what_a_folder_holds_beside_its_code_is_not_taken(tmp_path: Path, make_task: MakeTask, git: GitRunner) -> None:
    folder = tmp_path / "target"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "__pycache__/a.pyc").write_bytes(b"junk")
    (folder / "code").write_text("x")
    (folder / ".gitignore").write_text("*.o\n")
    (folder / "code.o").write_bytes(b"built")
    git(folder, "init", "-q")
    git(folder, "init", "-q", "inner")
    (folder / "inner/file").write_text("y")
    before = snapshot(folder)
    mirror = prepare_mirror(make_task(path=folder), tmp_path / "cache")
    assert set(files_of(git, mirror)) == {".gitignore", "code", "inner/file"}
    assert snapshot(folder) == before


def test_names_are_taken_byte_by_byte(tmp_path: Path, make_task: MakeTask) -> None:
    folder = tmp_path / "target"
    folder.mkdir()
    names = [b"caf\xe9", b"new\nline", b" lead", b"tab\t", b'quo"te', b":(top)magic", b"*", b"-dash", b"back\\slash"]
    for name in names:
        (Path(os.fsdecode(os.fsencode(folder) + b"/" + name))).write_bytes(name)
    mirror = prepare_mirror(make_task(path=folder), tmp_path / "cache")
    workspace = Workspace.create(tmp_path / "w", mirror, "exp/a1")
    found = {name for name in os.listdir(os.fsencode(workspace.worktree)) if name != b".git"}
    assert found == set(names)
    assert all((workspace.worktree / os.fsdecode(name)).read_bytes() == name for name in names)
    assert workspace.tree() == mirror.tree


@pytest.mark.parametrize("kind", ["tag", "branch", "commit", "short", "worktree", "bare", "gitdir"])
def test_a_base_can_be_named_in_every_way(
    tmp_path: Path, repo: Path, make_task: MakeTask, git: GitRunner, kind: str
) -> None:
    wanted = git(repo, "rev-parse", "v1^{commit}")
    base = {"tag": "v1", "branch": "old", "commit": wanted, "short": wanted[:8]}.get(kind, "v1")
    git(repo, "branch", "old", wanted)
    where = repo
    if kind == "worktree":
        where = tmp_path / "linked"
        git(repo, "worktree", "add", "-q", str(where), "later")
    elif kind == "bare":
        where = tmp_path / "bare.git"
        git(tmp_path, "clone", "-q", "--bare", str(repo), str(where))
    elif kind == "gitdir":
        where = repo / ".git"
    assert prepare_mirror(make_task(repo=str(where), base=base), tmp_path / "cache").base == wanted


def test_a_dirty_checkout_is_warned_of_and_left_untouched(
    tmp_path: Path, repo: Path, make_task: MakeTask, git: GitRunner
) -> None:
    (repo / "src/main.c").write_text("changed\n")
    (repo / "new").write_text("new\n")
    os.utime(repo / "run.sh", (1, 1))  # a plain `git status` would refresh the index for it
    before = snapshot(repo)
    mirror = prepare_mirror(make_task(repo=str(repo), base="main"), tmp_path / "cache")
    assert snapshot(repo) == before
    assert len(mirror.warnings) == 1
    assert "1 changed, 1 new" in mirror.warnings[0]
    assert str(repo) in mirror.warnings[0]
    assert git(mirror.path, "cat-file", "-p", f"{mirror.base}:src/main.c") == "int main(void) { return 2; }"
    again = prepare_mirror(make_task(repo=str(repo), base="main"), tmp_path / "cache")
    assert again == mirror


def test_the_users_hooks_and_filters_do_not_run(
    tmp_path: Path, repo: Path, make_task: MakeTask, git: GitRunner
) -> None:
    trap = tmp_path / "ran"
    script = tmp_path / "trap"
    script.write_text(f"#!/bin/sh\ntouch {trap}\ncat\n")
    script.chmod(0o755)
    for hook in ("post-index-change", "reference-transaction", "post-checkout", "pre-auto-gc"):
        (repo / ".git/hooks" / hook).parent.mkdir(exist_ok=True)
        (repo / ".git/hooks" / hook).symlink_to(script)
    git(repo, "config", "core.fsmonitor", str(script))
    git(repo, "config", "uploadpack.packObjectsHook", str(script))
    trap.unlink(missing_ok=True)
    prepare_mirror(make_task(repo=str(repo), base="v1"), tmp_path / "cache")
    assert not trap.exists()


def test_a_shallow_clone_gives_what_it_has(tmp_path: Path, repo: Path, make_task: MakeTask, git: GitRunner) -> None:
    git(tmp_path, "clone", "-q", "--depth", "2", f"file://{repo}", "shallow")
    shallow = tmp_path / "shallow"
    mirror = prepare_mirror(make_task(repo=str(shallow), base="main"), tmp_path / "cache")
    assert git(mirror.path, "rev-list", "--count", "base") == "2"
    git(mirror.path, "fsck", "--full")
    workspace = Workspace.create(tmp_path / "w", mirror, "exp/a1")
    assert git(workspace.worktree, "log", "--format=%s").splitlines() == ["number 2", "number 1"]
    with pytest.raises(TargetError, match="shallow") as told:
        prepare_mirror(make_task(repo=str(shallow), base="v1"), tmp_path / "cache")
    assert told.value.remedy == f"git -C {shallow} fetch --unshallow --tags"


def test_a_base_that_is_not_there_names_what_is_near(tmp_path: Path, repo: Path, make_task: MakeTask) -> None:
    with pytest.raises(TargetError, match=r"'mian' does not exist in .*did you mean 'main'") as told:
        prepare_mirror(make_task(repo=str(repo), base="mian"), tmp_path / "cache")
    assert "for-each-ref" in str(told.value)
    with pytest.raises(TargetError, match="later"):
        prepare_mirror(make_task(repo=str(repo), base="f" * 40), tmp_path / "cache")
    with pytest.raises(TargetError, match="does not exist"):
        prepare_mirror(make_task(repo=str(repo), base="--all"), tmp_path / "cache")


def test_a_tag_and_a_branch_of_one_name_are_warned_of(
    tmp_path: Path, repo: Path, make_task: MakeTask, git: GitRunner
) -> None:
    git(repo, "branch", "v1", "later")
    mirror = prepare_mirror(make_task(repo=str(repo), base="v1"), tmp_path / "cache")
    assert mirror.base == git(repo, "rev-parse", "refs/tags/v1^{commit}")
    assert "more than one thing" in mirror.warnings[0]


def test_what_is_no_repository_says_so(tmp_path: Path, repo: Path, make_task: MakeTask, git: GitRunner) -> None:
    (tmp_path / "plain").mkdir()
    empty = tmp_path / "empty"
    git(tmp_path, "init", "-q", "empty")
    for where, said in [
        (tmp_path / "plain", "is no git repository"),
        (repo / "src", f"lies inside the repository {repo}"),
        (tmp_path / "nowhere", "does not exist"),
        (empty, "has no commit yet"),
    ]:
        with pytest.raises(TargetError, match=said):
            prepare_mirror(make_task(repo=str(where), base="HEAD"), tmp_path / "cache")


def test_submodules_are_refused_by_name(tmp_path: Path, repo: Path, make_task: MakeTask, git: GitRunner) -> None:
    git(tmp_path, "clone", "-q", str(repo), "outer")
    outer = tmp_path / "outer"
    git(outer, "submodule", "add", "-q", str(repo), "vendor/inner")
    git(outer, "commit", "-q", "-m", "with submodule")
    with pytest.raises(TargetError, match=r"submodules.*vendor/inner") as told:
        prepare_mirror(make_task(repo=str(outer), base="HEAD"), tmp_path / "cache")
    assert "git rm --cached vendor/inner" in str(told.value)
    assert prepare_mirror(make_task(repo=str(outer), base="HEAD~1"), tmp_path / "cache").base


def test_lfs_pointers_are_refused_by_name(tmp_path: Path, repo: Path, make_task: MakeTask, git: GitRunner) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"
    (repo / "model.bin").write_text(pointer)
    (repo / "about.md").write_text("We use\n" + pointer)  # talks of one, is none
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "lfs")
    with pytest.raises(TargetError, match=r"LFS pointers.*model\.bin") as told:
        prepare_mirror(make_task(repo=str(repo), base="main"), tmp_path / "cache")
    assert "about.md" not in str(told.value)
    assert "git lfs" in str(told.value.remedy)


def test_links_out_of_the_tree_are_refused_by_name(
    tmp_path: Path, repo: Path, make_task: MakeTask, git: GitRunner
) -> None:
    (repo / "src/up").symlink_to("../../secret")
    (repo / "fine").symlink_to("src/../run.sh")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "links")
    with pytest.raises(TargetError, match="src/up") as told:
        prepare_mirror(make_task(repo=str(repo), base="main"), tmp_path / "cache")
    assert "fine" not in str(told.value)


def test_a_partial_clone_with_missing_objects_is_refused_and_fetches_nothing(
    tmp_path: Path, repo: Path, make_task: MakeTask, git: GitRunner
) -> None:
    git(repo, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{repo}", "partial")
    partial = tmp_path / "partial"
    before = snapshot(partial)
    with pytest.raises(TargetError, match=r"partial clone: \d+ objects are missing") as told:
        prepare_mirror(make_task(repo=str(partial), base="main"), tmp_path / "cache")
    assert snapshot(partial) == before
    assert told.value.remedy is not None
    subprocess.run(told.value.remedy, shell=True, check=True, capture_output=True)
    assert prepare_mirror(make_task(repo=str(partial), base="main"), tmp_path / "cache").base


def test_a_damaged_repository_is_told_from_a_partial_one(
    tmp_path: Path, repo: Path, make_task: MakeTask, git: GitRunner
) -> None:
    blob = git(repo, "rev-parse", "main~1:src/main.c")
    (repo / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(TargetError, match="damaged"):
        prepare_mirror(make_task(repo=str(repo), base="main"), tmp_path / "cache")


def test_patches_of_earlier_phases_become_the_base(
    tmp_path: Path, repo: Path, make_task: MakeTask, git: GitRunner
) -> None:
    patch = tmp_path / "one.patch"
    (repo / "added.bin").write_bytes(bytes(range(256)))
    (repo / "run.sh").chmod(0o644)
    git(repo, "add", "-A")
    patch.write_bytes(os.fsencode(git(repo, "diff", "--cached", "--binary", "--full-index")) + b"\n")
    git(repo, "reset", "-q", "--hard")
    task = make_task(repo=str(repo), base="v1", start=(patch,))
    mirror = prepare_mirror(task, tmp_path / "cache")
    assert git(mirror.path, "log", "--format=%s") == "one\nnumber 0"
    assert files_of(git, mirror)["run.sh"] == "100644"
    assert prepare_mirror(task, tmp_path / "other").base == mirror.base
    patch.write_text("--- a/none\n+++ b/none\n@@ -1 +1 @@\n-x\n+y\n")
    with pytest.raises(TaskError, match=r"one\.patch does not apply"):
        prepare_mirror(task, tmp_path / "cache")
    with pytest.raises(TaskError, match="cannot be read"):
        prepare_mirror(replace(task, start=(tmp_path / "none.patch",)), tmp_path / "cache")


def test_an_url_is_read_once_until_its_base_moves(
    tmp_path: Path, repo: Path, make_task: MakeTask, git: GitRunner
) -> None:
    task = make_task(repo=f"file://{repo}", base="main")
    first = prepare_mirror(task, tmp_path / "cache")
    assert first.base == git(repo, "rev-parse", "main")
    assert prepare_mirror(task, tmp_path / "cache") == first
    git(repo, "commit", "-q", "--allow-empty", "-m", "moved")
    moved = prepare_mirror(task, tmp_path / "cache")
    assert moved.base == git(repo, "rev-parse", "main") != first.base
    repo.rename(tmp_path / "gone")
    offline = prepare_mirror(task, tmp_path / "cache")
    assert offline.base == moved.base
    assert "cannot be reached" in offline.warnings[0]
    with pytest.raises(TargetError, match="cannot be read"):
        prepare_mirror(replace(task, target=replace(task.target, base="later")), tmp_path / "cache")


def test_two_processes_make_one_mirror(tmp_path: Path, repo: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ralphbench.model import Task, Target;"
        "from ralphbench.workspace import prepare_mirror;"
        "t = Task('t', Path(sys.argv[1]), '', '', Target(repo=sys.argv[2], base='main'), ());"
        "print(prepare_mirror(t, Path(sys.argv[1]) / 'cache').path)"
    )
    argv = [sys.executable, "-c", code, str(tmp_path), str(repo)]
    running = [subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = {process.communicate(timeout=60) for process in running}
    assert len(said) == 1
    assert not list((tmp_path / "cache").glob(".tmp-*"))


def test_what_a_killed_process_left_half_made_is_removed(tmp_path: Path, repo: Path, make_task: MakeTask) -> None:
    first = prepare_mirror(make_task(repo=str(repo), base="v1"), tmp_path / "cache")
    key = first.path.name.split("-")[0]
    half = tmp_path / "cache" / f".tmp-{key}-dead"
    (half / "mirror/objects").mkdir(parents=True)
    (first.path / "ralphbench.json").unlink()  # and a mirror that was never finished
    again = prepare_mirror(make_task(repo=str(repo), base="v1"), tmp_path / "cache")
    assert again == first
    assert not half.exists()
    assert open_mirror(again.path) == again


def test_where_nothing_can_be_locked_a_mirror_is_made_and_nothing_of_others_is_removed(
    tmp_path: Path, repo: Path, make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, cache = make_task(repo=str(repo)), tmp_path / "cache"
    mirror = prepare_mirror(task, cache)
    of_another = cache / f".tmp-{mirror.path.name.split('-')[0]}-other"
    of_another.mkdir()

    def refuse(fd: int, mode: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert prepare_mirror(task, cache).base == mirror.base
    assert of_another.is_dir()
    monkeypatch.undo()
    prepare_mirror(task, cache)
    assert not of_another.exists()


def test_what_cannot_be_read_in_a_folder_is_refused_and_left_as_it_is(as_user: Path) -> None:
    folder = as_user / "target"
    (folder / "closed").mkdir(parents=True)
    (folder / "closed/file").write_text("x")
    (folder / "secret").write_text("x")
    task = Task("t", as_user, "", "", Target(path=folder), ())
    (folder / "secret").chmod(0)
    with pytest.raises(TargetError, match="secret cannot be part of the target"):
        prepare_mirror(task, as_user / "cache")
    assert stat.S_IMODE((folder / "secret").stat().st_mode) == 0
    (folder / "secret").unlink()
    (folder / "closed").chmod(0)
    with pytest.raises(TargetError, match="closed cannot be part of the target"):
        prepare_mirror(task, as_user / "cache")
    assert stat.S_IMODE((folder / "closed").stat().st_mode) == 0


def test_a_repository_that_may_not_be_read_is_a_fault_of_the_target(as_user: Path) -> None:
    (as_user / "closed/repo").mkdir(parents=True)
    (as_user / "closed").chmod(0)
    task = Task("t", as_user, "", "", Target(repo=str(as_user / "closed/repo"), base="main"), ())
    with pytest.raises(TargetError, match="cannot be read"):
        prepare_mirror(task, as_user / "cache")


def test_a_torn_mirror_is_made_again(tmp_path: Path, repo: Path, make_task: MakeTask) -> None:
    task = make_task(repo=str(repo), base="main")
    first = prepare_mirror(task, tmp_path / "cache")
    (first.path / "ralphbench.json").write_text('{"base": ')
    assert prepare_mirror(task, tmp_path / "cache") == first


def test_an_empty_or_missing_folder_is_refused(tmp_path: Path, make_task: MakeTask) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(TargetError, match="holds no file"):
        prepare_mirror(make_task(path=tmp_path / "empty"), tmp_path / "cache")
    with pytest.raises(TargetError, match="does not exist"):
        prepare_mirror(make_task(path=tmp_path / "none"), tmp_path / "cache")


def test_sha256_repositories_work(tmp_path: Path, make_task: MakeTask, git: GitRunner) -> None:
    git(tmp_path, "init", "-q", "--object-format=sha256", "wide")
    wide = tmp_path / "wide"
    (wide / "file").write_text("x\n")
    git(wide, "add", "-A")
    git(wide, "commit", "-q", "-m", "wide")
    mirror = prepare_mirror(make_task(repo=str(wide), base="HEAD"), tmp_path / "cache")
    assert len(mirror.base) == 64
    workspace = Workspace.create(tmp_path / "w", mirror, "exp/a1")
    (workspace.worktree / "file").write_text("y\n")
    commit = workspace.commit("changed")
    assert git(workspace.worktree, "log", "--format=%H", "-1") == commit
