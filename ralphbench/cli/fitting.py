"""Tables that fit the terminal: columns that can be spared go first, words are folded, and a figure is never cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_BETWEEN = 3
"""What parts two columns: a space, a line, a space."""
_EDGES = 2


@dataclass(frozen=True, slots=True)
class Column:
    """`least`: characters that words may be folded to; None: a figure, which is shown whole or not at all.

    `spare`: the columns with the highest number go first where there is no room; 0 stays.
    """

    name: str
    least: int | None = None
    spare: int = 0
    one_line: bool = False
    """Of words: what does not fit is cut, not folded."""


@dataclass(slots=True)
class Fitted:
    """A table whose columns depend on the width that it is drawn in."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    """Plain text, no markup."""
    styles: Sequence[str] = ()
    title: str | None = None
    caption: str = ""
    sections: frozenset[int] = frozenset()
    """Rows that a line is drawn below."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.table(options.max_width)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self.table(options.max_width))

    def table(self, width: int) -> Table:
        natural = [self._natural(n) for n in range(len(self.columns))]
        shown = _shown(self.columns, natural, width)
        widths = _widths([self.columns[n] for n in shown], [natural[n] for n in shown], width)
        table = Table(title=self.title, title_justify="left", pad_edge=False, caption_justify="left")
        for n, chars in zip(shown, widths, strict=True):
            column = self.columns[n]
            table.add_column(
                column.name,
                width=chars,
                justify="right" if column.least is None else "left",
                no_wrap=column.least is None or column.one_line,
                overflow="ellipsis" if column.one_line else "fold",
            )
        for k, row in enumerate(self.rows):
            table.add_row(
                *(Text(row[n]) for n in shown),
                style=self.styles[k] if self.styles else None,
                end_section=k in self.sections,
            )
        hidden = [column.name for n, column in enumerate(self.columns) if n not in shown]
        left_out = f"no room for: {', '.join(hidden)}" if hidden else ""
        table.caption = " · ".join(filter(None, (self.caption, left_out))) or None
        return table

    def _natural(self, n: int) -> int:
        texts = (self.columns[n].name, *(line for row in self.rows for line in row[n].splitlines()))
        return max(cell_len(text) for text in texts)


def _shown(columns: Sequence[Column], natural: Sequence[int], width: int) -> list[int]:
    """Which columns there is room for when every word is folded as far as it may be."""
    shown = list(range(len(columns)))

    def needed() -> int:
        return _taken(_least(columns[n], natural[n]) for n in shown)

    for n in sorted(shown, key=lambda n: columns[n].spare, reverse=True):
        if needed() <= width or not columns[n].spare:
            break
        shown.remove(n)
    return shown


def _widths(columns: Sequence[Column], natural: Sequence[int], width: int) -> list[int]:
    """The least for all, and what is left over to the words, by turns."""
    widths = [_least(column, chars) for column, chars in zip(columns, natural, strict=True)]
    left = width - _taken(widths)
    while left > 0 and (short := [n for n, chars in enumerate(widths) if chars < natural[n]]):
        for n in short[:left]:
            widths[n] += 1
            left -= 1
    return widths


def _least(column: Column, natural: int) -> int:
    return natural if column.least is None else min(natural, max(column.least, cell_len(column.name)))


def _taken(widths: Iterable[int]) -> int:
    found = list(widths)
    return sum(found) + _BETWEEN * (len(found) - 1) + _EDGES
