"""The user's own repository, only read: where it is, what a base names in it, what is not part of that base."""

from __future__ import annotations

import os
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ralphbench.errors import TargetError
from ralphbench.workspace.git import Git

_STATUS_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Source:
    """A repository on this machine, found without asking git: git's own discovery would look into the folders above."""

    path: Path
    """As the user named it, absolute."""
    gitdir: Path
    common: Path
    """Where objects and refs are: `gitdir`, but for a linked worktree."""
    bare: bool

    @property
    def git(self) -> Git:
        """For questions only: it takes no lock that it can do without."""
        return Git(self.gitdir, error=TargetError, extra={"GIT_OPTIONAL_LOCKS": "0"})

    @property
    def shallow(self) -> tuple[str, ...]:
        """Commits whose parents were cut off."""
        try:
            return tuple((self.common / "shallow").read_text("ascii").split())
        except FileNotFoundError:
            return ()


def find_source(path: Path) -> Source:
    """The repository at `path`: a worktree's top, a linked worktree, a bare one. Raises TargetError."""
    if not path.exists():
        raise TargetError(f"the target {path} does not exist", remedy=f"ls {path.parent}")
    gitdir = _gitdir(path)
    if gitdir is None:
        above = next((p for p in path.resolve().parents if _gitdir(p) is not None), None)
        inside = f"; it lies inside the repository {above}: name that one" if above else ""
        raise TargetError(
            f"the target {path} is no git repository{inside}",
            remedy=f"git -C {path} init && git -C {path} add -A && git -C {path} commit -m base"
            if above is None
            else f"target: {{repo: {above}, base: HEAD}}",
        )
    common = gitdir
    if (gitdir / "commondir").is_file():
        common = (gitdir / os.fsdecode((gitdir / "commondir").read_bytes()).rstrip("\n")).resolve()
    return Source(path, gitdir, common, bare=gitdir == path)


def _gitdir(path: Path) -> Path | None:
    dot = path / ".git"
    if dot.is_file():
        said = os.fsdecode(dot.read_bytes()[:4096])
        if said.startswith("gitdir: "):
            return (path / said.removeprefix("gitdir: ").rstrip("\n")).resolve()
        return None
    for candidate in (dot, path):
        if (candidate / "HEAD").is_file() and (candidate / "objects").is_dir() and (candidate / "refs").is_dir():
            return candidate
    return None


def resolve(source: Source, base: str) -> tuple[str, tuple[str, ...]]:
    """(commit, warnings) of a tag, branch, commit, short commit or `HEAD~3`. Raises TargetError with what is near."""
    status, out, err = source.git.full("rev-parse", "--verify", "--end-of-options", f"{base}^{{commit}}", ok=range(256))
    if status == 0:
        warned = (f"{base!r} names more than one thing in {source.path}; git took {out.decode()[:12]}",)
        return out.decode("ascii").strip(), warned if b"is ambiguous" in err else ()
    headless = source.git.full("rev-parse", "--verify", "--quiet", "HEAD^{commit}", ok=range(256))[0] != 0
    if headless and not source.git.run("for-each-ref", "--count=1"):
        raise TargetError(f"the target {source.path} has no commit yet", remedy=f"git -C {source.path} commit -m base")
    raise _no_base(source, base, err)


def _no_base(source: Source, base: str, err: bytes) -> TargetError:
    names = _names(source)
    near = get_close_matches(base, names, n=3, cutoff=0.5) or [n for n in names if base.lower() in n.lower()][:3]
    what = "names several commits" if b"ambiguous" in err and b"candidates" in err else "does not exist"
    message = f"the base {base!r} {what} in {source.path}"
    if near:
        message += f"; did you mean {' or '.join(repr(n) for n in near)}?"
    elif names:
        message += f" (it has: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''})"
    if source.shallow:
        message += "; the clone is shallow, so an older commit may be missing"
        return TargetError(message, remedy=f"git -C {source.path} fetch --unshallow --tags")
    return TargetError(
        message,
        remedy=f"git -C {source.path} for-each-ref --format='%(refname:short)' refs/heads refs/tags refs/remotes",
    )


def _names(source: Source) -> list[str]:
    """Branches and tags, as one would write them: `main`, `v1.0`, `origin/main`."""
    import git as gitpython  # heavy, and only needed where something is wrong

    try:
        with gitpython.Repo(str(source.common)) as repo:
            return [str(ref.name) for ref in repo.references if not str(ref.name).endswith("/HEAD")]
    except (ValueError, OSError, gitpython.exc.GitError):
        return []  # a repository that it cannot read; then nothing is near


def unfinished(source: Source) -> str | None:
    """A warning where the checkout holds work that is in no commit. The checkout's index is not touched.

    This one question is asked with the user's own configuration, since that is what says which files count.
    """
    if source.bare:
        return None
    quiet = {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1"}
    git = Git(error=TargetError, timeout=_STATUS_TIMEOUT, clean=False, extra=quiet)
    off = ("-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null", "-c", "safe.directory=*")
    asked = ("status", "--porcelain", "-z", "--no-renames", "--ignore-submodules=all")
    try:
        out = git.run(*off, "-C", str(source.path), *asked)
    except TargetError as error:
        return f"{error.message}: what is not committed in {source.path} is not part of the base"
    entries = [entry for entry in out.split(b"\0") if entry]
    new = sum(entry.startswith(b"??") for entry in entries)
    if not entries:
        return None
    return (
        f"{source.path} holds uncommitted work ({len(entries) - new} changed, {new} new): "
        "it is not part of the base and no contender will see it"
    )


def partial(source: Source) -> bool:
    """Whether the repository is a partial clone, that fetches objects only when they are asked for."""
    out = source.git.run("config", "--get-regexp", r"^(extensions\.partialclone|remote\..*\.promisor)$", ok=(0, 1))
    return bool(out.strip())
