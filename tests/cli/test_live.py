from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from ralphbench.cli.live import live_table, plain_line
from ralphbench.model import (
    AttemptSpec,
    Cell,
    Limits,
    ModelRef,
    PlanMode,
    Profile,
    Spent,
    Stage,
    StageModel,
    Target,
    Task,
)
from ralphbench.ui import Progress

TASK = "system-architecture-refactor/lifecycle"


def running(folder: Path, *, unequal: bool = False) -> tuple[AttemptSpec, Progress]:
    name = "local-hybrid-inv"
    profile = Profile(name, dict.fromkeys(Stage, StageModel(ModelRef("box", "m"), "tiny")))
    spec = AttemptSpec(
        "x", Cell(TASK, name, 1), 1, Task(TASK, folder, "", "", Target(), ()), profile, {},
        Limits(iterations=40, wall_time=10_800.0), PlanMode(), "host", folder, folder, folder, "b", folder, folder, folder,
        "i", unequal_limits=unequal,
    )  # fmt: skip
    progress = Progress(folder, stage="investigate", iteration=17, accepted=12, tickets=31, last="calls bash")
    progress.spent = Spent(0.0, 9, 1_234_567, 99_950, 12.34)
    return spec, progress


def drawn(width: int, folder: Path, *, unequal: bool = False) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(live_table([running(folder, unequal=unequal)], 5))
    return out.getvalue().splitlines()


def column(lines: list[str], name: str) -> str:
    """What stands below a heading, put together again where it was folded."""
    head = [cell.strip() for cell in lines[1].strip("┃").split("┃")]
    rows = [line.strip("│").split("│") for line in lines if line.startswith("│")]
    return "".join(row[head.index(name)].strip() for row in rows)


@pytest.mark.parametrize("width", [80, 100, 120, 180])
def test_whose_row_it_is_and_every_figure_that_is_shown_are_whole(width: int, tmp_path: Path) -> None:
    lines = drawn(width, tmp_path)
    assert max(cell_len(line) for line in lines) <= width
    assert column(lines, "profile") == "local-hybrid-inv"
    assert column(lines, "task") == TASK
    assert column(lines, "stage") == "investigate"
    assert column(lines, "iteration") == "17/40"
    assert column(lines, "tickets") == "12/31"
    assert column(lines, "elapsed").endswith("/3h00m")


def test_more_room_shows_more_columns_down_to_all(tmp_path: Path) -> None:
    shown = [drawn(width, tmp_path)[1].count("┃") for width in (80, 100, 120, 180)]
    assert shown == sorted(shown)
    assert shown[0] < shown[-1]
    all_columns = drawn(180, tmp_path)
    assert (column(all_columns, "tokens in"), column(all_columns, "cost")) == ("1.23M", "$12.34")
    assert "no room" not in all_columns[-1]
    assert "5 cells wait" in all_columns[-1]


def test_unequal_limits_are_told(tmp_path: Path) -> None:
    assert "UNEQUAL LIMITS" in " ".join(drawn(180, tmp_path, unequal=True))
    assert "UNEQUAL" not in " ".join(drawn(180, tmp_path))
    spec, progress = running(tmp_path, unequal=True)
    assert "limits of its own" in plain_line(spec, progress)
    assert "limits of its own" not in plain_line(dataclasses.replace(spec, unequal_limits=False), progress)
