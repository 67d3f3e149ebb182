from __future__ import annotations

import os
import socket
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ralphbench.errors import WorkspaceError
from ralphbench.workspace import Mirror, Workspace

GitRunner = Callable[..., str]
BRANCH = "exp/000-quickstart/slug-bug/opus/r1/a1"


def contents(folder: Path) -> dict[bytes, tuple[str, bytes]]:
    """Every file and link below a folder, read without git."""
    found = {}
    root = os.fsencode(folder)
    for at, folders, files in os.walk(root):
        folders[:] = [f for f in folders if f != b".git"]
        for name in [*files, *(f for f in folders if os.path.islink(at + b"/" + f))]:
            path = at + b"/" + name
            if path == root + b"/.git":
                continue
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                found[path[len(root) + 1 :]] = ("link", os.readlink(path))
            elif stat.S_ISREG(mode):
                with open(path, "rb") as file:
                    found[path[len(root) + 1 :]] = ("x" if mode & 0o100 else "-", file.read())
            else:
                found[path[len(root) + 1 :]] = ("special", b"")
    return found


def test_an_attempt_gets_a_clean_worktree_in_a_repository_of_its_own(
    workspace: Workspace, mirror: Mirror, git: GitRunner
) -> None:
    tree = workspace.worktree
    assert git(tree, "status", "--porcelain") == ""
    assert git(tree, "branch", "--show-current") == BRANCH
    assert git(tree, "rev-parse", "HEAD") == mirror.base == workspace.base == workspace.head
    assert git(tree, "remote") == ""
    assert git(tree, "for-each-ref", "--format=%(refname)") == f"refs/heads/{BRANCH}"
    assert not (workspace.repo / "objects/info/alternates").exists()
    assert Path(git(tree, "rev-parse", "--git-common-dir")).resolve() == workspace.repo.resolve()
    assert workspace.tree() == mirror.tree
    assert workspace.diff(workspace.base) == b""
    git(tree, "fsck", "--full")


def test_its_pack_is_linked_and_not_the_mirrors_own_file(workspace: Workspace, mirror: Mirror) -> None:
    (pack,) = (workspace.repo / "objects/pack").glob("*.pack")
    assert pack.stat().st_nlink > 1
    own = mirror.path / "objects/pack" / pack.name
    assert pack.stat().st_ino != own.stat().st_ino
    assert own.read_bytes() == pack.read_bytes()


def test_a_pack_that_an_agent_spoiled_spoils_no_other_attempt(
    tmp_path: Path, workspace: Workspace, mirror: Mirror, git: GitRunner
) -> None:
    (pack,) = (workspace.repo / "objects/pack").glob("*.pack")
    pack.chmod(0o644)
    pack.write_bytes(b"garbage")
    (workspace.worktree / "new").write_text("x")
    commit = workspace.commit("went on")
    assert commit is not None
    workspace.restore(workspace.base)
    other = Workspace.create(tmp_path / "other", mirror, BRANCH)
    git(other.worktree, "fsck", "--full")


def test_packs_are_copied_where_they_cannot_be_linked(
    tmp_path: Path, mirror: Mirror, git: GitRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    workspace = Workspace.create(tmp_path / "w", mirror, BRANCH)
    (workspace.worktree / "new").write_text("x")
    assert workspace.commit("new") is not None
    assert git(workspace.worktree, "log", "--format=%s") == "new\nbase"
    git(workspace.worktree, "fsck", "--full")


def test_a_workspace_inside_a_repository_is_refused(tmp_path: Path, mirror: Mirror, repo: Path, git: GitRunner) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(repo), "bare.git")
    for outer in (repo, tmp_path / "bare.git"):
        with pytest.raises(WorkspaceError, match=f"inside the repository {outer}"):
            Workspace.create(outer / "deep/w", mirror, BRANCH)
        assert not (outer / "deep").exists()


