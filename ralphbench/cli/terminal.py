"""Where output goes: a terminal with its own width, or a file or pipe that gets whole lines."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 180


def console() -> Console:
    """For tables. A pipe has no width: lines are long there rather than cut."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)


def write_line(screen: Console, text: str) -> None:
    """One line with markup. A terminal gets it wrapped between words; in a pipe a line stays a line."""
    screen.print(text, highlight=False, soft_wrap=not screen.is_terminal)
