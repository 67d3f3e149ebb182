"""The target, read once: a bare repository with the base commit and its ancestors, nothing later, nothing beside."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ralphbench.errors import TargetError, UsageError, WorkspaceError
from ralphbench.model import Target, Task, codec
from ralphbench.record import disk_errors, make_folder, wait_flock
from ralphbench.workspace.git import Git, last_line, require_git
from ralphbench.workspace.layout import borrow, copy_whole, make_repo, packs_of
from ralphbench.workspace.remote import clone, is_remote, known_commit, remember_commit
from ralphbench.workspace.source import Source, find_source, partial, resolve, unfinished
from ralphbench.workspace.stage import apply_patches, commit_folder, open_stage
from ralphbench.workspace.survey import remove_tree
from ralphbench.workspace.vet import vet


@dataclass(frozen=True, slots=True)
class Mirror:
    """Where a target's base lies. `warnings`: what the user should know of it, e.g. uncommitted work left out."""

    path: Path
    base: str
    """The commit that every attempt starts from."""
    tree: str
    warnings: tuple[str, ...] = ()

    @property
    def git(self) -> Git:
        """For questions; nothing is ever written there again."""
        return Git(self.path)

    @property
    def links(self) -> Path:
        """Copies of the packs, to be hard-linked into attempts: what an agent writes into one cannot reach the mirror."""
        return self.path / "links"


@dataclass(frozen=True, slots=True)
class _State:
    """What a mirror holds; written last."""

    base: str
    tree: str


@dataclass(frozen=True, slots=True)
class _Found:
    """The target's own base, before patches; the objects are in `stage` or can be borrowed by it."""

    commit: str
    warnings: tuple[str, ...]
    shallow: tuple[str, ...] = ()
    source: Source | None = None


def prepare_mirror(task: Task, cache: Path) -> Mirror:
    """The mirror of a task's target in `cache`, made where it is not there yet.

    Safe for several processes at once; a killed one leaves nothing that counts. The user's repository is only read.
    Raises TargetError (no such base, submodules, LFS pointers, links out of the tree, not a repository, objects
    missing), TaskError (a `start` patch does not apply), DiskError.
    """
    require_git()
    make_folder(cache)
    identity = _identity(task.target, task.folder)
    parts = "\0".join([identity, *_digests(task.start)]).encode("utf-8", "surrogateescape")
    key = hashlib.sha256(parts).hexdigest()[:16]
    with (
        disk_errors(cache),
        _only_one(cache, key),
        tempfile.TemporaryDirectory(prefix=f".tmp-{key}-", dir=cache) as temporary,
    ):
        return _prepare(task, cache, key, Path(temporary))


def _prepare(task: Task, cache: Path, key: str, temporary: Path) -> Mirror:
    if (commit := known_commit(task, cache, key)) and (ready := _ready(cache / f"{key}-{commit[0]}.git", commit[1])):
        return ready
    try:
        stage, found = _read(task, cache, key, temporary / "stage")
    except PermissionError as error:
        raise TargetError(
            f"the target of {task.name} cannot be read: {error}", remedy=f"ls -ld {error.filename}"
        ) from error
    if found.source is not None:
        borrow(_gitdir(stage), found.source.common / "objects")
    _write_shallow(_gitdir(stage), found.shallow)
    if not task.start and (ready := _ready(cache / f"{key}-{found.commit}.git", found.warnings)):
        return ready
    try:
        base = apply_patches(stage, found.commit, task.start, task.name)
        path = cache / f"{key}-{base}.git"
        if ready := _ready(path, found.warnings):
            return ready
        vet(stage, base, f"the base of {task.name} ({base[:12]})")
        _build(stage, base, found.shallow, temporary / "mirror")
    except UsageError:
        _refuse_incomplete(stage, found)
        raise
    remove_tree(path)
    (temporary / "mirror").rename(path)
    return open_mirror(path, found.warnings)


def _identity(target: Target, folder: Path) -> str:
    if target.path is not None:
        return f"folder:{(folder / target.path).resolve()}"
    if target.repo is None:
        raise TargetError(f"the task in {folder} names no target", remedy="target: {path: target}, in its task.yaml")
    if is_remote(target.repo):
        return f"url:{target.repo}"
    return f"repo:{_local(target.repo, folder).resolve()}"


def _local(repo: str, folder: Path) -> Path:
    path = Path(repo).expanduser()
    return path if path.is_absolute() else folder / path


def _digests(patches: tuple[Path, ...]) -> list[str]:
    return [hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else str(p) for p in patches]


