from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ralphbench.errors import TaskError
from ralphbench.grading import seal
from ralphbench.model import Tampering

TARGET = {
    "code": "old\n",
    "Makefile": "all:\n",
    "tests/test_a": "judge\n",
    "tests/deep/test_b": "judge\n",
    "tests/link": "-> test_a",
    "lib/conftest.py": "base\n",
}
HIDDEN = {"judge.sh": "exit 0\n", "data/case": "1\n", "overlay/Makefile": "all: judged\n", "overlay/sub/new": "laid\n"}
RULES = {"protected": ("tests/**", "**/conftest.py"), "replaced": ("Makefile", "sub/**")}


@pytest.fixture
def bench(make_bench: Callable[..., object]) -> object:
    return make_bench(target=TARGET, hidden=HIDDEN, **RULES)


def sealed(bench: object, commit: str) -> tuple[Path, dict[str, str]]:
    dest = bench.root / "sealed"  # type: ignore[attr-defined]
    shutil.rmtree(dest, ignore_errors=True)
    workspace = bench.workspace  # type: ignore[attr-defined]
    tampered = seal(workspace.gitdir, commit, workspace.base, bench.task, dest)  # type: ignore[attr-defined]
    assert all(isinstance(one, Tampering) for one in tampered)
    return dest, {one.path: one.what for one in tampered}


def tree(dest: Path) -> dict[str, str]:
    found = {}
    for folder, folders, files in os.walk(dest):
        for name in [*files, *(f for f in folders if os.path.islink(os.path.join(folder, f)))]:
            path = Path(folder, name)
            found[str(path.relative_to(dest))] = f"-> {os.readlink(path)}" if path.is_symlink() else path.read_text()
    return found


JUDGED = {
    **TARGET,
    "Makefile": "all: judged\n",
    "sub/new": "laid\n",
    "hidden/judge.sh": "exit 0\n",
    "hidden/data/case": "1\n",
}


def test_honest_work_is_judged_as_it_is(bench) -> None:
    commit = bench.attempt({"code": "new\n", "more/code": "new\n", "Makefile": "all: mine\n", "inside": "-> more/code"})
    dest, tampered = sealed(bench, commit)
    assert tampered == {}
    assert tree(dest) == {**JUDGED, "code": "new\n", "more/code": "new\n", "inside": "-> more/code"}
    assert not (dest / ".git").exists()


def test_protected_paths_are_as_at_base(bench) -> None:
    commit = bench.attempt(
        {"tests/extra": "pass\n", "tests/deep/test_b": "pass\n", "new/conftest.py": "cheat\n", "tests/a.pyc": "x"},
        gone=("tests/test_a", "lib/conftest.py"),
    )
    dest, tampered = sealed(bench, commit)
    assert tree(dest) == JUDGED
    assert tampered == {
        "lib/conftest.py": "protected: removed; restored",
        "new/conftest.py": "protected: added; removed",
        "tests/a.pyc": "protected: added; removed",
        "tests/deep/test_b": "protected: changed; restored",
        "tests/extra": "protected: added; removed",
        "tests/test_a": "protected: removed; restored",
    }


def test_a_changed_mode_or_type_of_a_protected_file_is_put_right(bench) -> None:
    worktree = bench.workspace.worktree
    (worktree / "tests/test_a").chmod(0o755)
    (worktree / "tests/link").unlink()
    commit = bench.attempt({"tests/link": "a copy\n"})
    dest, tampered = sealed(bench, commit)
    assert tree(dest) == JUDGED
    assert stat.S_IMODE((dest / "tests/test_a").stat().st_mode) & 0o111 == 0
    assert set(tampered) == {"tests/link", "tests/test_a"}


@pytest.mark.parametrize("what", ["file", "link", "link out"])
def test_a_protected_folder_that_was_swapped_comes_back(bench, what: str) -> None:
    worktree = bench.workspace.worktree
    shutil.rmtree(worktree / "tests")
    commit = bench.attempt(
        {"tests": {"file": "gone\n", "link": "-> other", "link out": "-> /etc"}[what], "other/test_a": "x\n"}
    )
    dest, tampered = sealed(bench, commit)
    assert tree(dest) == {**JUDGED, "other/test_a": "x\n"}
    assert tampered["tests"] == "in the place of a protected folder; removed"
    assert tampered["tests/test_a"] == "protected: removed; restored"


