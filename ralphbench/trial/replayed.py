"""What becomes of a replayed attempt's differences from its record: warnings among its own events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from ralphbench.model import AttemptSpec, Stage
from ralphbench.record import AttemptFolder, lasting_runs, read_calls, read_events

_MOST = 5
"""Differences of one stage that are written down; of the others how many they are. After the first they mostly follow."""


def stage_warnings(stage_id: str, differences: Sequence[str]) -> Iterator[str]:
    """`differences`: as the gateway gave them out when the stage was closed."""
    for text in differences[:_MOST]:
        yield f"replay: {text}"
    if len(differences) > _MOST:
        yield f"replay: and {len(differences) - _MOST} more differences in stage {stage_id}"


def stages_not_run(spec: AttemptSpec, folder: AttemptFolder) -> Iterator[str]:
    """Recorded stages that the loop had no need of, a warning for each record. Once the loop is over."""
    by_record: dict[str, set[Stage]] = {}
    for stage, model in spec.profile.stages.items():
        endpoint = spec.endpoints[model.model.endpoint]
        if endpoint.kind == "replay" and endpoint.script is not None:
            by_record.setdefault(endpoint.script, set()).add(stage)
    for record, stages in by_record.items():
        missing = _recorded(AttemptFolder(Path(record)), stages)
        for run in lasting_runs(read_events(folder)).values():
            if run is not None:
                missing.pop(run.name, None)
        if missing:
            calls = missing.total()
            yield f"replay: the loop ended before its record did: {', '.join(missing)} ({calls} calls) were not run"


def _recorded(folder: AttemptFolder, stages: set[Stage]) -> Counter[str]:
    """Calls by the name of their stage's run, of stages that are replayed."""
    runs = lasting_runs(read_events(folder))
    found: Counter[str] = Counter()
    for call in read_calls(folder):
        run = runs.get(call.started.stage_id)
        if run is not None and call.started.stage in stages:
            found[run.name] += 1
    return found
