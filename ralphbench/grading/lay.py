"""Lay the grader's own files into a checkout, whatever lies in their way there."""

from __future__ import annotations

import filecmp
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ralphbench.errors import TaskError
from ralphbench.workspace import printable, remove_tree

_JUNK = (b"__pycache__", b".git", b".pytest_cache")
_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Laid:
    """One file of the grader's: where it comes from and where it lies, relative to the checkout."""

    source: bytes
    path: bytes


def hidden_files(hidden: Path) -> list[Laid]:
    """What grading puts beside the code: `hidden/**` as it is, `hidden/overlay/**` at the root of the checkout.

    Raises TaskError for a symbolic link or special file among them: it would not be the same everywhere.
    """
    if not hidden.is_dir():
        return []
    root = os.fsencode(hidden)
    laid = []
    for path in _walk(root):
        overlay = path.startswith(b"overlay/")
        laid.append(Laid(root + b"/" + path, path.removeprefix(b"overlay/") if overlay else b"hidden/" + path))
    return sorted(laid, key=lambda one: one.path)


def _walk(root: bytes) -> Iterator[bytes]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _JUNK)
        for name in sorted(names + [f for f in folders if os.path.islink(os.path.join(folder, f))]):
            path = os.path.join(folder, name)
            if not stat.S_ISREG(os.lstat(path).st_mode):
                raise TaskError(
                    f"{printable(path)} is a link or a special file: hidden files must be plain ones",
                    remedy=f"cp --remove-destination $(readlink -f {printable(path)}) {printable(path)}",
                )
            yield os.path.relpath(path, root)


def lay(one: Laid, checkout: Path) -> None:
    """Put one file in its place, read-only; links, files and folders in its way are removed, never followed."""
    root = os.fsencode(checkout)
    at = root
    for name in os.path.dirname(one.path).split(b"/"):
        at = os.path.join(at, name) if name else at
        if os.path.islink(at) or not os.path.isdir(at):
            remove_tree(at)
            os.mkdir(at)
    dest = os.path.join(root, one.path)
    remove_tree(dest)
    shutil.copyfile(one.source, dest)
    os.chmod(dest, stat.S_IMODE(os.stat(one.source).st_mode) & ~_WRITE | stat.S_IRUSR)


def intact(one: Laid, checkout: Path) -> bool:
    """Whether a laid file is still what was put there, and lies in real folders."""
    dest = os.path.join(os.fsencode(checkout), one.path)
    try:
        if os.path.realpath(os.path.dirname(dest)) != os.path.realpath(os.fsencode(checkout)) + _tail(one.path):
            return False
        if not stat.S_ISREG(os.lstat(dest).st_mode):
            return False
        return filecmp.cmp(one.source, dest, shallow=False)
    except OSError:
        return False


def _tail(path: bytes) -> bytes:
    folder = os.path.dirname(path)
    return b"/" + folder if folder else b""