def test_a_taken_folder_and_a_bad_branch_are_refused(tmp_path: Path, workspace: Workspace, mirror: Mirror) -> None:
    with pytest.raises(WorkspaceError, match="not empty"):
        Workspace.create(workspace.folder, mirror, BRANCH)
    with pytest.raises(WorkspaceError, match=r"'a\.\.b'"):
        Workspace.create(tmp_path / "x", mirror, "a..b")


def test_what_a_killed_create_left_is_made_anew(tmp_path: Path, workspace: Workspace, mirror: Mirror) -> None:
    (workspace.gitdir / "ralphbench.json").unlink()
    with pytest.raises(WorkspaceError, match="no complete workspace"):
        Workspace.open(workspace.folder)
    assert Workspace.create(workspace.folder, mirror, BRANCH).tree() == mirror.tree


def test_a_commit_holds_everything_but_what_is_ignored(workspace: Workspace, mirror: Mirror, git: GitRunner) -> None:
    tree = workspace.worktree
    (tree / "readme").write_text("changed\n")
    (tree / "src/b.c").unlink()
    (tree / "new/deep").mkdir(parents=True)
    (tree / "new/deep/file").write_bytes(b"\0\xff\r\n")
    (tree / "new/link").symlink_to("../readme")
    (tree / "data.bin").chmod(0o755)
    (tree / "a.o").write_text("ignored")
    (tree / "build").mkdir()
    (tree / "build/out").write_text("ignored")
    before = time.time()
    commit = workspace.commit("Ticket 1: do it\n\nAnd say what happened.")
    assert commit == workspace.head
    assert [(c.status, c.path) for c in workspace.changed(workspace.base)] == [
        ("M", "data.bin"),
        ("A", "new/deep/file"),
        ("A", "new/link"),
        ("M", "readme"),
        ("D", "src/b.c"),
    ]
    assert workspace.numstat(workspace.base) == (5, 2, 2)
    (entry,) = workspace.log(workspace.base, commit)
    assert (entry.sha, entry.parent, entry.subject, entry.body) == (
        commit,
        mirror.base,
        "Ticket 1: do it",
        "And say what happened.",
    )
    assert before - 2 < entry.time < time.time() + 2
    assert git(workspace.gitdir, "log", "-1", "--format=%an <%ae>", commit) == "ralphbench <ralphbench@localhost>"
    assert workspace.notes == ()
    assert workspace.commit("nothing more") is None


def test_the_agent_sees_the_harness_commits(workspace: Workspace, git: GitRunner) -> None:
    for n in range(3):
        (workspace.worktree / f"file{n}").write_text(str(n))
        workspace.commit(f"number {n}")
    assert git(workspace.worktree, "log", "--format=%s").splitlines() == ["number 2", "number 1", "number 0", "base"]
    assert git(workspace.worktree, "status", "--porcelain") == ""
    git(workspace.worktree, "fsck", "--full")
    git(workspace.worktree, "checkout", "-q", "-b", "own")
    (workspace.worktree / "mine").write_text("x")
    git(workspace.worktree, "add", "-A")
    git(workspace.worktree, "commit", "-q", "-m", "my own")
    workspace.commit("number 3")
    assert git(workspace.worktree, "log", "-1", "--format=%s") == "number 3"
    assert git(workspace.worktree, "branch", "--show-current") == BRANCH
    assert git(workspace.worktree, "status", "--porcelain") == ""
    workspace.restore(workspace.base)
    assert git(workspace.worktree, "log", "--format=%s") == "base"
    assert git(workspace.worktree, "status", "--porcelain") == ""


def test_line_ends_and_keywords_are_left_as_they_are(workspace: Workspace) -> None:
    tree = workspace.worktree
    (tree / ".gitattributes").write_text("* text=auto eol=crlf ident working-tree-encoding=UTF-16\n*.c -diff\n")
    (tree / "mixed.txt").write_bytes(b"one\r\ntwo\n$Id$\n")
    (tree / "src/a.c").write_text("int changed;\n")
    commit = workspace.commit("attributes")
    assert commit is not None
    before = contents(tree)
    workspace.restore(workspace.base)
    workspace.restore(commit)
    assert contents(tree) == before
    assert b"+int changed;" in workspace.diff(workspace.base, commit)


