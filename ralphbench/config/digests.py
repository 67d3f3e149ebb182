"""Digests of files: the same on every machine, for the same names, modes and bytes."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from ralphbench.model import Gate, codec

LEFT_OUT = frozenset((".git", "__pycache__", ".DS_Store"))
"""Left by tools that looked at a folder; part of no task."""
NO_GATES = LEFT_OUT | {".pytest_cache"}
"""The same in a folder of hidden files, where somebody has tried a gate."""


def digest(parts: Iterable[bytes]) -> str:
    """SHA-256 over parts of which each is set off by its length, so that no two lists of parts run together."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(f"{len(part)}:".encode())
        whole.update(part)
    return whole.hexdigest()


def gates_digest(gates: Sequence[Gate], references: Iterable[Path], hidden: Path) -> str:
    """Of everything that judges a task: its gates, its reference patches, its hidden files. Raises OSError."""
    # As they come back from a record, where 60 seconds are 60.0.
    told = codec.loads(codec.dumps(tuple(gates)), tuple[Gate, ...])
    parts = [codec.canonical(told), *(patch.read_bytes() for patch in references)]
    if hidden.is_dir():
        parts += file_parts(hidden, files_below(hidden, NO_GATES))
    return digest(parts)


def file_parts(root: Path, names: Iterable[str]) -> Iterator[bytes]:
    """Name, mode and bytes of each file below `root`. Modes are git's: executable, plain, or link (its bytes: its text)."""
    for name in sorted(names, key=os.fsencode):
        path = root / name
        status = path.lstat()
        yield os.fsencode(name.replace(os.sep, "/"))
        if stat.S_ISLNK(status.st_mode):
            yield b"link"
            yield os.fsencode(os.readlink(path))
        else:
            yield b"executable" if status.st_mode & stat.S_IXUSR else b"plain"
            yield path.read_bytes()


def files_below(root: Path, left_out: Collection[str] = LEFT_OUT) -> list[str]:
    """Regular files and links below a folder, relative, without what tools leave behind."""
    found: list[str] = []
    for folder, folders, files in os.walk(root):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in left_out and name not in links)
        for name in (*files, *links):
            path = Path(folder) / name
            if name not in left_out and (path.is_symlink() or path.is_file()):
                found.append(os.path.relpath(path, root))
    return found


def target_files(root: Path) -> list[str]:
    """The files of a target folder: what its own `.gitignore` files name is not part of it (somebody ran `make` there).

    The same files as the workspace's base commit holds. Raises OSError where git is missing or fails.
    """
    files = files_below(root)
    if not any(Path(name).name == ".gitignore" for name in files):
        return files
    with tempfile.TemporaryDirectory(prefix="ralphbench-digest-") as scratch:
        gitdir = Path(scratch)
        for name in ("objects", "refs"):
            (gitdir / name).mkdir()
        (gitdir / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")
        argv = ["git", f"--git-dir={gitdir}", f"--work-tree={root.resolve()}", "ls-files"]
        argv += ["-z", "--others", "--ignored", "--exclude-per-directory=.gitignore"]
        env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        env |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
        done = subprocess.run(argv, cwd=root, env=env, capture_output=True, check=False, timeout=60)
    if done.returncode != 0:
        raise OSError(f"git could not list {root}: {os.fsdecode(done.stderr).strip()}")
    ignored = {os.fsdecode(name) for name in done.stdout.split(b"\0") if name}
    return [name for name in files if name not in ignored]
