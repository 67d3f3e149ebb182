"""One attempt, gathered from its record for people to look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ralphbench.errors import RecordError, UnknownName
from ralphbench.model import AttemptResult, AttemptSpec, Call, Event, EventKind, GateResult, codec
from ralphbench.record import (
    AttemptFolder,
    Damage,
    ExperimentFolder,
    Quarantine,
    read_calls,
    read_events,
    read_result,
    read_spec,
)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the timeline; `at` is seconds since the attempt began."""

    at: float
    what: str
    detail: str
    seconds: float | None = None
    fault: bool = False


@dataclass(frozen=True, slots=True)
class TicketView:
    id: str
    title: str
    state: str
    tries: int
    reason: str


@dataclass(slots=True)
class AttemptView:
    folder: AttemptFolder
    title: str
    result: AttemptResult | None
    steps: list[Step] = field(default_factory=list)
    tickets: dict[str, TicketView] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    damages: list[Damage] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def gates(self) -> tuple[GateResult, ...]:
        return () if self.result is None or self.result.verdict is None else self.result.verdict.gates

    def patch(self) -> str:
        """The final patch, as text; undecodable bytes are shown as such."""
        try:
            return self.folder.patch.read_text(encoding="utf-8", errors="backslashreplace")
        except FileNotFoundError:
            return ""

    def paths(self) -> Iterable[tuple[str, Path]]:
        """Where to look further: name and path of what is there."""
        folder = self.folder
        named = {
            "record": folder.path,
            "events": folder.events,
            "calls": folder.calls,
            "prompts": folder.prompts,
            "agent": folder.agent,
            "gate logs": folder.grading,
            "patch": folder.patch,
            "trial log": folder.path / "trial.log",
        }
        return [(name, path) for name, path in named.items() if path.exists()]

    def as_dict(self) -> dict[str, Any]:
        """For `--json`; see docs/schemas.md."""
        return {
            "schema": "ralphbench.attempt/1",
            "path": str(self.folder.path),
            "result": None if self.result is None else codec.builtins(self.result),
            "timeline": codec.builtins(self.steps),
            "tickets": codec.builtins(list(self.tickets.values())),
            "calls": len(self.calls),
            "damages": [str(d) for d in self.damages],
        }


def find_attempts(
    results: Path,
    experiment: str,
    profile: str,
    tasks: tuple[str, ...] = (),
    repeat: int | None = None,
    attempt: int | None = None,
) -> list[AttemptFolder]:
    """The latest attempt (or that number) of each task of a profile, at the first repeat or the one asked for.

    Raises UnknownName for an experiment, profile, task, repeat or attempt that has no record.
    """
    record = experiment_record(results, experiment)
    cells = list(record.cells())
    profiles = tuple(sorted({cell.profile for cell in cells}))
    if profile not in profiles:
        raise UnknownName("profile", profile, profiles, where=str(record.path))
    known = tuple(sorted({cell.task for cell in cells if cell.profile == profile}))
    for task in tasks:
        if task not in known:
            raise UnknownName("task", task, known, where=f"{record.path}, profile {profile}")
    found = []
    for task in tasks or known:
        repeats = sorted(c.repeat for c in cells if c.profile == profile and c.task == task)
        chosen = repeats[0] if repeat is None else repeat
        cell = next((c for c in cells if (c.task, c.profile, c.repeat) == (task, profile, chosen)), None)
        if cell is None:
            raise UnknownName("repeat", str(repeat), tuple(map(str, repeats)), where=f"{task} × {profile}")
        numbers = record.attempts(cell)
        if attempt is not None and attempt not in numbers:
            raise UnknownName("attempt", str(attempt), tuple(map(str, numbers)), where=str(cell))
        found.append(record.folder(cell, numbers[-1] if attempt is None else attempt))
    return found


def told(folder: AttemptFolder) -> AttemptSpec:
    """What the attempt's trial was told. Raises RecordError where that is lost."""
    spec = read_spec(folder)
    if spec is None:
        raise RecordError(f"{folder.path} has no trial.json any more", remedy=f"ls {folder.path}")
    return spec


