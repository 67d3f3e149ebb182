"""Tables of one attempt for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.markup import escape

from ralphbench.cli import texts
from ralphbench.cli.fitting import Column, Fitted
from ralphbench.model import AttemptResult, Call
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


def timeline(view: AttemptView) -> Fitted:
    columns = (Column("at"), Column("what", least=12), Column("took"), Column("", least=20))
    rows = [
        (texts.seconds(step.at), step.what, "" if step.seconds is None else texts.seconds(step.seconds), step.detail)
        for step in view.steps
    ]
    return Fitted(columns, rows, ["yellow" if step.fault else "" for step in view.steps], title="timeline")


def tickets(view: AttemptView) -> Fitted:
    columns = (
        Column("id", least=6),
        Column("title", least=12),
        Column("state", least=9),
        Column("tries"),
        Column("last word", least=12),
    )
    rows = [(t.id, t.title, t.state, str(t.tries), t.reason) for t in view.tickets.values()]
    return Fitted(columns, rows, title="tickets")


_GATES = (
    Column("gate", least=12),
    Column("kind", least=5),
    Column("outcome", least=7),
    Column("why", least=12),
    Column("tests", spare=2),
    Column("took", spare=1),
    Column("log", least=12, spare=3),
)


def gates(view: AttemptView) -> Fitted:
    rows = [
        (
            gate.id,
            str(gate.kind),
            str(gate.outcome),
            gate.reason,
            "-" if gate.tests is None else texts.of(gate.tests.passed, gate.tests.ran),
            texts.seconds(gate.seconds),
            gate.log or "-",
        )
        for gate in view.gates
    ]
    styles = [{"pass": "green", "fail": "red"}.get(gate.outcome, "yellow") for gate in view.gates]
    return Fitted(_GATES, rows, styles, title="gates (judged from outside, on the final commit)")


def call_summary(view: AttemptView) -> Fitted:
    """Calls by stage."""
    figures = ("calls", "tokens in", "out", "retries", "mended", "truncated", "failed")
    rows = []
    for stage in dict.fromkeys(call.started.stage for call in view.calls):
        calls = [c for c in view.calls if c.started.stage == stage]
        ends = [c.ended for c in calls if c.ended is not None]
        used = spent(calls)
        rows.append(
            (
                stage,
                str(len(calls)),
                texts.count(used.input),
                texts.count(used.output),
                str(sum(e.retries for e in ends)),
                str(sum(1 for e in ends if e.mends)),
                str(sum(1 for e in ends if e.truncated)),
                str(sum(1 for e in ends if e.error) + len(calls) - len(ends)),
            )
        )
    return Fitted((Column("stage", least=6), *map(Column, figures)), rows, title="model calls by stage")


_CALLS = (
    Column("call", least=4),
    Column("stage", least=9),
    Column("served", least=10, spare=1),
    Column("status", least=6),
    Column("in"),
    Column("out"),
    Column("first token", spare=3),
    Column("total", spare=2),
    Column("cost"),
    Column("what was wrong", least=10),
)


def call_table(view: AttemptView) -> Fitted:
    return Fitted(_CALLS, [_call(call) for call in view.calls], title="model calls")


def _call(call: Call) -> tuple[str, ...]:
    end = call.ended
    if end is None:
        return (call.started.id, call.started.stage_id, texts.UNKNOWN, "no end", *[texts.UNKNOWN] * 5, "")
    return (
        call.started.id,
        call.started.stage_id,
        end.served or texts.UNKNOWN,
        str(end.status),
        texts.count(end.usage.input),
        texts.count(end.usage.output),
        texts.seconds(end.timing.first_token),
        texts.seconds(end.timing.total),
        texts.money(end.cost),
        ", ".join(filter(None, [end.error, *end.mends, "truncated" if end.truncated else None])),
    )
