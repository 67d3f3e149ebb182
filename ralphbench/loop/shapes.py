"""The JSON objects that stages answer with, key by key, as the agent writes them."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, field

MAX_PLAN = 60
MAX_NEW = 20
"""Tickets that one investigation may add."""
PARTS = (2, 5)
MAX_ISSUES = 20
MAX_PATTERN = 1000

_Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
_Title = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
_Prose = Annotated[str, Meta(min_length=1, max_length=8000, pattern=r"\S")]
_Command = Annotated[str, Meta(min_length=1, max_length=4000, pattern=r"\S")]
_Pattern = Annotated[str, Meta(min_length=1, max_length=MAX_PATTERN)]


class ExpectShape(Struct):
    exit: Annotated[int, Meta(ge=0, le=255)] = 0
    stdout: _Pattern | None = None


class AcceptanceShape(Struct):
    run: _Command
    expect: ExpectShape = field(default_factory=ExpectShape)


class TicketShape(Struct):
    id: _Id
    title: _Title
    detail: _Prose
    acceptance: AcceptanceShape
    depends_on: Annotated[list[str], Meta(max_length=MAX_PLAN)] = field(default_factory=list)
    priority: Annotated[int, Meta(ge=0, le=1000)] | None = None


class IssueTicketShape(TicketShape):
    issues: Annotated[list[str], Meta(max_length=MAX_ISSUES)] = field(default_factory=list)


class IssueShape(Struct):
    title: _Title
    detail: _Prose


class DroppedShape(Struct):
    issue: _Title
    reason: _Prose


class PlanShape(Struct):
    tickets: list[Any]


class BuildShape(Struct):
    status: str
    summary: _Prose
    issues: Annotated[list[Any], Meta(max_length=MAX_ISSUES)] = field(default_factory=list)


class VerifyShape(Struct):
    accept: bool
    reason: _Prose
    complete: dict[str, bool]
    issues: Annotated[list[Any], Meta(max_length=MAX_ISSUES)] = field(default_factory=list)


class InvestigateShape(Struct):
    tickets: Annotated[list[Any], Meta(max_length=MAX_NEW)] = field(default_factory=list)
    dropped: list[Any] = field(default_factory=list)


class DecomposeShape(Struct):
    parts: Annotated[list[Any], Meta(min_length=PARTS[0], max_length=PARTS[1])]
