#!/usr/bin/env python3
"""How long a run takes to go on with an experiment of which 10,000 cells are done.

    python scripts/bench.d/resume.py [--json] [--quick]

From the start of `ralphbench run` to the start of the one cell that is left, by the journal; beside it the same with one
finished cell. Checks of the target, the agent and the model are in both. The records are made from a real one.
"""

from __future__ import annotations

import dataclasses
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from shared import Row, alternated, course, journal, profiles, run, small_project

if TYPE_CHECKING:
    from support.project import Project

LIMIT = 2.0
CONTENDERS, REPEATS = 73, 137
"""10,001 cells."""
LAST = "p01"


def measure(folder: Path, quick: bool) -> list[Row]:
    contenders, repeats = (10, 101) if quick else (CONTENDERS, REPEATS)
    many = with_finished(folder / "many", contenders, repeats)
    one = with_finished(folder / "one", 1, 2)
    done = contenders * repeats - 1
    ways = {"1 finished cell": lambda: resumed(one, 2), "ours": lambda: resumed(many, repeats)}
    found = alternated(3 if quick else 5, ways)
    ratio = found["ours"] / found["1 finished cell"]
    what = f"resume with {done:,} finished cells to the first new cell, s"
    return [{"what": what, **found, "ratio": ratio, "limit": f"<= {LIMIT:g} s", "met": found["ours"] <= LIMIT}]


def with_finished(root: Path, contenders: int, repeats: int) -> Project:
    """All cells done but the last repeat of the first contender."""
    from ralphbench.model import Cell, codec
    from ralphbench.record import ExperimentFolder, Journal, atomic_write, read_result

    names = [f"p{n:02}" for n in range(1, contenders + 1)]
    project = small_project(root, profiles=names, repeats=repeats)
    profiles(project, names)
    run(project, "--profile", LAST, "--repeats", "1")
    record = ExperimentFolder(project.root / "results", "001-words")
    real = read_result(record.folder(Cell("words", LAST, 1), 1))
    assert real is not None
    entries = Journal(record.journal)
    for repeat in range(1, repeats + 1):
        for name in names:
            cell = Cell("words", name, repeat)
            if (name, repeat) in ((LAST, 1), (LAST, repeats)):
                continue
            folder = record.folder(cell, 1)
            folder.path.mkdir(parents=True)
            atomic_write(folder.result, codec.pretty(dataclasses.replace(real, cell=cell)), fsync=False)
            path = f"{cell.path.as_posix()}/a1"
            entries.append("cell_started", cell=str(cell), attempt=1, path=path, resumed=False)
            entries.append(
                "cell_ended", cell=str(cell), attempt=1, path=path, ending=real.ending, resolved=True, score=1.0
            )
    entries.close()
    return project


def resumed(project: Project, repeats: int) -> float:
    """Seconds; the cell that was run is taken away again."""
    before = len(journal(project))
    began = time.time()
    run(project)
    started = [e["t"] for e in journal(project)[before:] if e["kind"] == "cell_started"]
    if len(started) != 1:
        raise RuntimeError(f"{len(started)} cells were run where one was left")
    shutil.rmtree(project.record / "cells" / "words" / LAST / f"r{repeats}")
    return started[0] - began


if __name__ == "__main__":
    sys.exit(course("resume", __doc__, measure))
