"""Which runs of stages an attempt's outcome rests on. What a process did after its last boundary is done anew by the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ralphbench.model import Event, EventKind

_NO_BOUNDARY = (EventKind.AGENT, EventKind.LOOP_ENDED)


@dataclass(frozen=True, slots=True)
class LastingRun:
    """A run of a stage that was not done anew."""

    name: str
    """`<iteration>-<stage>-<n>`, counted as if the attempt had never been cut off."""
    ending: str | None = None
    """None: it is running, or its end was not written."""


def lasting_runs(events: Iterable[Event]) -> dict[str, LastingRun | None]:
    """By stage id, in the order in which they began. None: that one was done anew."""
    runs: dict[str, LastingRun | None] = {}
    since_boundary: list[str] = []
    counts: Counter[str] = Counter()
    for event in events:
        data, stage_id = event.data, str(event.data.get("stage_id"))
        if event.kind == EventKind.STAGE_STARTED:
            key = _key(stage_id)
            counts[key] += 1
            runs[stage_id] = LastingRun(f"{key}-{counts[key]}")
            since_boundary.append(stage_id)
        elif event.kind == EventKind.STAGE_ENDED and (run := runs.get(stage_id)) is not None:
            runs[stage_id] = replace(run, ending=str(data.get("ending")))
        elif event.kind == EventKind.ATTEMPT_RESUMED:
            for undone in since_boundary:
                runs[undone] = None
                counts[_key(undone)] -= 1
            since_boundary.clear()
        elif "state" in data and event.kind not in _NO_BOUNDARY:
            since_boundary.clear()
    return runs


def _key(stage_id: str) -> str:
    """`<iteration>-<stage>` of a stage id."""
    return stage_id.rpartition("-")[0]