def test_a_repository_that_the_agent_makes_is_committed_as_its_files(workspace: Workspace, git: GitRunner) -> None:
    tree = workspace.worktree
    for folder, commits in (("inner", True), ("empty", False), ("src", False)):
        (tree / folder).mkdir(exist_ok=True)
        git(tree / folder, "init", "-q")
        (tree / folder / "file").write_text(folder)
        if commits:
            git(tree / folder, "add", "-A")
            git(tree / folder, "commit", "-q", "-m", "inner")
    (tree / "inner/.gitignore").write_text("*.tmp\n")
    (tree / "inner/x.tmp").write_text("ignored by the inner rules")
    (tree / "inner/x.o").write_text("ignored by the outer rules")
    git(tree / "inner", "init", "-q", "deeper")
    (tree / "inner/deeper/file").write_text("deeper")
    commit = workspace.commit("nested")
    assert {c.path for c in workspace.changed(workspace.base)} == {
        "inner/file",
        "inner/.gitignore",
        "inner/deeper/file",
        "empty/file",
        "src/file",
    }
    assert "160000" not in git(workspace.gitdir, "ls-tree", "-r", str(commit))
    workspace.restore(workspace.base)
    assert not (tree / "inner").exists()
    assert not (tree / "empty").exists()
    assert not (tree / "src/.git").exists()
    assert (tree / "src/a.c").exists()


def test_a_tracked_file_that_became_a_repository_is_no_riddle(workspace: Workspace, git: GitRunner) -> None:
    tree = workspace.worktree
    (tree / "readme").unlink()
    git(tree, "init", "-q", "readme")
    (tree / "readme/file").write_text("x")
    git(tree / "readme", "add", "-A")
    git(tree / "readme", "commit", "-q", "-m", "x")
    workspace.commit("swapped")
    assert [(c.status, c.path) for c in workspace.changed(workspace.base)] == [("D", "readme"), ("A", "readme/file")]
    workspace.restore(workspace.base)
    assert (tree / "readme").read_text() == "read me\n"


def test_special_files_are_left_out_and_named(workspace: Workspace) -> None:
    tree = workspace.worktree
    os.mkfifo(tree / "pipe")
    (tree / "readme").unlink()
    os.mkfifo(tree / "readme")
    (tree / "build").mkdir()
    os.mkfifo(tree / "build/ignored")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tree / "s"))
        workspace.commit("specials")
    assert {(item.path, item.why) for item in workspace.skipped} == {
        (name, "a FIFO, socket or device") for name in ("pipe", "readme", "s")
    }
    assert [(c.status, c.path) for c in workspace.changed(workspace.base)] == [("D", "readme")]
    workspace.restore(workspace.base)
    assert not (tree / "pipe").exists()
    assert not (tree / "s").exists()
    assert (tree / "readme").read_text() == "read me\n"
    assert not (tree / "build").exists()


def test_names_that_git_keeps_for_itself_are_left_out_and_named(workspace: Workspace) -> None:
    tree = workspace.worktree
    (tree / "sub/.GIT/hooks").mkdir(parents=True)
    (tree / "sub/.GIT/hooks/x").write_text("x")
    (tree / ".gitmodules").symlink_to("readme")
    (tree / "git~1").write_text("a fine name here")
    workspace.commit("names")
    assert {item.path for item in workspace.skipped} == {"sub/.GIT/hooks/x", ".gitmodules"}
    assert [c.path for c in workspace.changed(workspace.base)] == ["git~1"]