@contextlib.contextmanager
def _only_one(cache: Path, key: str) -> Iterator[None]:
    """Hold the lock of one target; what a killed owner of it has left half made is removed.

    Where the file system has no locks nobody waits, and nothing is removed: another may be at work on it.
    """
    with (cache / f".{key}.lock").open("wb") as lock:
        if wait_flock(lock.fileno()):
            for leftover in cache.glob(f".tmp-{key}-*"):
                remove_tree(leftover)
        yield


def _read(task: Task, cache: Path, key: str, stage: Path) -> tuple[Git, _Found]:
    """A stage in which, or through which, the target's own base can be read."""
    target = task.target
    if target.path is not None:
        git = open_stage(stage)
        return git, _Found(*commit_folder(git, task.folder / target.path))
    assert target.repo is not None
    remote = is_remote(target.repo)
    source = find_source(clone(target.repo, stage.with_name("clone")) if remote else _local(target.repo, task.folder))
    commit, warnings = resolve(source, target.base or "HEAD")
    if target.base is None:
        warnings += (f"{task.name} names no base: HEAD ({commit[:12]}) of {target.repo} was taken",)
    if remote:
        remember_commit(task, cache, key, commit)
    elif unsaved := unfinished(source):
        warnings += (unsaved,)
    sha256 = source.git.text("rev-parse", "--show-object-format") == "sha256"
    return open_stage(stage, sha256=sha256), _Found(commit, warnings, source.shallow, source)


def _refuse_incomplete(stage: Git, found: _Found) -> None:
    """Raises TargetError where an object of the base or of its history is missing: that is why it could not be read."""
    if found.source is None:
        return
    status, out, err = stage.full("rev-list", "--objects", "--missing=print", "--quiet", found.commit, ok=range(256))
    missing = sum(line.startswith(b"?") for line in out.splitlines())
    if status == 0 and not missing:
        return
    what = f"{missing} objects are missing" if missing else last_line(err)
    if partial(found.source):
        raise TargetError(
            f"{found.source.path} is a partial clone: {what} in the history of {found.commit[:12]}",
            remedy=f"git -C {found.source.path} fetch --refetch --no-filter",
        )
    raise TargetError(
        f"{found.source.path} is damaged: {what} in the history of {found.commit[:12]}",
        remedy=f"git -C {found.source.path} fsck",
    )


def _build(stage: Git, base: str, shallow: tuple[str, ...], dest: Path) -> None:
    """The mirror itself: one pack, one ref, no log of it, no remote."""
    sha256 = len(base) == 64
    make_repo(dest, head="ref: refs/heads/base", sha256=sha256)
    stage.run(
        "pack-objects", "--revs", "-q", "--delta-base-offset", str(packs_of(dest) / "pack"), stdin=f"{base}\n".encode()
    )
    git = Git(dest, error=TargetError)
    reached = set(stage.text("rev-list", base).split()) if shallow else set()
    _write_shallow(dest, tuple(sha for sha in shallow if sha in reached))
    git.run("update-ref", "refs/heads/base", base)
    (dest / "links").mkdir()
    refresh_links(dest)
    state = _State(base, git.text("rev-parse", f"{base}^{{tree}}"))
    (dest / "ralphbench.json").write_bytes(codec.pretty(state))


def _write_shallow(gitdir: Path, shallow: tuple[str, ...]) -> None:
    if shallow:
        (gitdir / "shallow").write_text("".join(f"{sha}\n" for sha in shallow), encoding="ascii")


def _ready(path: Path, warnings: tuple[str, ...]) -> Mirror | None:
    try:
        state = codec.loads((path / "ralphbench.json").read_bytes(), _State)
    except (FileNotFoundError, ValueError):
        return None  # not there, or torn: it is made again
    return Mirror(path, state.base, state.tree, warnings)


def refresh_links(mirror: Path) -> Path:
    """The folder of packs to link from, made good where a file is not what was put there (an agent wrote into it)."""
    links = mirror / "links"
    for pack in packs_of(mirror).iterdir():
        want, link = pack.stat(), links / pack.name
        try:
            have = link.stat()
        except FileNotFoundError:
            copy_whole(pack, link)
            continue
        if (have.st_size, have.st_mtime_ns) != (want.st_size, want.st_mtime_ns):
            copy_whole(pack, link)
    return links


def _gitdir(git: Git) -> Path:
    assert git.gitdir is not None
    return git.gitdir


def open_mirror(path: Path, warnings: tuple[str, ...] = ()) -> Mirror:
    """A mirror by its folder. Raises WorkspaceError where none is there."""
    mirror = _ready(path, warnings)
    if mirror is None:
        raise WorkspaceError(f"there is no mirror at {path}")
    return mirror
