from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType

from ralphbench.cli import attempt_tables as tables
from ralphbench.model import Call, CallEnded, CallStarted, Usage
from ralphbench.record import AttemptFolder
from ralphbench.ui import AttemptView


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
    table = tables.call_summary(view(call(1, usage=Usage(input=10, output=5)), call(2, status=400, error="overflow")))
    assert cells(table, "build") == ["build", "2", "10", "5", "0", "0", "0", "1"]


def test_unequal_limits_are_told_also_while_the_attempt_runs() -> None:
    running = view()
    running.unequal_limits = ("p",)
    assert any(line.startswith("warning     UNEQUAL LIMITS") for line in tables.summary_lines(running))
