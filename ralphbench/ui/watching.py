"""Watching a run: plain lines where there is no terminal, a live table where there is one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ralphbench.model import AttemptResult, AttemptSpec
from ralphbench.schedule import RunningTrial
from ralphbench.ui.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Write = Callable[[str], None]
Describe = Callable[[AttemptSpec, Progress], str]
Draw = Callable[[Sequence[tuple[AttemptSpec, Progress]], int], "RenderableType"]


def verdict_text(result: AttemptResult) -> str:
    """`resolved, score 1.00, completed`, or why there is no verdict."""
    cause = f" ({result.cause})" if result.cause and result.cause != str(result.ending) else ""
    if result.verdict is None:
        return f"{result.ending}{cause}: {result.detail}".rstrip(": ")
    word = "resolved" if result.verdict.resolved else "not resolved"
    return f"{word}, score {result.verdict.score:.2f}, ended as {result.ending}{cause}"


class PlainListener:
    """One line an event that matters, and one a minute for each running cell."""

    def __init__(self, write: Write, describe: Describe, *, every: float = 60.0) -> None:
        """`describe`: a running cell in one line."""
        self._write = write
        self._describe = describe
        self._every = every
        self._next = time.monotonic() + every
        self._progress: dict[Path, Progress] = {}

    def cell_started(self, spec: AttemptSpec, *, resumed: bool) -> None:
        self._progress[spec.folder] = Progress(spec.folder)
        again = "goes on with" if resumed else "starts"
        self._write(f"{clock()} {again} {spec.cell} a{spec.number}")

    def cell_ended(self, spec: AttemptSpec, result: AttemptResult | None, note: str) -> None:
        self._progress.pop(spec.folder, None)
        what = "cut off" if result is None else verdict_text(result)
        self._write(f"{clock()} {spec.cell} a{spec.number}: {what}{f' [{note}]' if note else ''}")

    def tick(self, running: Sequence[RunningTrial], waiting: int) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._every
        for trial in running:
            progress = self._progress.get(trial.spec.folder)
            if progress is not None:
                progress.update()
                self._write(f"{clock()}   {self._describe(trial.spec, progress)}")

    def note(self, text: str) -> None:
        self._write(f"{clock()} {text}")


def clock() -> str:
    return time.strftime("%H:%M:%S")


class LiveListener:
    """A table of the running cells that is drawn again four times a second; what is over scrolls away above it."""

    def __init__(self, console: Console, draw: Draw) -> None:
        from rich.live import Live

        self._console = console
        self._draw = draw
        self._live = Live(console=console, refresh_per_second=4, transient=True)
        self._progress: dict[Path, tuple[AttemptSpec, Progress]] = {}
        self._next = 0.0

    def __enter__(self) -> LiveListener:
        self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.stop()

    def cell_started(self, spec: AttemptSpec, *, resumed: bool) -> None:
        self._progress[spec.folder] = (spec, Progress(spec.folder))

    def cell_ended(self, spec: AttemptSpec, result: AttemptResult | None, note: str) -> None:
        self._progress.pop(spec.folder, None)
        what = "cut off" if result is None else verdict_text(result)
        style = "green" if result and result.verdict and result.verdict.resolved else ""
        extra = f" [{note}]" if note else ""
        self._console.print(
            f"{clock()} {spec.cell} a{spec.number}: {what}{extra}", style=style, highlight=False, markup=False
        )

    def tick(self, running: Sequence[RunningTrial], waiting: int) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 0.25
        shown = [self._progress[t.spec.folder] for t in running if t.spec.folder in self._progress]
        for _, progress in shown:
            progress.update()
        self._live.update(self._draw(shown, waiting))

    def note(self, text: str) -> None:
        self._console.print(f"{clock()} {text}", style="dim", highlight=False, markup=False)
