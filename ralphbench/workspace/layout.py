"""Repositories written by hand, so that nothing is in them but what is meant: no template, no hook, no remote."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from ralphbench.errors import RalphbenchError, TargetError

ATTRIBUTES = (
    "* -text -filter -ident !working-tree-encoding !diff !merge !whitespace !export-ignore !export-subst !delta\n"
)
"""`info/attributes`: the one place that outranks every `.gitattributes` of a tree. Files are taken and given as they are,
and whether one is text is told from its bytes."""

NEVER_LINKED = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EACCES, errno.EOPNOTSUPP)


def make_repo(
    gitdir: Path,
    *,
    head: str,
    bare: bool = True,
    sha256: bool = False,
    more: Mapping[str, str] | None = None,
    attributes: bool = True,
) -> None:
    """A git directory without an object. `head`: what HEAD says; `more`: further lines of configuration by `a.b`."""
    for part in ("objects/pack", "objects/info", "refs/heads", "refs/tags", "info"):
        (gitdir / part).mkdir(parents=True, exist_ok=True)
    config = {
        "core.repositoryformatversion": "1" if sha256 else "0",
        "core.filemode": "true",
        "core.bare": "true" if bare else "false",
        "gc.auto": "0",
    }
    if sha256:
        config["extensions.objectformat"] = "sha256"
    (gitdir / "config").write_text(_config(config | dict(more or {})), encoding="utf-8")
    if attributes:
        (gitdir / "info/attributes").write_text(ATTRIBUTES, encoding="utf-8")
    (gitdir / "HEAD").write_text(f"{head}\n", encoding="utf-8")


def _config(values: Mapping[str, str]) -> str:
    lines: list[str] = []
    for key, value in values.items():
        section, _, name = key.rpartition(".")
        lines += [f"[{section}]", f"\t{name} = {value}"]
    return "\n".join(lines) + "\n"


def borrow(gitdir: Path, objects: Path, *, error: type[RalphbenchError] = TargetError) -> None:
    """Let a repository of the harness read the objects of another (`objects/info/alternates`)."""
    path = os.fsencode(objects.resolve())
    if b"\n" in path:
        raise error(f"a path with a newline in it cannot be used: {objects}")
    if path.startswith((b'"', b"#")):
        path = b'"' + path.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    (gitdir / "objects/info/alternates").write_bytes(path + b"\n")


def link_packs(source: Path, dest: Path) -> bool:
    """Hard-link every file of a pack folder into another. False where the file system cannot: nothing is left then."""
    made: list[Path] = []
    try:
        for file in sorted(source.iterdir()):
            os.link(file, dest / file.name)
            made.append(dest / file.name)
    except OSError as error:
        if error.errno not in NEVER_LINKED:
            raise
        for file in made:
            file.unlink()
        return False
    return True


def copy_packs(source: Path, dest: Path) -> None:
    """Copy every file of a pack folder into another, read-only as git has them, with their times."""
    for file in sorted(source.iterdir()):
        copy_whole(file, dest / file.name)


def copy_whole(file: Path, dest: Path) -> None:
    """A copy with an inode of its own that is there whole or not at all."""
    temporary = dest.with_name(f".tmp-{os.getpid()}-{dest.name}")
    try:
        shutil.copyfile(file, temporary)
        shutil.copystat(file, temporary)
        temporary.replace(dest)
    finally:
        temporary.unlink(missing_ok=True)


def packs_of(gitdir: Path) -> Path:
    """The folder of a repository's packs."""
    return gitdir / "objects/pack"


def drop_locks(gitdir: Path) -> None:
    """Remove the lock files that a killed git has left; only for a repository that nothing else works on."""
    for folder, _, files in os.walk(gitdir):
        for name in files:
            if name.endswith(".lock"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(folder, name))
