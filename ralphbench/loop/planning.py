"""Reads a plan, and tries its checks: each must be one that can be run today."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ralphbench.loop.answers import Planned, Read, read_plan
from ralphbench.loop.ports import CheckResult
from ralphbench.model import Ticket


@dataclass(slots=True)
class PlanReader:
    """`check(ticket, when)` runs a ticket's acceptance on the base."""

    check: Callable[[Ticket, str], CheckResult]
    _passing: list[str] = field(default_factory=list)

    def read(self, value: Mapping[str, Any]) -> Read[Planned]:
        """The plan, or what is wrong with it. A check that passes today is no error: its ticket will earn nothing."""
        read = read_plan(value)
        self._passing.clear()
        if read.answer is None:
            return read
        errors = []
        for ticket in read.answer.tickets:
            result = self.check(ticket, "plan")
            if result.passed:
                self._passing.append(ticket.id)
            if problem := _problem(ticket, result):
                errors.append(problem)
        return Read(None, tuple(errors), read.ignored) if errors else read

    def advice(self) -> tuple[str, ...]:
        """What the planner should know when it has to answer again anyway."""
        return tuple(
            f"the check of {id_} passes already, before any work: it will earn nothing" for id_ in self._passing
        )


def _problem(ticket: Ticket, result: CheckResult) -> str | None:
    run = f"{ticket.id}: its acceptance `{ticket.acceptance.run}`"
    if result.timed_out:
        return f"{run} did not end within {result.seconds:.0f} s: write one that is quick and ends by itself"
    if result.runnable or result.passed:
        return None
    said = result.output.strip()[-200:]
    what = "not found" if result.exit == 127 else "not executable"
    return (
        f"{run} cannot be run today: exit status {result.exit}, {what} ({said}). "
        "Name a command that is there; for a program that is yet to be made write `test -x ./prog && ./prog ...`"
    )
