"""Which runs of stages count, where processes were cut off in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ralphbench.model import Event, EventKind
from ralphbench.record import LastingRun, lasting_runs

RESUMED = (EventKind.ATTEMPT_RESUMED, {"process": 2})
BOUNDARY = (EventKind.ITERATION_ENDED, {"state": {}})


def began(stage_id: str) -> tuple[EventKind, dict[str, Any]]:
    return EventKind.STAGE_STARTED, {"stage_id": stage_id}


def ended(stage_id: str, ending: str = "done") -> tuple[EventKind, dict[str, Any]]:
    return EventKind.STAGE_ENDED, {"stage_id": stage_id, "ending": ending}


def runs(*events: tuple[EventKind, dict[str, Any]]) -> dict[str, LastingRun | None]:
    def numbered() -> Iterator[Event]:
        for n, (kind, data) in enumerate(events):
            yield Event(n, float(n), kind, data)

    return lasting_runs(numbered())


def test_of_an_attempt_that_was_never_cut_off_all_count_under_their_own_names() -> None:
    assert runs(
        began("0-plan-1"), ended("0-plan-1"), BOUNDARY, began("1-build-1"), ended("1-build-1", "no_output")
    ) == {
        "0-plan-1": LastingRun("0-plan-1", "done"),
        "1-build-1": LastingRun("1-build-1", "no_output"),
    }


def test_what_was_done_since_the_last_boundary_is_done_anew_under_the_same_names() -> None:
    first = [
        began("0-plan-1"),
        ended("0-plan-1"),
        BOUNDARY,
        began("1-build-1"),
        ended("1-build-1"),
        began("1-verify-1"),
    ]
    again = [began("1-build-2"), ended("1-build-2"), began("1-verify-2"), ended("1-verify-2", "context")]
    assert runs(*first, RESUMED, *again) == {
        "0-plan-1": LastingRun("0-plan-1", "done"),
        "1-build-1": None,
        "1-verify-1": None,
        "1-build-2": LastingRun("1-build-1", "done"),
        "1-verify-2": LastingRun("1-verify-1", "context"),
    }


def test_a_stage_that_was_run_again_by_the_same_process_is_one_of_two() -> None:
    assert runs(began("1-build-1"), ended("1-build-1", "provider_error"), began("1-build-2")) == {
        "1-build-1": LastingRun("1-build-1", "provider_error"),
        "1-build-2": LastingRun("1-build-2"),
    }


def test_an_agents_own_words_are_no_boundary() -> None:
    spoken = (EventKind.AGENT, {"stage_id": "1-build-1", "state": "busy"})
    assert runs(began("1-build-1"), spoken, RESUMED) == {"1-build-1": None}