def test_what_the_agent_put_where_hidden_files_go_is_removed(bench) -> None:
    commit = bench.attempt({"hidden/judge.sh": "exit 0 # mine\n", "hidden/data/more": "2\n", "hidden/overlay/x": "x\n"})
    dest, tampered = sealed(bench, commit)
    assert tree(dest) == JUDGED
    assert tampered == dict.fromkeys(
        ("hidden/judge.sh", "hidden/data/more", "hidden/overlay/x"), "put where the hidden files go; removed"
    )
    shutil.rmtree(bench.workspace.worktree / "hidden")
    dest, tampered = sealed(bench, bench.attempt({"hidden": "-> code"}))
    assert tree(dest) == JUDGED
    assert set(tampered) == {"hidden"}


def test_a_target_may_have_a_folder_named_hidden_where_the_task_hides_nothing(make_bench) -> None:
    bench = make_bench(target={"hidden/own": "x\n"})
    shutil.rmtree(bench.task.hidden, ignore_errors=True)
    dest, tampered = sealed(bench, bench.attempt({"hidden/new": "y\n"}))
    assert tree(dest) == {"hidden/own": "x\n", "hidden/new": "y\n"}
    assert tampered == {}


def test_links_that_leave_the_tree_are_refused(bench) -> None:
    commit = bench.attempt(
        {
            "abs": "-> /etc/passwd",
            "up": "-> ../../x",
            "dir": "-> ..",
            "chain": "-> dir/x",
            "a/fine": "-> ../code",
            "dangling": "-> nowhere",
        }
    )
    dest, tampered = sealed(bench, commit)
    assert tree(dest) == {**JUDGED, "a/fine": "-> ../code", "dangling": "-> nowhere"}
    assert set(tampered) == {"abs", "up", "dir", "chain"}


def test_what_is_laid_over_is_never_laid_through_a_link(bench, tmp_path: Path) -> None:
    worktree = bench.workspace.worktree
    (worktree / "Makefile").unlink()
    commit = bench.attempt({"Makefile": "-> code", "sub": "-> more", "more/new": "mine\n"})
    dest, tampered = sealed(bench, commit)
    assert tree(dest) == {**JUDGED, "more/new": "mine\n"}
    (worktree / "Makefile").unlink()
    (worktree / "sub").unlink()
    dest, _ = sealed(bench, bench.attempt({"Makefile/inside": "x\n", "sub": "a file\n"}))
    assert tree(dest) == {**JUDGED, "more/new": "mine\n"}
    assert tampered == {}


def test_attributes_of_the_tree_change_no_byte(bench) -> None:
    commit = bench.attempt({".gitattributes": "* text eol=crlf ident export-ignore\n", "code": "$Id$\n"})
    dest, _ = sealed(bench, commit)
    assert (dest / "code").read_bytes() == b"$Id$\n"


def test_hidden_files_are_read_only_and_stay_executable(bench) -> None:
    (bench.task.hidden / "judge.sh").chmod(0o755)
    (bench.task.hidden / "__pycache__").mkdir()
    (bench.task.hidden / "__pycache__/x.pyc").write_text("junk")
    dest, _ = sealed(bench, bench.workspace.base)
    assert stat.S_IMODE((dest / "hidden/judge.sh").stat().st_mode) == 0o555
    assert stat.S_IMODE((dest / "hidden/data/case").stat().st_mode) & 0o222 == 0
    assert not (dest / "hidden/__pycache__").exists()


def test_a_hidden_link_is_refused(bench) -> None:
    (bench.task.hidden / "link").symlink_to("/etc/passwd")
    with pytest.raises(TaskError, match="hidden/link is a link"):
        sealed(bench, bench.workspace.base)


def test_names_that_are_not_utf8_are_judged_and_named(bench) -> None:
    os.mkdir(os.fsencode(bench.workspace.worktree) + b"/t\xe9")
    for name in (b"tests/caf\xe9", b"t\xe9/x"):
        with open(os.fsencode(bench.workspace.worktree) + b"/" + name, "wb") as file:
            file.write(b"x")
    dest, tampered = sealed(bench, bench.attempt({}))
    assert os.path.exists(os.fsencode(dest) + b"/t\xe9/x")
    assert tampered == {"tests/caf\\xe9": "protected: added; removed"}


def test_the_agents_repository_is_not_asked(bench) -> None:
    """A commit that only the agent made is not there for the judge."""
    commit = bench.attempt({"code": "new\n"})
    shutil.rmtree(bench.workspace.repo)
    dest, _ = sealed(bench, commit)
    assert (dest / "code").read_text() == "new\n"
