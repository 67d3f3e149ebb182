"""Show the harness's commits to the agent, in its own repository, as far as that is still one.

Best effort and never trusted: the agent may have done anything to that folder. So no git is run in it. Files are
written by hand, each folder opened from its parent without following a link, and nothing is read but one small file.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ADMIN = ("worktrees", "tree")


def dot_git(repo: Path) -> bytes:
    """What the worktree's `.git` file says: relative, so that repository and worktree may be shown elsewhere together."""
    return f"gitdir: ../{repo.name}/{'/'.join(_ADMIN)}\n".encode()


def make_admin(repo: Path, tree: Path, branch: str) -> None:
    """What `git worktree add` would write, in a repository that no agent has touched yet."""
    admin = repo.joinpath(*_ADMIN)
    admin.mkdir(parents=True)
    (admin / "HEAD").write_text(f"ref: refs/heads/{branch}\n", encoding="utf-8")
    (admin / "commondir").write_text("../..\n", encoding="utf-8")
    (admin / "gitdir").write_bytes(os.fsencode(tree / ".git") + b"\n")
    # Without this a `git worktree prune` where the tree lies elsewhere (in a container) would end the worktree.
    (admin / "locked").write_text("kept by ralphbench\n", encoding="utf-8")
    (tree / ".git").write_bytes(dot_git(repo))


def publish(repo: Path, tree: Path, *, branch: str, commit: str, index: Path, packs: list[Path]) -> str | None:
    """Let the agent's branch be `commit` and its index be `index`. `packs` are moved into its objects.

    Returns None, or why it was not done: then the agent's repository is as it made it.
    """
    try:
        _check(repo, tree)
        with _folder(repo, "objects", "pack") as fd:
            for pack in packs:
                _put(fd, pack.name, pack)
        *folders, name = branch.split("/")
        with _folder(repo, "refs", "heads", *folders, make=True) as fd:
            _write(fd, name, f"{commit}\n".encode("ascii"))
        with _folder(repo, *_ADMIN) as fd:
            _write(fd, "HEAD", f"ref: refs/heads/{branch}\n".encode())
            _put(fd, "index", index)
            with contextlib.suppress(FileNotFoundError):
                os.unlink("index.lock", dir_fd=fd)  # of a git that was ended with its stage
    except (OSError, ValueError) as error:
        return f"the agent's own repository was left alone: {error}"
    return None


def _check(repo: Path, tree: Path) -> None:
    """Raises ValueError where the worktree is not one of the agent's repository any more."""
    with _folder(tree) as fd:
        status = os.stat(".git", dir_fd=fd, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode) or status.st_size > 4096:
            raise ValueError("its .git is not the file that it was")
        opened = os.open(".git", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd)
        with os.fdopen(opened, "rb") as file:
            if file.read(4096) != dot_git(repo):
                raise ValueError("its .git names another repository")


@contextlib.contextmanager
def _folder(root: Path, *names: str, make: bool = False) -> Iterator[int]:
    """A descriptor of a folder below `root`, reached without following any link."""
    fd = os.open(root, _FOLDER)
    try:
        for name in names:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=fd)
            below = os.open(name, _FOLDER, dir_fd=fd)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)


def _write(fd: int, name: str, data: bytes) -> None:
    with _replacing(fd, name) as file:
        file.write(data)


def _put(fd: int, name: str, source: Path) -> None:
    """A copy of a file, with its times: an index whose own time is later than that of its files hides changes."""
    with _replacing(fd, name) as file, source.open("rb") as original:
        shutil.copyfileobj(original, file, 1024 * 1024)
        file.flush()
        times = os.fstat(original.fileno())
        os.utime(file.fileno(), ns=(times.st_atime_ns, times.st_mtime_ns))


@contextlib.contextmanager
def _replacing(fd: int, name: str) -> Iterator[IO[bytes]]:
    """A new file that takes the place of `name`, also of a link of that name, when the block is left."""
    temporary = f"{name}.ralphbench-{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=fd)
    try:
        with os.fdopen(os.open(temporary, flags, 0o644, dir_fd=fd), "wb") as file:
            yield file
        os.replace(temporary, name, src_dir_fd=fd, dst_dir_fd=fd)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=fd)
        raise
