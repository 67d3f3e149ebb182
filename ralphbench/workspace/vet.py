"""What a base tree must not hold, since it would not be the same code for everybody: named, with what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ralphbench.errors import TargetError
from ralphbench.workspace.git import Git, printable
from ralphbench.workspace.links import leaving

_POINTER = re.compile(rb"\Aversion https://git-lfs\.github\.com/spec/v\d\n(?:[^\n]*\n)*?oid sha256:[0-9a-f]{64}\n")
_POINTER_SIZES = range(100, 1025)
"""Bytes; the format's own limit is 1,024."""
_CHUNK = 4096
"""Blobs read at once: at most 4 MB."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a tree."""

    mode: str
    sha: str
    path: bytes
    size: int | None = None

    @property
    def link(self) -> bool:
        """A symbolic link; its blob is what it says."""
        return self.mode == "120000"

    @property
    def submodule(self) -> bool:
        """A commit of another repository, whose files are not in this one."""
        return self.mode == "160000"


def entries(git: Git, tree: str, *, sizes: bool = False) -> list[Entry]:
    """Every file of a tree, by path."""
    found = []
    for line in git.lines("ls-tree", "-r", "-z", "--full-tree", *(["-l"] if sizes else []), tree):
        meta, _, path = line.partition(b"\t")
        mode, _, sha, *size = meta.decode("ascii").split()
        if size == ["BAD"]:
            raise git.error(f"the object {sha} of {printable(path)} is missing in {git.gitdir}")
        found.append(Entry(mode, sha, path, int(size[0]) if size and size[0] != "-" else None))
    return found


def contents(git: Git, shas: Sequence[str]) -> list[bytes]:
    """The blobs with these names, in order; for small ones."""
    out = git.run("cat-file", "--batch", stdin="".join(f"{sha}\n" for sha in shas).encode("ascii"))
    found, at = [], 0
    for sha in shas:
        end = out.index(b"\n", at)
        header = out[at:end].split()
        if len(header) != 3:
            raise git.error(f"the object {sha} is missing in {git.gitdir}")
        size = int(header[2])
        found.append(out[end + 1 : end + 1 + size])
        at = end + 1 + size + 1
    return found


def links_out(git: Git, files: Sequence[Entry]) -> list[bytes]:
    """The symbolic links among the files that lead out of the tree."""
    links = [entry for entry in files if entry.link]
    return leaving(dict(zip([e.path for e in links], contents(git, [e.sha for e in links]), strict=True)))


def vet(git: Git, tree: str, where: str) -> None:
    """Raises TargetError for submodules, Git LFS pointers, links out of the tree, and a tree without a file."""
    files = entries(git, tree, sizes=True)
    if not files:
        raise TargetError(f"{where} holds no file", remedy="name a base, or a folder, with the code in it")
    modules = [entry.path for entry in files if entry.submodule]
    if modules:
        raise TargetError(
            f"{where} has submodules, whose files are not part of it: {_some(modules)}",
            remedy="commit their files instead, on a branch of your own: "
            f"git rm --cached {printable(modules[0])}; rm -rf {printable(modules[0])}/.git; "
            f"git add {printable(modules[0])}; git commit; then name that branch as base",
        )
    pointers = _pointers(git, [e for e in files if e.size in _POINTER_SIZES and not e.link])
    if pointers:
        raise TargetError(
            f"{where} has Git LFS pointers in place of files: {_some(pointers)}",
            remedy="commit the files themselves, on a branch of your own: git lfs pull; git lfs migrate export "
            "--include='*'; then name that branch as base",
        )
    out = links_out(git, files)
    if out:
        raise TargetError(
            f"{where} has symbolic links that lead out of the tree: {_some(out)}",
            remedy=f"replace each by a copy of what it names, or remove it: git rm {printable(out[0])}",
        )


def _pointers(git: Git, small: Sequence[Entry]) -> list[bytes]:
    found = []
    for start in range(0, len(small), _CHUNK):
        part = small[start : start + _CHUNK]
        texts = contents(git, [entry.sha for entry in part])
        found += [entry.path for entry, text in zip(part, texts, strict=True) if _POINTER.match(text)]
    return found


def _some(paths: Sequence[bytes]) -> str:
    shown = ", ".join(printable(path) for path in paths[:5])
    return shown if len(paths) <= 5 else f"{shown} and {len(paths) - 5} more"
