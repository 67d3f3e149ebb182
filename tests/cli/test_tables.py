"""Every column that is printed is explained: the main table in the README, the others in docs/tables.md."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from support.docs import TOP, section, tables

from ralphbench.cli import attempt_tables, comparison, further_tables, live, smoke
from ralphbench.cli.fitting import Fitted
from ralphbench.model import Ending, TicketState
from ralphbench.record import AttemptFolder
from ralphbench.ui import AttemptView

VIEW = AttemptView(AttemptFolder(Path("a1")), "t / p / r1 / a1", None)
FILE = "docs/tables.md"


def names(columns: Iterable[object]) -> list[str]:
    return [name for column in columns if (name := str(getattr(column, "name", "")))]


def of(table: Fitted) -> list[str]:
    return names(table.columns)


@pytest.mark.parametrize(
    ("heading", "printed"),
    [
        ("`ralphbench run`, while it runs", of(live.live_table([], 0))),
        ("`ralphbench run --smoke`", names(smoke._COLUMNS)),
        ("`ralphbench run --dry-run`", ["key", "value", "from"]),
        ("by stage", of(further_tables.stage_table([]))),
        ("time, mean of an attempt", names(further_tables.TIME)),
        ("calls and quota", names(further_tables.QUOTA)),
        ("tokens", names(further_tables.TOKENS)),
        ("tickets and code", names(further_tables.WORK)),
        ("timeline", of(attempt_tables.timeline(VIEW))),
        ("tickets", of(attempt_tables.tickets(VIEW))),
        ("gates", of(attempt_tables.gates(VIEW))),
        ("model calls by stage", of(attempt_tables.call_summary(VIEW))),
        ("model calls (`--calls`)", of(attempt_tables.call_table(VIEW))),
    ],
)
def test_every_column_of_a_table_is_explained_and_none_that_is_not_there(heading: str, printed: list[str]) -> None:
    explained = tables(section(FILE, f"{heading}\n"))[0]
    assert sorted(explained) == sorted(printed)


def test_the_readme_explains_every_column_of_the_main_table_and_every_ending() -> None:
    columns, endings = tables(section("README.md", "How to read the table"))
    assert sorted(columns) == sorted(names(comparison.FIGURES))
    assert sorted(endings) == sorted(str(ending) for ending in Ending)


def test_the_states_of_tickets_and_cells_are_explained() -> None:
    tickets = section(FILE, "tickets\n")
    assert all(f"`{state}`" in tickets for state in TicketState)
    _, states = tables(section(FILE, "`ralphbench status`"))
    source = (TOP / "ralphbench/ui/stand.py").read_text(encoding="utf-8")
    assert all(f'"{state}"' in source for state in states)
    assert len(states) == 5
