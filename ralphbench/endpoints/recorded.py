"""A recorded attempt's calls, ready to be found again: by stage, parent session and ordinal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ralphbench.endpoints.differences import compare
from ralphbench.endpoints.recorded_answers import Recorded, answer_of
from ralphbench.errors import RecordError
from ralphbench.model import Call, codec
from ralphbench.record import AttemptFolder, BodyStore, LastingRun, lasting_runs, read_calls, read_events


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call stands in an attempt. `parent` counts the parent sessions of a stage from 0; None: the stage's own."""

    stage: str
    """The stage's id, counted as if no run of it had been done anew; or its name where the asking side tells no id."""
    parent: int | None
    ordinal: int


class RecordedAttempt:
    """Raises RecordError where the folder holds no calls."""

    def __init__(self, folder: Path) -> None:
        self._paths = AttemptFolder(folder)
        if not self._paths.calls.is_file():
            raise RecordError(
                f"{folder} is not a recorded attempt: it has no {self._paths.calls.name}",
                remedy="name an attempt's folder: results/<experiment>/cells/<task>/<profile>/r1/a1",
            )
        self.folder = folder
        self.all_calls = read_calls(self._paths)
        if not self.all_calls:
            raise RecordError(f"{self._paths.calls} holds no call: there is nothing to replay")
        self._bodies = BodyStore(self._paths.bodies)

    @property
    def models(self) -> tuple[str, ...]:
        """Wire names, in the order in which they were first asked for."""
        return tuple(dict.fromkeys(call.started.wire for call in self.all_calls))

    def calls_through(self, endpoint: str) -> list[Call]:
        """Those that went through an endpoint of this name; all of them where none did."""
        return [call for call in self.all_calls if call.started.endpoint == endpoint] or self.all_calls

    @cached_property
    def calls(self) -> list[Call]:
        """The calls that count: without those of stages that were cut off and done anew."""
        undone = {stage_id for stage_id, run in self._runs.items() if run is None}
        return [call for call in self.all_calls if call.started.stage_id not in undone]

    def calls_in(self, stage: str) -> list[Call]:
        """The calls of one run of a stage, sub-agents' included; `stage` as in Place."""
        return self._stages.get(stage, [])

    def count(self, place: Place) -> int:
        """Calls recorded of that stage and parent session."""
        return len(self._groups.get((place.stage, place.parent), ()))

    def ending(self, stage: str) -> str | None:
        """How that run of a stage ended. None: not known, or there was none."""
        return next((run.ending for run in self._runs.values() if run is not None and run.name == stage), None)

    def find(self, place: Place, asked: Mapping[str, Any], used: set[str]) -> Call | None:
        """The call at a place. Sub-agents of one parent run at once and swap places from run to run: of theirs, one that
        was not served yet and asks the same is taken before the one of that number.
        """
        group = self._groups.get((place.stage, place.parent), [])
        at = group[place.ordinal] if place.ordinal < len(group) else None
        if place.parent is None or (
            at is not None and at.started.id not in used and not compare(self.request(at), asked)
        ):
            return at
        same = (c for c in group if c.started.id not in used and not compare(self.request(c), asked))
        return next(same, at)

    def request(self, call: Call) -> Mapping[str, Any]:
        """What was asked then; empty where it was not kept."""
        if call.started.request is None:
            return {}
        value = codec.loads_any(self._bodies.read(call.started.request))
        return value if isinstance(value, dict) else {}

    def answer(self, call: Call) -> Recorded:
        """What was answered then."""
        response = None if call.ended is None else call.ended.response
        return answer_of(call, None if response is None else self._bodies.read(response))

    @cached_property
    def _runs(self) -> dict[str, LastingRun | None]:
        return lasting_runs(read_events(self._paths))

    def _name(self, call: Call) -> str:
        run = self._runs.get(call.started.stage_id)
        return call.started.stage_id if run is None else run.name

    @cached_property
    def _stages(self) -> dict[str, list[Call]]:
        found: dict[str, list[Call]] = {}
        for call in self.calls:
            found.setdefault(self._name(call), []).append(call)
        return found

    @cached_property
    def _groups(self) -> dict[tuple[str, int | None], list[Call]]:
        parents: dict[str, dict[str, int]] = {}
        groups: dict[tuple[str, int | None], list[Call]] = {}
        for call in self.calls:
            started = call.started
            for stage in (self._name(call), started.stage):
                known = parents.setdefault(stage, {})
                parent = None
                if started.parent_session is not None:
                    parent = known.setdefault(started.parent_session, len(known))
                groups.setdefault((stage, parent), []).append(call)
        return groups
