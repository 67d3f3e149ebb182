"""A target at an URL: read once, and known again without reading where its base has not moved."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ralphbench.errors import TargetError
from ralphbench.model import Task, codec
from ralphbench.workspace.git import Git

_URL = re.compile(r"^(?:[A-Za-z][A-Za-z0-9+.-]*://|[^/\s:]+@[^/\s:]+:|[A-Za-z0-9._-]{2,}:(?!\\))")
_WHOLE = re.compile(r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$")
_CLONE_TIMEOUT = 3600.0
_ASK_TIMEOUT = 30.0


def is_remote(repo: str) -> bool:
    """Whether `target.repo` is an URL (also `user@host:path` and `host:path`), not a path of this machine."""
    return _URL.match(repo) is not None and not Path(repo).expanduser().exists()


def _git(timeout: float) -> Git:
    """With the user's own access to other machines (ssh, credential helper, proxy); never a prompt."""
    ssh = os.environ.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
    extra = {"GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh", "GIT_SSH_COMMAND": ssh}
    return Git(error=TargetError, timeout=timeout, clean=False, extra=extra)


def clone(url: str, dest: Path) -> Path:
    """Everything at an URL, as a bare repository in `dest`. Raises TargetError."""
    try:
        _git(_CLONE_TIMEOUT).run("clone", "--quiet", "--mirror", "--template=", "--", url, str(dest))
    except TargetError as error:
        raise TargetError(f"the target {url} cannot be read: {error.message}", remedy=f"git ls-remote {url}") from error
    return dest


def known_commit(task: Task, cache: Path, key: str) -> tuple[str, tuple[str, ...]] | None:
    """(commit, warnings) of a target at an URL that was read before and has not moved; None: it must be read.

    Where the URL cannot be reached, the commit that was read last counts, with a warning that says so.
    """
    target = task.target
    if target.path is not None or target.repo is None or not is_remote(target.repo) or task.start:
        return None
    base = target.base or "HEAD"
    if _WHOLE.match(base):
        return base, ()
    try:
        last = codec.loads(_memory(cache, key).read_bytes(), dict[str, str]).get(base)
    except (FileNotFoundError, ValueError):
        return None
    if last is None:
        return None
    try:
        advertised = _advertised(target.repo, base)
    except TargetError:
        return last, (f"{target.repo} cannot be reached: {base} is taken as it was read last, {last[:12]}",)
    return (last, ()) if last in advertised else None


def _advertised(url: str, base: str) -> set[str]:
    """The commits that a name stands for at the URL: a tag's own object and what it points to."""
    out = _git(_ASK_TIMEOUT).text("ls-remote", "--", url, base, f"{base}^{{}}")
    return {line.split("\t")[0] for line in out.splitlines()}


def remember_commit(task: Task, cache: Path, key: str, commit: str) -> None:
    """Keep what a name stood for, so that the next run need not read the URL again."""
    memory = _memory(cache, key)
    try:
        known = codec.loads(memory.read_bytes(), dict[str, str])
    except (FileNotFoundError, ValueError):
        known = {}
    temporary = memory.with_suffix(".tmp")
    temporary.write_bytes(codec.pretty(known | {task.target.base or "HEAD": commit}))
    temporary.replace(memory)


def _memory(cache: Path, key: str) -> Path:
    return cache / f"{key}-url.json"
