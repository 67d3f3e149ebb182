"""What a worktree holds, told without git: also special files, repositories inside, closed folders.

Git is never asked to walk a tree that an agent wrote: it would look into every `.git` that it meets there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

_RULES = (b".gitignore", b".gitattributes", b".gitmodules")
_RULES_LIMIT = 4 * 1024 * 1024
"""Bytes. Git reads such a file whole into memory, and would wait for ever on one that is a FIFO."""


@dataclass(slots=True)
class Survey:
    """Paths relative to the root, as bytes."""

    files: list[bytes] = field(default_factory=list)
    """Regular files and symbolic links."""
    special: list[bytes] = field(default_factory=list)
    """FIFOs, sockets and devices."""
    rules: list[bytes] = field(default_factory=list)
    """Of git's own rules files those that are no files, or too large ones: git must not open them."""
    nested: list[bytes] = field(default_factory=list)
    """`.git` folders and files below the root."""
    empty: list[bytes] = field(default_factory=list)
    """Folders without an entry."""
    closed: list[bytes] = field(default_factory=list)
    """Folders that could not be opened even so: another owner's, or with a path that is too long."""


def survey(root: Path, *, open_up: bool = True) -> Survey:
    """Walk the tree once, without following links. `open_up`: closed folders are opened for their owner on the way.

    `root`'s own `.git` is left out, and no `.git` is walked into.
    """
    found = Survey()
    base = os.fsencode(root)
    waiting = [b""]
    while waiting:
        folder = waiting.pop()
        entries = _entries(base, folder, open_up)
        if entries is None:
            found.closed.append(folder)
            continue
        if not entries and folder:
            found.empty.append(folder)
        for entry in entries:
            _sort(entry, folder + b"/" + entry.name if folder else entry.name, waiting, found)
    return found


def _sort(entry: os.DirEntry[bytes], path: bytes, waiting: list[bytes], found: Survey) -> None:
    if entry.name == b".git":
        if path != b".git":
            found.nested.append(path)
    elif entry.name in _RULES and not _harmless(entry):
        found.rules.append(path)
    elif entry.is_dir(follow_symlinks=False):
        waiting.append(path)
    elif entry.is_file(follow_symlinks=False) or entry.is_symlink():
        found.files.append(path)
    else:
        found.special.append(path)


def _harmless(entry: os.DirEntry[bytes]) -> bool:
    if entry.is_dir(follow_symlinks=False) or entry.is_symlink():
        return True  # a folder of that name is walked like any other; git follows no such link
    return entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_size <= _RULES_LIMIT


def _entries(base: bytes, folder: bytes, open_up: bool) -> list[os.DirEntry[bytes]] | None:
    path = base + b"/" + folder if folder else base
    try:
        if open_up:
            _open_up(path)
        with os.scandir(path) as entries:
            return list(entries)
    except OSError:
        return None


def _open_up(path: bytes) -> None:
    mode = os.stat(path, follow_symlinks=False).st_mode
    if stat.S_ISDIR(mode) and mode & stat.S_IRWXU != stat.S_IRWXU:
        os.chmod(path, stat.S_IMODE(mode) | stat.S_IRWXU)


def remove_tree(path: Path | bytes) -> None:
    """Remove a file or a whole folder, whatever its permissions and depth; a link is removed, never followed.

    Nothing there is no error. Raises OSError for what cannot be removed.
    """
    target = os.fsencode(path)
    try:
        if stat.S_ISDIR(os.lstat(target).st_mode):
            shutil.rmtree(target)
        else:
            os.unlink(target)
    except FileNotFoundError:
        return
    except (RecursionError, OSError):
        _remove_stubborn(target)


def _remove_stubborn(target: bytes) -> None:
    """Closed folders are opened first; `rm` goes down by folder, deeper than Python's recursion or a path's length."""
    folder, name = os.path.split(target)
    _open_up(folder or b".")
    with contextlib.suppress(OSError):  # a path that is too long can only be reached from its folder
        if stat.S_ISDIR(os.lstat(target).st_mode):
            survey(Path(os.fsdecode(target)))
    done = subprocess.run([b"rm", b"-rf", b"--", b"./" + name], cwd=folder or b".", capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()[-200:]
        raise OSError(errno.EIO, f"could not be removed: {said}", os.fsdecode(target))
