"""What `analyze --all` shows of one experiment below the comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ralphbench.cli import texts
from ralphbench.cli.comparison import NAME, Figure, table_of
from ralphbench.cli.fitting import Column, Fitted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ralphbench.analysis import Leader, ProfileRow, StageLine

_STAGE = (
    Column("profile", least=20),
    Column("stage", least=11),
    Column("runs"),
    Column("done"),
    Column("cut off"),
    Column("asked again", spare=7),
    Column("time", spare=1),
    Column("calls", spare=2),
    Column("local", spare=5),
    Column("tokens in", spare=4),
    Column("out", spare=6),
    Column("cost", spare=3),
    Column("truncated", spare=8),
    Column("other endings", least=16),
)


def further_tables(rows: Sequence[ProfileRow], width: int) -> Iterator[tuple[str, RenderableType]]:
    """Headings and tables, of the rows of one experiment."""
    yield "by stage", stage_table(rows)
    for matrix in gate_tables(rows, width):
        yield "gates, passed of judged", matrix
    yield "time, mean of an attempt", table_of(TIME, rows)
    yield "calls and quota", table_of(QUOTA, rows)
    yield "tokens", table_of(TOKENS, rows)
    yield "tickets and code", table_of(WORK, rows)


def stage_table(rows: Sequence[ProfileRow]) -> Fitted:
    lines: list[list[str]] = []
    sections = set()
    for row in rows:
        lines += [[row.name if n == 0 else "", *_stage(line)] for n, line in enumerate(row.stages)]
        sections.add(len(lines) - 1)
    return Fitted(_STAGE, lines, sections=frozenset(sections - {-1}))


def _stage(line: StageLine) -> list[str]:
    others = [f"{name} ×{n}" if n > 1 else name for name, n in line.endings.items() if name != "done"]
    return [
        line.stage,
        str(line.runs),
        str(line.done),
        str(line.kills),
        texts.number(line.repairs),
        texts.seconds(line.seconds),
        str(line.calls),
        texts.share(line.local_calls, line.calls),
        texts.count(line.input),
        texts.count(line.output),
        texts.money(line.cost),
        texts.number(line.truncated),
        ", ".join(others) or "-",
    ]


def gate_tables(rows: Sequence[ProfileRow], width: int) -> Iterator[Table]:
    """Gates × profiles: passed of judged. As many profiles side by side as there is room for."""
    gates = list(dict.fromkeys(name for row in rows for name in row.gates))
    left = [row for row in rows if row.gates]
    while left:
        count = len(left)
        while count > 1 and _wide(_gates(left[:count], gates)) > width:
            count -= 1
        yield _gates(left[:count], gates)
        left = left[count:]


def _wide(table: Table) -> int:
    from rich.console import Console

    room = Console(width=100_000)
    return room.measure(table).maximum


def _gates(rows: Sequence[ProfileRow], gates: Sequence[str]) -> Table:
    table = Table(pad_edge=False)
    table.add_column("gate")
    for row in rows:
        table.add_column(Text(row.name), justify="right", no_wrap=True)
    task = None
    for name in gates:
        before, (task, _, gate) = task, name.partition(": ")
        if task != before:
            table.add_section()
            table.add_row(Text(task, "bold"))
        table.add_row(Text(f"  {gate}"), *(_passed(row, name) for row in rows))
    return table


def _passed(row: ProfileRow, gate: str) -> Text:
    if gate not in row.gates:
        return Text("-")
    passed, judged = row.gates[gate]
    return Text(texts.of(passed, judged), "green" if passed == judged else "" if passed else "red")


def _seconds(name: str, part: str) -> Figure:
    return Figure(name, lambda r: texts.seconds(getattr(r.time, part)), counting=True)


def _local_tokens(row: ProfileRow) -> str:
    if row.local_tokens is None or row.all_tokens is None:
        return texts.count(row.local_tokens)
    return f"{texts.count(row.local_tokens)} ({texts.share(row.local_tokens, row.all_tokens)})"


TIME = (
    NAME,
    *(_seconds(part, part) for part in ("wall", "model", "tools", "gates", "harness", "waiting")),
    Figure("tok/s", lambda r: texts.rate(r.tokens_per_second)),
)
QUOTA = (
    NAME,
    Figure("calls", lambda r: texts.number(r.calls)),
    Figure("cloud calls", lambda r: texts.number(r.cloud_calls)),
    Figure("local calls", lambda r: texts.share(r.local_calls, r.calls), spare=1),
    Figure("cloud tokens", lambda r: texts.count(r.cloud_tokens)),
    Figure("local tokens", _local_tokens),
    Figure("retries", lambda r: texts.number(r.retries), spare=2),
    Figure("unknown", lambda r: texts.number(r.unknown_calls), spare=3),
)
TOKENS = (
    NAME,
    Figure("in", lambda r: texts.count(r.tokens.input)),
    Figure("cached", lambda r: texts.share(r.tokens.cache_read, r.tokens.input)),
    Figure("cache write", lambda r: texts.count(r.tokens.cache_write), spare=2),
    Figure("out", lambda r: texts.count(r.tokens.output)),
    Figure("reasoning", lambda r: texts.count(r.tokens.reasoning), spare=1),
    Figure("truncated", lambda r: texts.number(r.truncated)),
)
WORK = (
    NAME,
    Figure("accepted", lambda r: texts.of(r.accepted, r.tickets), counting=True),
    Figure("rejected", lambda r: texts.number(r.rejected), counting=True),
    Figure("given up", lambda r: texts.number(r.abandoned), spare=3, counting=True),
    Figure("already there", lambda r: texts.number(r.already_satisfied), spare=4, counting=True),
    Figure("asked again", lambda r: texts.number(r.repairs), spare=5, counting=True),
    Figure("cut off", lambda r: texts.number(r.kills)),
    Figure("commits", lambda r: texts.number(r.commits), spare=1, counting=True),
    Figure("files", lambda r: texts.number(r.files_changed), spare=6, counting=True),
    Figure("+lines", lambda r: texts.number(r.lines_added), counting=True),
    Figure("-lines", lambda r: texts.number(r.lines_removed), counting=True),
    Figure("tampered", lambda r: str(r.tampered), spare=2),
)


def leader_table(found: Sequence[Leader], asked: str) -> Fitted:
    """`asked`: the head of the first column."""
    columns = (Column(asked, least=24), Column("profile", least=20), Column("figure"))
    return Fitted(columns, [[line.question, _leading(line), _figure(line)] for line in found])


def _leading(leader: Leader) -> str:
    if leader.nobody:
        return "nobody"
    return ", ".join(leader.profiles) or texts.UNKNOWN


def _figure(leader: Leader) -> str:
    figure = leader.figure
    if figure is None:
        return "-" if leader.nobody else texts.UNKNOWN
    match leader.unit:
        case "money":
            return texts.money(figure)
        case "seconds":
            return texts.seconds(figure)
        case "share":
            return texts.share(figure, 1.0)
        case "score":
            return f"{figure:.2f}"
    return f"{figure:.0f}"
