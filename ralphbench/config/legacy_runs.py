"""The predecessor's ledgers, `runs.jsonl` and `iterations.jsonl`, as results of ours, marked as imported.

What it did not record is None here. Its own counts are taken with care: `tasks.total` leaves out what was accepted, "API calls"
are stage runs, a cost of zero with remote calls is a subscription's, and whether a model is local is told anew by its name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ralphbench.config.legacy_conf import ImportReport
from ralphbench.config.legacy_rows import result_of
from ralphbench.config.names import as_name, name_problem
from ralphbench.errors import ConfigError, UnknownName, UsageError
from ralphbench.model import AttemptResult, Cell
from ralphbench.record import ExperimentFolder, read_result, write_result


@dataclass(frozen=True, slots=True)
class OldRuns:
    """What the ledgers gave, and every line that they could not give."""

    results: tuple[AttemptResult, ...]
    lost: tuple[str, ...]


def import_runs(
    runs: Path,
    iterations: Path | None = None,
    *,
    results: Path,
    experiment: str,
    spec: str | None = None,
    profiles: Sequence[str] | None = None,
) -> ImportReport:
    """Put the runs of two ledgers into the record `results/<experiment>/`; `read_runs` says what is made of them.

    Runs that are there already are left alone, so that a longer ledger can be imported again. Raises ConfigError, UsageError,
    DiskError.
    """
    problem = name_problem(experiment)
    if problem:
        raise UsageError(f"the experiment's name: {problem}")
    found = read_runs(runs, iterations, experiment=experiment, spec=spec, profiles=profiles)
    written = write_imported(found.results, results, experiment)
    carried = [f"{len(written)} runs, marked as imported"]
    if len(written) < len(found.results):
        carried.append(f"{len(found.results) - len(written)} runs were there already")
    return ImportReport(experiment, written, tuple(carried), found.lost)


def read_runs(
    runs: Path,
    iterations: Path | None = None,
    *,
    experiment: str,
    spec: str | None = None,
    profiles: Sequence[str] | None = None,
) -> OldRuns:
    """Results of every run in `runs`, oldest first; with `spec` and `profiles` only of those.

    The ledgers hold the runs of every experiment of their machine, hence the two filters; what they leave out is counted in
    `lost`, as is every torn line. Raises ConfigError where a file cannot be read at all, UnknownName for a spec or a profile
    that no run is of.
    """
    lost: list[str] = []
    by_run: dict[str, list[dict[str, Any]]] = {}
    for _, row in _rows(iterations, lost) if iterations is not None else ():
        by_run.setdefault(str(row.get("run_id")), []).append(row)
    rows = sorted(_rows(runs, lost), key=lambda item: str(item[1].get("started_at") or ""))
    _check_known(runs, [row for _, row in rows], spec, profiles)
    results: list[AttemptResult] = []
    skipped = 0
    for line, row in rows:
        name = _task_name(row)
        if (spec is not None and name != _task_name({"spec": spec})) or (
            profiles is not None and row.get("profile") not in profiles
        ):
            skipped += 1
            continue
        cell, number = _place(name, row, results)
        try:
            results.append(result_of(row, by_run.pop(str(row.get("run_id")), []), experiment, cell, number))
        except ValueError as error:
            lost.append(f"{runs}:{line}: left out: {error}")
    if skipped:
        lost.append(f"{runs}: {skipped} runs left out: of another spec or profile")
    if by_run and not skipped:
        lost.append(f"{iterations}: stage rows of {len(by_run)} runs that died before they wrote a row of their own")
    return OldRuns(tuple(results), tuple(lost))


def write_imported(results: Iterable[AttemptResult], root: Path, experiment: str) -> tuple[Path, ...]:
    """Write results into the record `root/<experiment>`; runs that are there already are left as they are.

    Where another attempt lies in the place of one of them, the runs of that task and profile become further repeats, behind
    those that are there. Raises DiskError.
    """
    folder = ExperimentFolder(root, experiment).create()
    there = {(cell, n): read_result(folder.folder(cell, n)) for cell in folder.cells() for n in folder.attempts(cell)}
    known = {old.extra.get("run_id") for old in there.values() if old is not None and old.imported}
    written: list[Path] = []
    groups: dict[tuple[str, str], list[AttemptResult]] = {}
    for result in results:
        if result.extra["run_id"] not in known:
            groups.setdefault((result.cell.task, result.cell.profile), []).append(result)
    for (task, profile), group in groups.items():
        shift = 0
        if any((result.cell, result.number) in there for result in group):
            last = max(cell.repeat for cell, _ in there if (cell.task, cell.profile) == (task, profile))
            shift = last + 1 - group[0].cell.repeat
        for result in group:
            moved = replace(result, cell=replace(result.cell, repeat=result.cell.repeat + shift))
            attempt = folder.folder(moved.cell, moved.number).create()
            write_result(attempt, moved)
            written.append(attempt.result)
    return tuple(written)


def _rows(file: Path, lost: list[str]) -> list[tuple[int, dict[str, Any]]]:
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=file) from error
    found: list[tuple[int, dict[str, Any]]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            lost.append(f"{file}:{number}: left out: not JSON ({error})")
            continue
        if isinstance(row, dict):
            found.append((number, row))
        else:
            lost.append(f"{file}:{number}: left out: no object")
    return found


def _check_known(
    runs: Path, rows: Sequence[Mapping[str, Any]], spec: str | None, profiles: Sequence[str] | None
) -> None:
    specs = tuple(sorted({_task_name(row) for row in rows}))
    if spec is not None and _task_name({"spec": spec}) not in specs:
        raise UnknownName("run of the spec", spec, specs, where=str(runs))
    known = tuple(sorted({str(row.get("profile")) for row in rows}))
    for profile in profiles or ():
        if profile not in known:
            raise UnknownName("run of the profile", profile, known, where=str(runs))


def _task_name(row: Mapping[str, Any]) -> str:
    return as_name(Path(str(row.get("spec") or "unknown")).stem or "unknown")


def _place(task: str, row: Mapping[str, Any], before: Sequence[AttemptResult]) -> tuple[Cell, int]:
    """A run after a void one is another attempt at the same cell; after any other it is a repeat."""
    profile = as_name(str(row.get("profile") or "default"))
    mine = [result for result in before if (result.cell.task, result.cell.profile) == (task, profile)]
    if not mine:
        return Cell(task, profile, 1), 1
    last = mine[-1]
    if last.ending.void:
        return last.cell, last.number + 1
    return Cell(task, profile, last.cell.repeat + 1), 1
