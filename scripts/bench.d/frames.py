#!/usr/bin/env python3
"""How long the analysis takes to make frames of 100,000 results, beside ways that check nothing.

    python scripts/bench.d/frames.py [--json] [--quick]

The tree of results is made once and kept in the user's cache; all ways read it from memory (the page cache), in a process of
their own, with their libraries loaded before the clock starts. The naive way decodes every file and hands the list to
pandas: no types, no checks, one frame of nested values where ours are four flat ones. Beside the derived Parquet stands
pandas.read_parquet of the same four files: it does not ask whether they still are what the results say.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from shared import Row, alternated, cache_folder, course

LIMIT, DERIVED_LIMIT = 1.5, 0.2
"""Seconds for 100,000 results."""
FORM = 2
"""Of the generated tree: another number makes it anew."""
ORJSON = "orjson==3.11.9"
OURS = """\
import sys, time, pathlib
import pandas
try:
    import pyarrow.parquet
except ImportError:
    pass
from ralphbench.analysis import frames
frames.load([])
if OPTIONS.get("derive", True) and not OPTIONS.get("rebuild"):
    frames.read_listed = None  # the results themselves must not be read
began = time.perf_counter()
found = frames.load([pathlib.Path(sys.argv[1])], **OPTIONS)
seconds = time.perf_counter() - began
assert not found.damages
print(len(found.attempts), seconds)
"""
READ_PARQUET = """\
import pathlib, sys, time
import pandas, pyarrow.parquet
began = time.perf_counter()
frames = {path.stem: pandas.read_parquet(path) for path in pathlib.Path(sys.argv[1], "derived").glob("*.parquet")}
print(len(frames["attempts"]), time.perf_counter() - began)
"""
NAIVE = """\
import os, sys, time
try:
    from orjson import loads
except ImportError:
    from msgspec.json import decode as loads
import pandas
began = time.perf_counter()
rows = []
for folder, _, names in os.walk(sys.argv[1] + "/cells"):
    if "result.json" in names:
        with open(folder + "/result.json", "rb") as file:
            rows.append(loads(file.read()))
frame = pandas.DataFrame(rows)
print(len(frame), time.perf_counter() - began)
"""


def measure(folder: Path, quick: bool) -> list[Row]:
    count = 10_000 if quick else 100_000
    tree = results(count)
    peer = orjson()
    name = "orjson + pandas" if peer else "msgspec + pandas, untyped"
    ways = {name: lambda: timed(NAIVE, tree, count, peer), "ours": lambda: timed(ours(derive=False), tree, count)}
    alternated(1, ways)  # the files are in memory before the clock counts
    found = alternated(3, ways)
    size = (tree / "cells" / "task0" / "profile0" / "r1" / "a1" / "result.json").stat().st_size
    what = f"frames from {count:,} results of {size / 1000:.1f} kB, s"
    return [row(what, found, name, LIMIT), *derived(tree, count)]


def derived(tree: Path, count: int) -> list[Row]:
    """Made anew first: what lies in the cache may be of another version."""
    if importlib.util.find_spec("pyarrow") is None:
        return [
            {"what": "- from the derived Parquet, s", "ours": None, "limit": "pyarrow is not installed", "met": None}
        ]
    written = timed(ours(rebuild=True), tree, count)
    ways = {
        "pandas.read_parquet": lambda: timed(READ_PARQUET, tree, count),
        "ours": lambda: timed(ours(), tree, count),
    }
    alternated(1, ways)
    return [
        row("- from the derived Parquet, s", alternated(5, ways), "pandas.read_parquet", DERIVED_LIMIT),
        {"what": "- from the results, and the Parquet written, s", "ours": written, "limit": "none", "met": None},
    ]


def row(what: str, found: dict[str, float], baseline: str, limit: float) -> Row:
    ratio = found["ours"] / found[baseline]
    return {"what": what, **found, "ratio": ratio, "limit": f"<= {limit:g} s", "met": found["ours"] <= limit}


def ours(**options: bool) -> str:
    return f"OPTIONS = {options}\n{OURS}"


def timed(code: str, tree: Path, count: int, path: Path | None = None) -> float:
    environment = None if path is None else {"PYTHONPATH": str(path)}
    argv = [sys.executable, "-c", code, str(tree)]
    told = subprocess.run(argv, check=True, capture_output=True, text=True, env=environment).stdout.split()
    if int(told[0]) != count:
        raise RuntimeError(f"{told[0]} of {count} results were read")
    return float(told[1])


def orjson() -> Path | None:
    """A folder that holds it and nothing else; None where it cannot be had."""
    place = cache_folder() / ORJSON.replace("==", "-")
    if place.is_dir():
        return place
    making = place.with_name(place.name + ".new")
    argv = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(making), ORJSON]
    if subprocess.run(argv, stdout=sys.stderr, check=False).returncode != 0:
        shutil.rmtree(making, ignore_errors=True)
        return None
    return making.rename(place)


def results(count: int) -> Path:
    """A record of so many attempts: 10 tasks, 10 contenders, each as often as it takes."""
    from ralphbench.model import RECORD_VERSION, Cell, codec
    from ralphbench.record import ExperimentFolder, atomic_write

    place = cache_folder() / f"results-{count}-{RECORD_VERSION}.{FORM}"
    if place.is_dir():
        return place
    making = place.with_name(place.name + ".new")
    shutil.rmtree(making, ignore_errors=True)
    record = ExperimentFolder(making.parent, making.name)
    result = one_result()
    for n in range(count):
        cell = Cell(f"task{n % 10}", f"profile{n // 10 % 10}", n // 100 + 1)
        attempt = record.folder(cell, 1)
        attempt.path.mkdir(parents=True)
        made = dataclasses.replace(result, cell=cell, experiment=place.name)
        atomic_write(attempt.result, codec.dumps(made), fsync=False)
    return making.rename(place)


def one_result():  # type: ignore[no-untyped-def]  # of a type that is loaded only here
    """As small as a real one gets: one goal, one stage name."""
    from ralphbench.model import (
        AttemptResult,
        Cell,
        Ending,
        GateKind,
        GateOutcome,
        GateResult,
        Spent,
        StageSums,
        Times,
        Verdict,
        Work,
    )  # fmt: skip

    gate = GateResult("g", GateKind.GOAL, GateOutcome.PASS, "exit 0", 1.0, None, 0, 0.5)
    stage = StageSums(2, 2, 10.5, 4.25, 1.5, 3, 3, 1000, 200, 50, 0, 0, 1200, 0.0, 0, 0, 0, {"done": 2})
    return AttemptResult(
        experiment="bench",
        cell=Cell("t", "p", 1),
        number=1,
        identity="0" * 64,
        ending=Ending.COMPLETED,
        stage=None,
        cause=None,
        detail="",
        verdict=Verdict(True, 1.0, (gate,), claimed={"task": True}),
        wip_verdict=None,
        base="0" * 40,
        commit="1" * 40,
        work=Work(2, 3, 2, 0, 1, 0, 0, 0, 2, 4, 30, 5),
        times=Times(20.5, 18.25, 4.5, 1.5, 1.25, 2.5, 0.5, 0.0, 0.25, 3.5),
        spent=Spent(18.25, 3, 1000, 200, 0.0),
        stages={"build": stage},
        started="2026-01-01T00:00:00+00:00",
        ended="2026-01-01T00:00:20+00:00",
    )


if __name__ == "__main__":
    sys.exit(course("frames", __doc__, measure))
