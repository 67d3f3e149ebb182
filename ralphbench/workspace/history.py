"""What lies between two states of a tree: files, lines, commits, patches, bundles. Read from the harness's repository."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ralphbench.workspace.git import Git, printable

_SAFE = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames")


_LISTED = 400
"""Files that a capped diff names; a vendored folder has tens of thousands."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that differs. `path` is text for any file and log; `raw` is the name itself."""

    path: str
    status: str
    """`A` added, `M` changed (also its mode), `D` removed, `T` another type (file, link)."""
    raw: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    sha: str
    parent: str | None
    tree: str
    time: float
    """Seconds since the epoch."""
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class CappedDiff:
    """A diff for somebody's eyes: the list of files is there (the first 400), the text may end early."""

    text: bytes
    truncated: bool
    files: int
    added: int
    removed: int


def diff(git: Git, a: str, b: str, paths: Sequence[str] = ()) -> bytes:
    """Unified diff; for a binary file only the word that it differs."""
    return git.run("diff-tree", "-r", "-p", *_SAFE, a, b, "--", *paths)


def capped_diff(git: Git, a: str, b: str, *, limit: int, paths: Sequence[str] = ()) -> CappedDiff:
    """The list of changed files with their line counts, then as much of the diff as fits into `limit` bytes."""
    rows = _numstat(git, a, b, paths)
    added, removed = sum(row[0] or 0 for row in rows), sum(row[1] or 0 for row in rows)
    head = f"{len(rows)} files changed, {added} lines added, {removed} removed\n".encode()
    head += b"".join(f"  {_counts(row)}  {printable(row[2])}\n".encode() for row in rows[:_LISTED])
    head += f"  and {len(rows) - _LISTED} more files\n\n".encode() if len(rows) > _LISTED else b"\n"
    body, more = git.head_of("diff-tree", "-r", "-p", *_SAFE, a, b, "--", *paths, limit=max(limit - len(head), 0))
    if more:
        body = body[: body.rfind(b"\n") + 1]
        body += f"\n[the diff is longer than {limit} bytes and was cut here]\n".encode()
    return CappedDiff(head + body, more, len(rows), added, removed)


def _counts(row: tuple[int | None, int | None, bytes]) -> str:
    return "binary" if row[0] is None or row[1] is None else f"+{row[0]} -{row[1]}"


def changed(git: Git, a: str, b: str, paths: Sequence[str] = ()) -> tuple[FileChange, ...]:
    """The files that differ, by path; a renamed file is one removed and one added."""
    fields = git.lines("diff-tree", "-r", "-z", "--name-status", *_SAFE, a, b, "--", *paths)
    return tuple(
        FileChange(printable(path), status.decode("ascii")[0], path)
        for status, path in zip(fields[0::2], fields[1::2], strict=True)
    )


def numstat(git: Git, a: str, b: str, paths: Sequence[str] = ()) -> tuple[int, int, int]:
    """(files, lines added, lines removed); a binary file counts as a file without lines."""
    rows = _numstat(git, a, b, paths)
    return len(rows), sum(row[0] or 0 for row in rows), sum(row[1] or 0 for row in rows)


def _numstat(git: Git, a: str, b: str, paths: Sequence[str]) -> list[tuple[int | None, int | None, bytes]]:
    rows = []
    for line in git.lines("diff-tree", "-r", "-z", "--numstat", *_SAFE, a, b, "--", *paths):
        added, removed, path = line.split(b"\t", 2)
        rows.append((None if added == b"-" else int(added), None if removed == b"-" else int(removed), path))
    return rows


def patch(git: Git, a: str, b: str, dest: Path) -> None:
    """`a..b` as a patch that `git apply --binary` gives back byte for byte."""
    git.to_file(dest, "diff-tree", "-r", "-p", "--binary", "--full-index", *_SAFE, a, b)


def log(git: Git, a: str, b: str) -> tuple[Commit, ...]:
    """The commits after `a` up to `b`, oldest first."""
    out = git.run("log", "-z", "--reverse", "--format=%H%n%P%n%T%n%ct%n%B", f"{a}..{b}", "--")
    found = []
    for record in out.decode("utf-8", "backslashreplace").split("\0"):
        if not record:
            continue
        sha, parents, tree, time, message = record.split("\n", 4)
        subject, _, body = message.partition("\n")
        found.append(Commit(sha, parents.partition(" ")[0] or None, tree, float(time), subject, body.strip()))
    return tuple(found)


def bundle(git: Git, base: str, refs: Sequence[str], dest: Path) -> Path | None:
    """What `refs` have beyond `base`, as one file; None, and no file, where they have nothing."""
    if git.text("rev-list", "--count", *refs, "--not", base) == "0":
        dest.unlink(missing_ok=True)
        return None
    temporary = dest.with_name(f".{dest.name}.tmp")
    try:
        git.run("bundle", "create", "-q", str(temporary), *refs, "--not", base)
        temporary.replace(dest)
    finally:
        temporary.unlink(missing_ok=True)
    return dest
