#!/usr/bin/env python3
"""What `scripts/bench` runs: the courses one after the other, and their rows as one table.

Rows: startup, gateway, attempt, workspace, resume, memory, frames. The exit status is 1 where a bound is missed, 2 where a
course could not be run.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import table
from shared import ROOT, cache_folder

HERE = Path(__file__).resolve().parent
SCHEMA = "ralphbench.bench/1"
COURSES = ("startup", "gateway", "attempt", "workspace", "resume", "memory", "frames")


def main() -> int:
    options = arguments()
    machine = described(sys.argv[1:])
    say = sys.stdout if not (options.json or options.markdown) else sys.stderr
    print("\n".join(f"{key}: {value}" for key, value in machine.items()), file=say, flush=True)
    rows: list[dict[str, Any]] = []
    failed: list[str] = []
    for course in options.rows or COURSES:
        began, load = time.monotonic(), os.getloadavg()[0]
        found = run(course, quick=options.quick)
        if found is None:
            failed.append(course)
            continue
        took = time.monotonic() - began
        print(f"\n{course} ({took:.0f} s; load {load:.1f} before, {os.getloadavg()[0]:.1f} after)", file=say)
        for row in found:
            print(table.plain(row), file=say, flush=True)
        rows += [{"row": course, **row} for row in found]
    machine["load_at_end"] = f"{os.getloadavg()[0]:.1f}"
    if options.json:
        print(json.dumps(document(machine, rows, failed), indent=2))
    elif options.markdown:
        print(headed(machine) + table.markdown(rows), end="")
    if failed:
        print(f"\ncould not be run: {', '.join(failed)}", file=sys.stderr)
        return 2
    return 1 if any(row["met"] is False for row in rows) else 0


def document(machine: dict[str, str], rows: list[dict[str, Any]], failed: list[str]) -> dict[str, Any]:
    """What `--json` prints; docs/schemas.md describes it."""
    return {"schema": SCHEMA, "bench": "all", "machine": machine, "rows": rows, "failed": failed}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Every bound beside what it is measured against."
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"which of {', '.join(COURSES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller loads")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object on standard output")
    form.add_argument("--markdown", action="store_true", help="a table for docs/performance.md on standard output")
    options = parser.parse_args()
    if unknown := [row for row in options.rows if row not in COURSES]:
        parser.error(f"there is no row {unknown[0]!r}; rows are {', '.join(COURSES)}")
    return options


def described(arguments: list[str]) -> dict[str, str]:
    """What the figures belong to."""
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    return {
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC",
        "command": " ".join(["scripts/bench", *arguments]),
        "commit": commit.stdout.strip() or "unknown",
        "machine": f"{os.cpu_count()} cores of {processor()}, {memory:.0f} GB, load {os.getloadavg()[0]:.1f} at start",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
    }


def processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def headed(machine: dict[str, str]) -> str:
    return (
        f"`{machine['command']}` at {machine['commit']}, {machine['date']}; {machine['machine']}"
        f" and {machine['load_at_end']} at end; {machine['system']}.\n\n"
    )


def run(course: str, *, quick: bool) -> list[dict[str, Any]] | None:
    """A course's rows; None where it failed, and then it has said why."""
    argv = [sys.executable, str(HERE / f"{course}.py"), "--json", *(["--quick"] if quick else [])]
    if course == "gateway" and (peer := litellm()) is not None:
        argv += ["--litellm", str(peer)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=False)
    try:
        rows: list[dict[str, Any]] = json.loads(done.stdout)["rows"]
    except (ValueError, KeyError):
        print(f"{course}: ended with {done.returncode} and no figures", file=sys.stderr)
        return None
    return rows


def litellm() -> Path | None:
    """An environment of its own that holds the LiteLLM proxy, made once; None where it cannot be had."""
    import gateway

    place = cache_folder() / gateway.LITELLM.replace("[proxy]==", "-")
    ready = place / ".ready"
    if ready.exists():
        return place
    print(f"== installing {gateway.LITELLM} into {place}", file=sys.stderr)
    shutil.rmtree(place, ignore_errors=True)
    try:
        gateway.install_litellm(place)
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"the LiteLLM proxy cannot be had and is left out: {error}", file=sys.stderr)
        return None
    ready.touch()
    return place


if __name__ == "__main__":
    sys.exit(main())