def test_a_link_in_the_place_of_a_folder_is_a_link(workspace: Workspace, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.c").write_text("int a;\n")
    (outside / "secret").write_text("secret")
    tree = workspace.worktree
    for name in ("a.c", "b.c"):
        (tree / "src" / name).unlink()
    (tree / "src").rmdir()
    (tree / "src").symlink_to(outside)
    commit = workspace.commit("linked away")
    assert [(c.status, c.path) for c in workspace.changed(workspace.base)] == [
        ("A", "src"),
        ("D", "src/a.c"),
        ("D", "src/b.c"),
    ]
    workspace.restore(workspace.base)
    assert not (tree / "src").is_symlink()
    assert sorted(p.name for p in outside.iterdir()) == ["a.c", "secret"]
    workspace.restore(str(commit))
    assert (tree / "src").is_symlink()
    assert (outside / "a.c").read_text() == "int a;\n"


def test_restore_is_exact_whatever_was_done_to_the_tree(workspace: Workspace, git: GitRunner) -> None:
    tree = workspace.worktree
    wanted = contents(tree)
    (tree / "readme").unlink()
    (tree / "readme").mkdir()
    (tree / "readme/inside").write_text("a folder now")
    for name in ("a.c", "b.c"):
        (tree / "src" / name).unlink()
    (tree / "src").rmdir()
    (tree / "src").write_text("a file now")
    (tree / "run.sh").chmod(0o644)
    (tree / "link").unlink()
    (tree / "link").write_text("no link")
    (tree / "data.bin").unlink()
    (tree / "data.bin").symlink_to("/etc/passwd")
    (tree / "only/empty/folders").mkdir(parents=True)
    (tree / "inner").mkdir()
    git(tree / "inner", "init", "-q")
    workspace.restore(workspace.base)
    assert contents(tree) == wanted
    assert not (tree / "only").exists()
    assert not (tree / "inner").exists()


def test_rules_that_the_agent_changed_hide_nothing_from_restore(workspace: Workspace) -> None:
    tree = workspace.worktree
    wanted = contents(tree)
    (tree / ".gitignore").write_text("*\n!.gitignore\n")
    (tree / "hidden.txt").write_text("ignored by the new rules, not by the old")
    (tree / "sub").mkdir()
    (tree / "sub/hidden.txt").write_text("this too")
    (tree / "sub/keep.o").write_text("ignored by both")
    workspace.restore(workspace.base)
    assert contents(tree) == wanted


def build_output(workspace: Workspace) -> str:
    """An accepted commit with ignored files beside it, and then the traces of work that is to be undone."""
    tree = workspace.worktree
    (tree / "build/cache").mkdir(parents=True)
    (tree / "build/cache/kept").write_text("kept")
    (tree / "a.o").write_text("built of the commit")
    (tree / "b.o").write_text("kept")
    (tree / "source").write_text("good")
    commit = workspace.commit("accepted")
    assert commit is not None
    (tree / "source").write_text("bad")
    (tree / "a.o").write_text("built of bad source")
    (tree / "c.o").write_text("built of bad source")
    (tree / "build/new folder").mkdir()
    (tree / "build/new folder/x").write_text("new")
    (tree / "build/empty").mkdir()
    (tree / "b.o").rename(tree / "d.o")
    return commit


@pytest.mark.parametrize("opened_again", [False, True])
def test_a_restore_keeps_of_the_ignored_files_what_was_there_at_the_commit(
    workspace: Workspace, opened_again: bool
) -> None:
    commit = build_output(workspace)
    if opened_again:
        workspace = Workspace.open(workspace.folder)
    assert workspace.restore(commit) == 5
    left = set(contents(workspace.worktree)) - {b".gitignore", b"readme", b"run.sh", b"data.bin", b"link"}
    assert left == {b"build/cache/kept", b"source", b"src/a.c", b"src/b.c"}
    assert not (workspace.worktree / "build/empty").exists()
    assert workspace.restore(commit) == 0


def test_nothing_ignored_was_there_at_the_base(workspace: Workspace) -> None:
    wanted = contents(workspace.worktree)
    build_output(workspace)
    workspace.restore(workspace.base)
    assert contents(workspace.worktree) == wanted


def test_an_ignored_file_that_was_changed_and_dated_back_is_not_what_it_was(workspace: Workspace) -> None:
    program = workspace.worktree / "a.o"
    program.write_text("good")
    (workspace.worktree / "source").write_text("good")
    commit = workspace.commit("accepted")
    before = program.stat()
    program.write_text("evil")
    os.utime(program, ns=(before.st_atime_ns, before.st_mtime_ns))
    workspace.restore(str(commit))
    assert not program.exists()


def test_work_that_is_in_no_commit_is_put_back_and_leaves_none(workspace: Workspace, git: GitRunner) -> None:
    tree = workspace.worktree
    accepted = build_output(workspace)
    wanted, head = contents(tree), workspace.head
    held = workspace.hold()
    (tree / "source").write_text("worse")
    (tree / "more").write_text("new")
    (tree / "c.o").write_text("built of worse source")
    (tree / "e.o").write_text("built of worse source")
    git(tree, "commit", "-q", "--allow-empty", "-m", "mine")
    workspace.put_back(held)
    wanted.pop(b"c.o")
    assert contents(tree) == wanted
    assert workspace.head == head == accepted
    assert git(tree, "log", "--format=%s") == "accepted\nbase"
    assert git(workspace.gitdir, "for-each-ref", "--format=%(refname)") == "refs/heads/final"


def test_an_ignored_file_in_the_way_gives_way(workspace: Workspace) -> None:
    tree = workspace.worktree
    (tree / "readme").unlink()
    (tree / "readme").mkdir()
    (tree / "readme/x.o").write_text("ignored, and where a file must be")
    workspace.restore(workspace.base)
    assert (tree / "readme").read_text() == "read me\n"


@pytest.mark.parametrize("what", ["removed", "link", "file"])
def test_the_worktree_itself_can_be_lost(workspace: Workspace, mirror: Mirror, tmp_path: Path, what: str) -> None:
    tree = workspace.worktree
    subprocess.run(["rm", "-rf", str(tree)], check=True)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    if what == "link":
        tree.symlink_to(outside)
    elif what == "file":
        tree.write_text("x")
    assert workspace.commit("all gone") is not None
    assert {c.status for c in workspace.changed(workspace.base)} == {"D"}
    workspace.restore(workspace.base)
    assert workspace.tree() == mirror.tree
    assert not tree.is_symlink()
    assert (outside / "precious").exists()


def test_a_wip_commit_is_kept_beside_and_moves_nothing(workspace: Workspace, git: GitRunner) -> None:
    (workspace.worktree / "done").write_text("x")
    accepted = workspace.commit("accepted")
    (workspace.worktree / "half").write_text("x")
    wip = workspace.commit("wip: cut off", wip=True)
    assert wip is not None
    assert workspace.head == accepted
    assert git(workspace.gitdir, "log", "-1", "--format=%P %s", wip) == f"{accepted} wip: cut off"
    assert git(workspace.worktree, "log", "--format=%s") == "accepted\nbase"
    workspace.restore(wip)
    assert workspace.head == accepted
    assert (workspace.worktree / "half").exists()
    workspace.restore(str(accepted))
    assert not (workspace.worktree / "half").exists()
    assert workspace.commit("nothing", wip=True) is None


def test_work_goes_on_from_what_was_restored(workspace: Workspace) -> None:
    (workspace.worktree / "one").write_text("1")
    one = workspace.commit("one")
    (workspace.worktree / "two").write_text("2")
    workspace.commit("two")
    workspace.restore(str(one))
    (workspace.worktree / "three").write_text("3")
    three = workspace.commit("three")
    assert [c.subject for c in workspace.log(workspace.base, str(three))] == ["one", "three"]


def test_a_changed_file_is_seen_however_fast_and_small_the_change(workspace: Workspace) -> None:
    """Same length, same second: the index alone would not tell."""
    file = workspace.worktree / "readme"
    for n in range(6):
        file.write_text(f"read {n % 10}{n % 7}\n")
        first = workspace.tree()
        file.write_text(f"READ {n % 10}{n % 7}\n")
        assert workspace.tree() != first


def test_a_workspace_is_opened_again_as_it_was(workspace: Workspace) -> None:
    (workspace.worktree / "one").write_text("1")
    commit = workspace.commit("one")
    (workspace.worktree / "two").write_text("2")
    (workspace.gitdir / "index.lock").write_text("")
    (workspace.gitdir / "refs/heads/final.lock").write_text("")
    again = Workspace.open(workspace.folder)
    assert (again.head, again.base, again.branch) == (commit, workspace.base, workspace.branch)
    assert [c.path for c in again.changed(again.head)] == ["two"]
    assert again.commit("two") is not None


def test_a_torn_index_is_made_anew(workspace: Workspace) -> None:
    index = workspace.gitdir / "index"
    index.write_bytes(index.read_bytes()[:100])
    again = Workspace.open(workspace.folder)
    assert again.tree() == again.tree_of(again.base)
    again.restore(again.base)


def test_nothing_of_the_callers_environment_has_a_say(
    workspace: Workspace, mirror: Mirror, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("[core]\n\tautocrlf = true\n\texcludesFile = /tmp/none\n[commit]\n\tgpgSign = true\n")
    for name, value in {
        "GIT_DIR": "/nonexistent",
        "GIT_WORK_TREE": "/nonexistent",
        "GIT_INDEX_FILE": "/nonexistent",
        "GIT_OBJECT_DIRECTORY": "/nonexistent",
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_CONFIG_PARAMETERS": "'core.bare=true'",
        "GIT_AUTHOR_DATE": "1999-01-01T00:00:00Z",
        "GIT_EXTERNAL_DIFF": "/bin/false",
        "GIT_TRACE": "1",
        "GIT_NAMESPACE": "x",
        "LC_ALL": "de_DE.UTF-8",
    }.items():
        monkeypatch.setenv(name, value)
    (workspace.worktree / "crlf").write_bytes(b"a\r\n")
    commit = workspace.commit("mine")
    assert commit is not None
    assert b"+a\r\n" in workspace.diff(workspace.base)
    assert workspace.log(workspace.base, commit)[0].time > 1e9


def test_a_long_diff_keeps_its_list_of_files(workspace: Workspace) -> None:
    tree = workspace.worktree
    for n in range(30):
        (tree / f"file{n:02}").write_text("line\n" * 200)
    (tree / "data.bin").write_bytes(b"\0" * 5000)
    whole = workspace.capped_diff(workspace.base, limit=10_000_000)
    assert not whole.truncated
    assert (whole.files, whole.added, whole.removed) == (31, 6000, 0)
    cut = workspace.capped_diff(workspace.base, limit=5000)
    assert cut.truncated
    assert len(cut.text) < 5200
    assert all(f"file{n:02}".encode() in cut.text for n in range(30))
    assert b"binary" in cut.text
    assert b"cut here" in cut.text
    tiny = workspace.capped_diff(workspace.base, limit=10)
    assert b"file29" in tiny.text


def test_the_list_of_a_capped_diff_has_an_end(workspace: Workspace) -> None:
    (workspace.worktree / "vendor").mkdir()
    for n in range(450):
        (workspace.worktree / f"vendor/{n:04}").write_text("x\n")
    cut = workspace.capped_diff(workspace.base, limit=100)
    assert cut.files == 450
    assert b"vendor/0399" in cut.text
    assert b"and 50 more files" in cut.text


def test_any_text_can_be_a_message(workspace: Workspace) -> None:
    (workspace.worktree / "new").write_text("x")
    commit = workspace.commit("a\0b \ud800 caf\xe9\n\n" + "long " * 50_000)
    (entry,) = workspace.log(workspace.base, str(commit))
    assert entry.subject == "ab ? café"


def test_a_diff_can_be_of_some_paths_only_and_of_any_name(workspace: Workspace) -> None:
    tree = workspace.worktree
    (tree / "*").write_text("star\n")
    (tree / "other").write_text("other\n")
    Path(os.fsdecode(os.fsencode(tree) + b"/caf\xe9")).write_bytes(b"\xff\xfe\n")
    only = workspace.diff(workspace.base, paths=["*"])
    assert b"+star" in only
    assert b"+other" not in only
    changes = workspace.changed(workspace.base)
    assert [c.raw for c in changes] == [b"*", b"caf\xe9", b"other"]
    assert changes[1].path == "caf\\xe9"
    assert b"\xff\xfe" in workspace.diff(workspace.base)


def test_a_patch_brings_every_byte_over(workspace: Workspace, tmp_path: Path, repo: Path, git: GitRunner) -> None:
    tree = workspace.worktree
    (tree / "data.bin").write_bytes(os.urandom(3000))
    (tree / "crlf").write_bytes(b"a\r\nb\xff\n")
    (tree / "link").unlink()
    (tree / "link").symlink_to("readme")
    (tree / "run.sh").chmod(0o644)
    commit = workspace.commit("all kinds")
    workspace.patch(workspace.base, str(commit), tmp_path / "final.patch")
    wanted = contents(tree)
    workspace.restore(workspace.base)
    git(tree, "apply", "--binary", str(tmp_path / "final.patch"))
    assert contents(tree) == wanted


def test_a_huge_file_is_committed_and_restored(workspace: Workspace) -> None:
    with (workspace.worktree / "huge").open("wb") as file:
        file.truncate(40 * 1024 * 1024)
    commit = workspace.commit("huge")
    workspace.restore(workspace.base)
    workspace.restore(str(commit))
    assert (workspace.worktree / "huge").stat().st_size == 40 * 1024 * 1024


def test_a_tree_deeper_than_any_path_is_survived(scratch: Path, mirror: Mirror) -> None:
    workspace = Workspace.create(scratch / "w", mirror, BRANCH)
    code = "import os, sys\nos.chdir(sys.argv[1])\nfor n in range(900):\n    os.mkdir('deep'); os.chdir('deep')\nopen('f', 'w')"
    subprocess.run(["python3", "-c", code, str(workspace.worktree)], check=True)
    workspace.commit("deep")
    assert any("cannot be opened" in item.why for item in workspace.skipped)
    workspace.restore(workspace.base)
    assert workspace.tree() == mirror.tree
    assert not (workspace.worktree / "deep").exists()
    workspace.remove()
    assert not workspace.folder.exists()


def test_closed_files_and_folders_are_opened_for_the_harness(as_user: Path) -> None:
    from ralphbench.model import Target, Task
    from ralphbench.workspace import prepare_mirror

    (as_user / "target/sub").mkdir(parents=True)
    (as_user / "target/sub/file").write_text("x\n")
    (as_user / "target/top").write_text("x\n")
    mirror = prepare_mirror(Task("t", as_user, "", "", Target(path=as_user / "target"), ()), as_user / "cache")
    workspace = Workspace.create(as_user / "w", mirror, BRANCH)
    tree = workspace.worktree

    def close() -> None:
        (tree / "sub/file").write_text("changed\n")
        (tree / "new").mkdir()
        (tree / "new/file").write_text("new\n")
        (tree / "new/file").chmod(0)
        for folder in (tree / "new", tree / "sub"):
            folder.chmod(0o500 if folder.name == "sub" else 0)

    close()
    workspace.commit("closed")
    assert workspace.skipped == ()
    assert {c.path for c in workspace.changed(workspace.base)} == {"new/file", "sub/file"}
    workspace.restore(workspace.base)
    assert workspace.tree() == mirror.tree
    close()
    workspace.restore(workspace.base)
    assert workspace.tree() == mirror.tree
    close()
    workspace.remove()
    assert not workspace.folder.exists()


def test_what_cannot_be_put_right_is_named(workspace: Workspace) -> None:
    """A file that nobody can remove: its folder is immutable, as far as this process goes."""
    if os.geteuid() == 0 and subprocess.run(["which", "chattr"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs chattr")
    if os.geteuid() != 0:
        pytest.skip("needs root for an immutable file")
    stuck = workspace.worktree / "stuck"
    stuck.write_text("x")
    if subprocess.run(["chattr", "+i", str(stuck)], capture_output=True, check=False).returncode != 0:
        pytest.skip("the file system has no immutable files")
    try:
        with pytest.raises(WorkspaceError, match="stuck"):
            workspace.restore(workspace.base)
    finally:
        subprocess.run(["chattr", "-i", str(stuck)], check=True)