def experiment_record(results: Path, experiment: str) -> ExperimentFolder:
    """The record of an experiment by name, by its start (`002`) or by path. Raises UnknownName."""
    path = Path(experiment)
    if path.is_dir() and (path / "cells").is_dir():
        return ExperimentFolder(path.parent, path.name)
    names = tuple(sorted(p.name for p in results.iterdir() if (p / "cells").is_dir())) if results.is_dir() else ()
    wanted = path.name if path.is_dir() else experiment
    if wanted in names:
        return ExperimentFolder(results, wanted)
    near = [name for name in names if name.startswith(f"{wanted}-")]
    if len(near) == 1:
        return ExperimentFolder(results, near[0])
    raise UnknownName("record of an experiment", experiment, names, where=str(results))


def view_attempt(folder: AttemptFolder) -> AttemptView:
    quarantine = Quarantine()
    result = read_result(folder, quarantine)
    view = AttemptView(folder, " / ".join(folder.path.parts[-4:]), result)
    builder = _Builder(view)
    for event in read_events(folder, quarantine):
        builder.take(event)
    view.calls = read_calls(folder, quarantine)
    view.damages = list(quarantine)
    return view


class _Builder:
    """Turns events into steps and tickets."""

    def __init__(self, view: AttemptView) -> None:
        self._view = view
        self._began: float | None = None

    def take(self, event: Event) -> None:
        self._began = event.t if self._began is None else self._began
        data, kind = event.data, event.kind
        if kind == EventKind.PLAN_READY:
            for ticket in data["tickets"]:
                self._view.tickets[ticket["id"]] = TicketView(ticket["id"], ticket["title"], ticket["state"], 0, "")
            self._step(event, "plan", f"{len(data['tickets'])} tickets, by {data.get('by') or 'itself'}")
        elif kind == EventKind.TICKET:
            self._ticket(event)
        elif kind == EventKind.STAGE_ENDED:
            where = data["stage"] if data["stage"] == "plan" else f"{data['stage']} (iteration {data['iteration']})"
            ok = data["ending"] == "done"
            detail = data["ending"] if ok else f"{data['ending']}: {data['detail']}"
            self._step(event, where, detail, data["seconds"], fault=not ok)
        elif kind == EventKind.WARNING:
            self._view.warnings.append(str(data["text"]))
        elif kind in _STEPS:
            what, form = _STEPS[EventKind(kind)]
            told = _Missing(data)
            self._step(
                event, what.format_map(told), form.format_map(told), fault=kind in (EventKind.FAULT, EventKind.LIMIT)
            )

    def _ticket(self, event: Event) -> None:
        data = event.data
        old = self._view.tickets.get(data["id"])
        title = str(data.get("title") or (old.title if old else ""))
        rejected = bool(data.get("reason")) and data["now"] == "open" and old is not None
        tries = (old.tries if old else 0) + (1 if rejected or data["now"] == "accepted" else 0)
        self._view.tickets[data["id"]] = TicketView(
            data["id"], title, data["now"], tries, str(data.get("reason") or "")
        )
        what = "rejected" if rejected else data["now"]
        reason = f": {data['reason']}" if data.get("reason") else ""
        self._step(event, f"ticket {data['id']}", f"{what}{reason}", fault=rejected)

    def _step(self, event: Event, what: str, detail: str, seconds: float | None = None, *, fault: bool = False) -> None:
        at = event.t - (self._began or event.t)
        self._view.steps.append(Step(at, what, detail, seconds, fault))


class _Missing(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"


_STEPS = {
    EventKind.ATTEMPT_RESUMED: ("went on", "process {process}, from iteration {iteration}"),
    EventKind.COMMIT: ("commit", "{commit:.10} {message}"),
    EventKind.ROLLBACK: ("rolled back", "to {to:.10}"),
    EventKind.TREE_RESTORED: ("tree restored", "{stage} had changed {paths}"),
    EventKind.ANSWER_INVALID: ("answer refused", "{stage}: {errors}"),
    EventKind.FAULT: ("fault", "{ending}: {detail}"),
    EventKind.LIMIT: ("limit", "{ending}: {detail}"),
    EventKind.LOOP_ENDED: ("ended", "{ending} {detail}"),
    EventKind.GATE_ENDED: ("gate {id}", "{outcome}: {reason}"),
}
