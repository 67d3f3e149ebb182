from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType
from support.results import result

from ralphbench import model
from ralphbench.cli import attempt_tables as tables
from ralphbench.model import (
    Call,
    CallEnded,
    CallStarted,
    GateKind,
    GateOutcome,
    GateResult,
    Usage,
    Verdict,
)
from ralphbench.record import AttemptFolder
from ralphbench.ui import AttemptView
from ralphbench.ui.attempt_view import Step, TicketView


def printed(part: RenderableType, width: int = 180) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(part)
    return out.getvalue()


def call(number: int, stage: str = "build", **ended: Any) -> Call:
    started = CallStarted(
        f"c{number}", "x", stage, "s", 1, 0.0, "chat", "b", "m", "m", local=True, stream=True, estimate=1
    )
    return Call(started, CallEnded(f"c{number}", 1.0, **{"status": 200, **ended}) if ended else None)


def cells(part: RenderableType, first: str) -> list[str]:
    """The row that begins so."""
    rows = [line.strip("│").split("│") for line in printed(part).splitlines()]
    (row,) = [row for row in rows if row[0].strip() == first]
    return [cell.strip() for cell in row]


def view(*calls: Call) -> AttemptView:
    return AttemptView(AttemptFolder(Path("a1")), "t / p / r1 / a1", None, calls=list(calls))


def test_the_calls_of_a_stage_are_summed() -> None:
    used = Usage(input=10, output=5)
    table = tables.call_summary(view(call(1, usage=used, retries=2), call(2, usage=used, mends=("x",), truncated=True)))
    assert cells(table, "build") == ["build", "2", "20", "10", "2", "1", "1", "0"]


def test_what_a_call_without_an_end_has_used_is_unknown() -> None:
    table = tables.call_summary(view(call(1, usage=Usage(input=10, output=5)), call(2)))
    assert cells(table, "build") == ["build", "2", "?", "?", "0", "0", "0", "1"]


def test_a_call_that_was_refused_has_used_nothing() -> None:
    table = tables.call_summary(
        view(call(1, usage=Usage(input=10, output=5)), call(2, status=400, server_status=400, error="overflow"))
    )
    assert cells(table, "build") == ["build", "2", "10", "5", "0", "0", "0", "1"]


def test_unequal_limits_are_told_also_while_the_attempt_runs() -> None:
    running = view()
    running.unequal_limits = ("p",)
    assert any(line.startswith("warning     UNEQUAL LIMITS") for line in tables.summary_lines(running))


@pytest.mark.parametrize("width", [80, 100, 180])
def test_tables_fit_the_terminal_and_keep_their_figures_whole(width: int) -> None:
    long = "a word of the reviewer's that goes on and on\nand on in a second line"
    shown = view(
        call(1, "10-investigate-2", usage=Usage(input=123_456, output=12_345), cost=12.34, mends=("no_finish",))
    )
    shown.steps = [Step(3600.0, "build (iteration 17)", long, 7200.0)]
    shown.tickets = {"t1": TicketView("t1", long, "already_satisfied", 3, long)}
    counts = model.TestCounts(123, 120, 3, 0)
    gate = GateResult(
        "a-gate-of-the-task", GateKind.GOAL, GateOutcome.FAIL, long, 1.0, None, 1, 83.0, counts, "grading/g.log"
    )
    shown.result = result(verdict=Verdict(False, 0.0, (gate,)))
    parts = (tables.timeline, tables.tickets, tables.gates, tables.call_summary, tables.call_table)
    texts = {part.__name__: printed(part(shown), width) for part in parts}
    assert max(cell_len(line) for text in texts.values() for line in text.splitlines()) <= width
    for name, figures in {
        "timeline": ("1h00m", "2h00m"),
        "tickets": ("3",),
        "gates": ("120/123", "1m23s"),
        "call_summary": ("123k", "12.3k"),
        "call_table": ("123k", "12.3k", "$12.34"),
    }.items():
        assert all(figure in texts[name] for figure in figures), texts[name]
