#!/usr/bin/env python3
"""What an attempt's worktree costs beside `git worktree add`, on a repository of 100,000 files.

    python scripts/bench.d/workspace.py [--json] [--files N] [--rounds N] [--folder FOLDER]

The repository is made here: small C files in folders of 50, with one seed, so that every run has the same. Both ways of
making a worktree alternate within one run, so that the ratio holds where figures do not. Nothing is removed before
the last round: for minutes after many files were removed, ext4 passes over each of their inodes when it looks for a
free one, and that would be measured instead (40 s for either way in place of 3). Beside it, without a limit: what the
harness does with such a tree at every stage.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ralphbench.model import Target, Task
from ralphbench.workspace import Mirror, Workspace, prepare_mirror

LIMIT = 1.1


def make_repository(folder: Path, files: int) -> None:
    """A bare repository with one commit on `main`."""
    subprocess.run(["git", "init", "-q", "--bare", str(folder)], check=True)
    feed = subprocess.Popen(["git", f"--git-dir={folder}", "fast-import", "--quiet"], stdin=subprocess.PIPE)
    assert feed.stdin is not None
    feed.stdin.write(b"commit refs/heads/main\ncommitter bench <bench@localhost> 946684800 +0000\ndata 4\nbase\n")
    for path, text in sources(files):
        feed.stdin.write(b"M 100644 inline %b\ndata %d\n%b" % (path, len(text), text))
    feed.stdin.close()
    if feed.wait() != 0:
        raise SystemExit("git fast-import failed")


def sources(files: int) -> Iterator[tuple[bytes, bytes]]:
    """Paths and texts: 200 bytes to 2 kB a file."""
    dice = random.Random(1)
    for n in range(files):
        lines = (b"static int v%06d = %d;\n" % (dice.randrange(10**6), dice.randrange(10**9)) for _ in range(60))
        text = b"".join(line for line, _ in zip(lines, range(dice.randrange(7, 60)), strict=False))
        yield b"part%02d/unit%02d/file%06d.c" % (n // 2000, n // 50 % 40, n), text


def timed(action: Callable[[], object]) -> float:
    """Seconds."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def measure(folder: Path, files: int, rounds: int) -> list[dict[str, Any]]:
    repository = folder / "repo.git"
    make_repository(repository, files)
    task = Task("bench", folder, "", "", Target(repo=str(repository), base="main"), ())
    first_read = timed(lambda: prepare_mirror(task, folder / "cache"))
    mirror = prepare_mirror(task, folder / "cache")
    baseline: list[float] = []
    created: list[float] = []
    steps: dict[str, list[float]] = {}
    for n in range(rounds):
        plain, ours = folder / f"plain{n}", folder / f"ours{n}"
        ways: list[tuple[list[float], Callable[[], object]]] = [
            (baseline, partial(add_worktree, repository, plain)),
            (created, partial(Workspace.create, ours, mirror, "exp/bench/a1")),
        ]
        for times, way in ways if n % 2 == 0 else ways[::-1]:
            os.sync()  # what was written before is written out first, so that neither waits for the other's pages
            times.append(timed(way))
        work(Workspace.open(ours), mirror, steps)
    return rows(files, baseline, created, steps, first_read)


def add_worktree(repository: Path, dest: Path) -> None:
    subprocess.run(
        ["git", f"--git-dir={repository}", "worktree", "add", "-q", "--detach", str(dest), "main"], check=True
    )


def work(workspace: Workspace, mirror: Mirror, steps: dict[str, list[float]]) -> None:
    """What a build and a rejection ask of the harness."""
    steps.setdefault("tree, nothing changed", []).append(timed(workspace.tree))
    (workspace.worktree / "new.c").write_text("int new;\n", encoding="utf-8")
    steps.setdefault("commit of one file", []).append(timed(lambda: workspace.commit("one file")))
    steps.setdefault("restore", []).append(timed(lambda: workspace.restore(mirror.base)))


def rows(
    files: int, baseline: list[float], created: list[float], steps: dict[str, list[float]], first_read: float
) -> list[dict[str, Any]]:
    """Medians, in seconds; the ratio is the median of the rounds' own."""
    git, mine = statistics.median(baseline), statistics.median(created)
    ratio = statistics.median(b / a for a, b in zip(baseline, created, strict=True))
    found: list[dict[str, Any]] = [
        {
            "what": f"a worktree of a {files:,}-file repository, seconds",
            "git worktree add": git,
            "ours": mine,
            "ratio": ratio,
            "limit": f"<= {LIMIT} x git worktree add",
            "met": ratio <= LIMIT,
        }
    ]
    told = {"first read of the target": [first_read], **steps}
    for what, times in told.items():
        found.append({"what": f"{what}, seconds", "ours": statistics.median(times), "limit": "none", "met": True})
    return found


def show(found: list[dict[str, Any]]) -> None:
    for row in found:
        figures = ", ".join(f"{k} {v:.2f}" for k, v in row.items() if isinstance(v, float))
        print(f"{'ok ' if row['met'] else 'NOT'} {row['what']}: {figures} ({row['limit']})")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--files", type=int, default=100_000, help="files in the repository (100,000)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each way is timed (5)")
    parser.add_argument("--quick", action="store_true", help="2 rounds")
    parser.add_argument("--folder", type=Path, help="where to work; its file system is what is measured")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a time limit, too, leaves nothing behind
    folder = Path(tempfile.mkdtemp(prefix="ralphbench-bench-", dir=options.folder))
    try:
        found = measure(folder, options.files, 2 if options.quick else options.rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        print(json.dumps({"bench": "workspace", "cpus": os.cpu_count(), "rows": found}))
    else:
        show(found)
    return 0 if all(row["met"] for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
