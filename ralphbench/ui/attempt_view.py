"""One attempt, gathered from its record for people to look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ralphbench.model import AttemptResult, AttemptSpec, Call, Event, EventKind, GateResult, Limits, codec
from ralphbench.record import (
    AttemptFolder,
    Damage,
    ExperimentFolder,
    Quarantine,
    and_earlier,
    check_attempt,
    read_calls,
    read_events,
    read_result,
    read_spec,
)
from ralphbench.ui.finding import unequal_in


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
    limits: Limits | None = None
    """What it ran under; None: the record has lost it."""
    unequal_limits: tuple[str, ...] = ()
    """Profiles of its experiment that ran under limits of their own."""
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
        """One attempt of `--json`; see docs/schemas.md."""
        return {
            "path": str(self.folder.path),
            "result": None if self.result is None else codec.builtins(self.result),
            "limits": None if self.limits is None else codec.builtins(self.limits),
            "unequal_limits": list(self.unequal_limits),
            "timeline": codec.builtins(self.steps),
            "tickets": codec.builtins(list(self.tickets.values())),
            "calls": len(self.calls),
            "warnings": list(self.warnings),
            "damages": [str(d) for d in self.damages],
        }


def view_attempt(folder: AttemptFolder) -> AttemptView:
    met, of_all = Quarantine(), Quarantine()
    result = read_result(folder, met)
    # Of a committed attempt every byte is looked at; one that is open may be written to just now.
    checked = None if result is None else check_attempt(folder)
    view = AttemptView(folder, " / ".join(folder.path.parts[-4:]), result)
    spec = read_spec(folder, met)
    view.limits = None if spec is None else spec.limits
    view.unequal_limits = _unequal(folder, spec, result, of_all)
    builder = _Builder(view)
    for event in read_events(folder, met):
        builder.take(event)
    view.calls = read_calls(folder, met)
    view.damages = [*of_all, *(and_earlier(met, folder.path) if checked is None else checked)]
    return view


def _unequal(
    folder: AttemptFolder, spec: AttemptSpec | None, result: AttemptResult | None, quarantine: Quarantine
) -> tuple[str, ...]:
    """As this attempt says of itself, and the experiment's last run of all."""
    path = folder.path.resolve()
    profile, record = path.parts[-3], ExperimentFolder(path.parents[5], path.parts[-6])
    names = set(unequal_in(record.read_lock(quarantine)))
    if (spec is not None and spec.unequal_limits) or (result is not None and result.extra.get("unequal_limits")):
        names.add(profile)
    return tuple(sorted(names))


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
        elif kind == EventKind.TREE_RESTORED:
            self._step(event, "tree restored", f"{data['stage']} had changed {_some(data['paths'], data.get('count'))}")
        elif kind in _STEPS:
            what, form = _STEPS[EventKind(kind)]
            told = _Missing({key: _first_line(value) for key, value in data.items()})
            self._step(
                event,
                what.format_map(told) + _OF.get(str(data.get("what")), ""),
                form.format_map(told),
                fault=kind in (EventKind.FAULT, EventKind.LIMIT),
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


_MOST_PATHS = 50


def _some(paths: list[str], count: int | None) -> str:
    """The first paths, and how many more there are; without a count, all are named in the record."""
    shown = paths[:_MOST_PATHS]
    more = (len(paths) if count is None else count) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _first_line(value: object) -> object:
    """Of a commit's message or an error's text: the timeline has a line for each."""
    return next(iter(value.splitlines()), "") if isinstance(value, str) else value


class _Missing(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"


_OF = {"wip": " (of the work that was cut off)"}
_STEPS = {
    EventKind.ATTEMPT_RESUMED: ("went on", "process {process}, from iteration {iteration}"),
    EventKind.COMMIT: ("commit", "{commit:.10} {message}"),
    EventKind.ROLLBACK: ("rolled back", "to {to:.10}"),
    EventKind.ANSWER_INVALID: ("answer refused", "{stage}: {errors}"),
    EventKind.FAULT: ("fault", "{ending}: {detail}"),
    EventKind.LIMIT: ("limit", "{ending}: {detail}"),
    EventKind.LOOP_ENDED: ("ended", "{ending} {detail}"),
    EventKind.GATE_ENDED: ("gate {id}", "{outcome}: {reason}"),
}
