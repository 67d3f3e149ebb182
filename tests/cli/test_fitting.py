from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from ralphbench.cli.fitting import Column, Fitted

COLUMNS = (
    Column("name", least=6),
    Column("figure"),
    Column("spared first", spare=2),
    Column("spared then", least=5, spare=1, one_line=True),
)
ROWS = (("a name of many words", "1234567/89", "$0.0031", "what was said last"), ("語語語語語", "1", "?", "[b]x"))


def lines(width: int) -> list[str]:
    out = io.StringIO()
    table = Fitted(COLUMNS, ROWS, styles=("", "green"), caption="below")
    Console(file=out, width=width, color_system=None).print(table)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", range(25, 130))
def test_no_line_is_wider_than_the_terminal_and_no_figure_is_cut(width: int) -> None:
    found = lines(width)
    assert max(cell_len(line) for line in found) <= width
    text = "\n".join(found)
    assert "1234567/89" in text
    assert "figure" in text
    if "spared first" in found[1]:
        assert "$0.0031" in text


def test_with_room_for_all_nothing_is_folded() -> None:
    found = lines(120)
    assert sum("│" in line for line in found) == 2
    assert "a name of many words" in found[3]
    assert "[b]x" in found[4], "a text is no markup"
    assert found[-1].strip() == "below"


def test_columns_go_in_their_order_and_are_named() -> None:
    hidden = {line.partition("no room for: ")[2].strip() for width in range(45, 80) for line in lines(width)[-2:]}
    assert hidden - {""} == {"spared first"}
    text = " ".join(line.strip() for line in lines(33)[6:])
    assert "no room for: spared first, spared then" in " ".join(text.split())
