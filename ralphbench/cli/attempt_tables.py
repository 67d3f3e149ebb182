"""Tables of one attempt for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.markup import escape
from rich.table import Table

from ralphbench.cli import texts
from ralphbench.model import AttemptResult
from ralphbench.record import spent
from ralphbench.ui import AttemptView


def summary_lines(view: AttemptView) -> Iterator[str]:
    """What came of it, in a few lines."""
    if view.result is None:
        yield "not ended: running, or cut off (the same `ralphbench run` goes on with it)"
    else:
        yield from _outcome(view.result)
    if view.unequal_limits:
        yield f"warning     {escape(texts.unequal(view.unequal_limits))}"
    recorded = () if view.result is None else view.result.warnings
    yield from (f"warning     {escape(text)}" for text in (*recorded, *view.warnings))
    yield from (f"damaged     {escape(str(damage))}" for damage in view.damages)


def _outcome(result: AttemptResult) -> Iterator[str]:
    stage = f" in {result.stage}" if result.stage else ""
    cause = f" ({result.cause})" if result.cause and result.cause != str(result.ending) else ""
    yield f"ended as    {result.ending}{cause}{stage}  {escape(result.detail)}".rstrip()
    verdict = result.verdict
    if verdict is None:
        yield "verdict     none: an infrastructure fault, neither a pass nor a fail"
    else:
        claims = "nothing" if not verdict.claimed else ", ".join(f"{k}: {v}" for k, v in verdict.claimed.items())
        yield f"verdict     {'resolved' if verdict.resolved else 'not resolved'}, score {verdict.score:.2f}"
        yield f"claimed     {escape(claims)}"
        for tampering in verdict.tampered:
            yield f"tampered    {escape(tampering.path)}: {escape(tampering.what)}"
    if result.wip_verdict is not None:
        yield f"cut off     work in progress would have scored {result.wip_verdict.score:.2f}"
    times, spent = result.times, result.spent
    yield (
        f"time        {texts.seconds(times.wall)}: model {texts.seconds(times.model)}, tools {texts.seconds(times.tools)}, "
        f"gates {texts.seconds(times.gates)}, harness {texts.seconds(times.harness)}"
    )
    yield (
        f"spent       {spent.calls} calls, {texts.count(spent.input)} tokens in, {texts.count(spent.output)} out, "
        f"{texts.money(spent.cost)}"
    )


def timeline(view: AttemptView) -> Table:
    table = Table(title="timeline", title_justify="left", pad_edge=False)
    table.add_column("at", justify="right")
    table.add_column("what")
    table.add_column("took", justify="right")
    table.add_column("", overflow="fold")
    for step in view.steps:
        took = "" if step.seconds is None else texts.seconds(step.seconds)
        table.add_row(
            texts.seconds(step.at), escape(step.what), took, escape(step.detail), style="yellow" if step.fault else ""
        )
    return table


def tickets(view: AttemptView) -> Table:
    table = Table(title="tickets", title_justify="left", pad_edge=False)
    for name in ("id", "title", "state", "tries", "last word"):
        table.add_column(name, overflow="fold")
    for ticket in view.tickets.values():
        table.add_row(ticket.id, escape(ticket.title), ticket.state, str(ticket.tries), escape(ticket.reason))
    return table


def gates(view: AttemptView) -> Table:
    table = Table(title="gates (judged from outside, on the final commit)", title_justify="left", pad_edge=False)
    for name in ("gate", "kind", "outcome", "why", "tests", "took", "log"):
        table.add_column(name, overflow="fold")
    for gate in view.gates:
        tests = "-" if gate.tests is None else texts.of(gate.tests.passed, gate.tests.ran)
        style = {"pass": "green", "fail": "red"}.get(gate.outcome, "yellow")
        table.add_row(
            gate.id,
            str(gate.kind),
            str(gate.outcome),
            escape(gate.reason),
            tests,
            texts.seconds(gate.seconds),
            gate.log or "-",
            style=style,
        )
    return table


def call_summary(view: AttemptView) -> Table:
    """Calls by stage."""
    table = Table(title="model calls by stage", title_justify="left", pad_edge=False)
    table.add_column("stage")
    for name in ("calls", "tokens in", "out", "retries", "mended", "truncated", "failed"):
        table.add_column(name, justify="right")
    for stage in dict.fromkeys(call.started.stage for call in view.calls):
        calls = [c for c in view.calls if c.started.stage == stage]
        ends = [c.ended for c in calls if c.ended is not None]
        used = spent(calls)
        table.add_row(
            stage,
            str(len(calls)),
            texts.count(used.input),
            texts.count(used.output),
            str(sum(e.retries for e in ends)),
            str(sum(1 for e in ends if e.mends)),
            str(sum(1 for e in ends if e.truncated)),
            str(sum(1 for e in ends if e.error) + len(calls) - len(ends)),
        )
    return table


def call_table(view: AttemptView) -> Table:
    table = Table(title="model calls", title_justify="left", pad_edge=False)
    for name in ("call", "stage", "served", "status", "in", "out", "first token", "total", "cost", "what was wrong"):
        table.add_column(name, overflow="fold")
    for call in view.calls:
        end = call.ended
        if end is None:
            table.add_row(call.started.id, call.started.stage_id, "?", "no end", *[texts.UNKNOWN] * 5, "")
            continue
        wrong = ", ".join(filter(None, [end.error, *end.mends, "truncated" if end.truncated else None]))
        table.add_row(
            call.started.id,
            call.started.stage_id,
            end.served or texts.UNKNOWN,
            str(end.status),
            texts.count(end.usage.input),
            texts.count(end.usage.output),
            texts.seconds(end.timing.first_token),
            texts.seconds(end.timing.total),
            texts.money(end.cost),
            escape(wrong),
        )
    return table
