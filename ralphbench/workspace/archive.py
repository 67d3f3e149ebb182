"""What the record keeps of git, so that an attempt can be judged again without mirror or workspace.

The base tree is kept once, as one pack file named after its commit; an attempt keeps a bundle of what lies beyond it.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ralphbench.errors import RecordError, WorkspaceError
from ralphbench.record import Quarantine, disk_errors, make_folder, report, set_aside, sync_folder
from ralphbench.workspace.git import Git
from ralphbench.workspace.layout import make_repo
from ralphbench.workspace.mirror import Mirror
from ralphbench.workspace.place import whole_to_its_sum
from ralphbench.workspace.survey import remove_tree

FINAL = "refs/heads/final"


def keep_base(mirror: Mirror, folder: Path, quarantine: Quarantine | None = None) -> Path:
    """Keep the base commit with its tree, without its history, as `<folder>/<commit>.pack`; once is enough.

    One that is there is read; where it is torn it is set aside, reported, and made again. Safe for several processes at
    once: the file is there whole or not at all.
    """
    dest = folder / f"{mirror.base}.pack"
    if check_base(dest, quarantine):
        return dest
    make_folder(folder)
    objects = mirror.git.run("rev-list", "--objects", "--no-walk", "--no-object-names", mirror.base)
    with disk_errors(dest):
        mirror.git.to_file(dest, "pack-objects", "--stdout", "-q", "--delta-base-offset", stdin=objects)
        sync_folder(folder)
    return dest


def check_base(pack: Path, quarantine: Quarantine | None = None) -> bool:
    """Whether a kept base is there and whole. A torn one is set aside and reported, and is then not there."""
    try:
        whole = whole_to_its_sum(pack, sha256=len(pack.stem) == 64)
    except FileNotFoundError:
        return False
    if not whole:
        report(quarantine, set_aside(pack, "is a torn pack: it does not end in its own checksum"))
    return whole


def restore_record(base_pack: Path, bundle: Path | None, dest: Path) -> Path:
    """A repository of the harness in `dest` from the base pack and an attempt's bundle; returns `dest`.

    It has `refs/heads/base`, `refs/heads/final` (the base where the bundle has none) and `refs/wip/*`. None for
    `bundle`: the attempt committed nothing. Raises RecordError for a file that is torn or does not fit.
    """
    base = base_pack.name.removesuffix(".pack")
    if len(base) not in (40, 64) or not base_pack.is_file():
        raise RecordError(
            f"{base_pack} is not the base of a record: expected <commit>.pack", remedy=f"ls {base_pack.parent}"
        )
    if dest.exists():
        raise WorkspaceError(f"{dest} is there already", remedy=f"rm -r {dest}")
    dest.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{dest.name}-", dir=dest.parent) as temporary:
        made = Path(temporary) / "repo"
        make_repo(made, head=f"ref: {FINAL}", sha256=len(base) == 64)
        _unpack(Git(made, error=RecordError), base, base_pack, bundle)
        made.rename(dest)
    return dest


def _unpack(git: Git, base: str, base_pack: Path, bundle: Path | None) -> None:
    assert git.gitdir is not None
    try:
        with base_pack.open("rb") as file:
            git.feed(file, "index-pack", "--stdin", "--fix-thin")
    except RecordError as error:
        raise RecordError(f"the base {base_pack} cannot be read: {error.message}") from error
    if git.full("cat-file", "-e", f"{base}^{{tree}}", ok=range(256))[0] != 0:
        raise RecordError(f"the base {base_pack} does not hold the commit {base[:12]}")
    if b"\nparent " in git.run("cat-file", "commit", base).partition(b"\n\n")[0]:
        (git.gitdir / "shallow").write_text(f"{base}\n", encoding="ascii")
    git.run("update-ref", "refs/heads/base", base)
    git.run("update-ref", FINAL, base)
    if bundle is None:
        return
    try:
        out = git.text("bundle", "unbundle", str(bundle.resolve()))
    except RecordError as error:
        raise RecordError(f"the bundle {bundle} cannot be read: {error.message}") from error
    for line in out.splitlines():
        sha, _, ref = line.partition(" ")
        if ref == FINAL or ref.startswith("refs/wip/"):
            git.run("update-ref", ref, sha)


def forget(gitdir: Path) -> None:
    """Remove what `restore_record` made."""
    remove_tree(os.fsencode(gitdir))
