"""What `events.jsonl` is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EventKind(StrEnum):
    """Every kind of event. The fields of `data` are listed beside each."""

    ATTEMPT_STARTED = "attempt_started"  # process, spec identity
    ATTEMPT_RESUMED = "attempt_resumed"  # process, iteration, spent
    WORKSPACE_READY = "workspace_ready"  # base, tree, branch
    STAGE_STARTED = "stage_started"  # stage, stage_id, iteration, model, agent, ticket, prompt, prompt_hash
    STAGE_ENDED = "stage_ended"  # stage, stage_id, iteration, ending, detail, seconds, clock, spent, exit, session
    AGENT = "agent"  # stage_id + the fields of AgentEvent
    INTERVAL = "interval"  # what: IntervalKind, start, end (epoch seconds), stage_id, label
    STAGE_JUDGED = (
        "stage_judged"  # stage, stage_id, iteration, ending: what the answer of a stage that ended by itself was
    )
    ANSWER_INVALID = "answer_invalid"  # stage, stage_id, iteration, ticket, errors, final: there is no repair any more
    PLAN_READY = "plan_ready"  # tickets, hash, by, state (a boundary to go on from)
    ITERATION_STARTED = "iteration_started"  # iteration, ticket
    ITERATION_ENDED = "iteration_ended"  # iteration, outcome, commit, tree, state (all of it: the resume boundary)
    TICKET = "ticket"  # id, was, now, reason; state where work was accepted or rejected (a boundary to go on from)
    ISSUE = "issue"  # title, detail, now (open|ticket|dropped|unanswered), reason, stage
    CHECK = "check"  # ticket, when (plan|before|after|investigate|decompose), run, exit, passed, seconds, output
    COMMIT = "commit"  # commit, tree, message, what (accepted|tried|wip)
    ROLLBACK = "rollback"  # to, tree, verified, ignored: how many ignored files were removed
    TREE_RESTORED = (
        "tree_restored"  # stage, paths (first 50), count, ignored: a stage that may not write did, or crashed
    )
    LIMIT = "limit"  # ending, detail
    FAULT = "fault"  # ending, detail, evidence; stage, retried, spent where the stage is run again
    WARNING = "warning"  # text
    LOOP_ENDED = "loop_ended"  # ending, stage, cause, detail, commit, wip, state
    GRADING_STARTED = "grading_started"  # commit, what (final|wip)
    GATE_ENDED = "gate_ended"  # what + the fields of GateResult
    GRADING_ENDED = "grading_ended"  # commit, resolved, score
    ATTEMPT_ENDED = "attempt_ended"  # ending


@dataclass(frozen=True, slots=True)
class Event:
    """One line. `n` counts from 0 without gaps over all processes of the attempt."""

    n: int
    t: float
    """Wall clock, seconds since the epoch."""
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of wall-clock time, seconds since the epoch."""

    what: str
    """An IntervalKind."""
    start: float
    end: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Pause(Interval):
    """A stretch that is not the contender's own. Its clock takes the monotonic bounds: no set clock and no sleep of the
    machine moves them, and all processes of a machine share them. They mean nothing later, so the record has the others.
    """

    since: float = 0.0
    until: float = 0.0

    def recorded(self) -> Interval:
        return Interval(self.what, self.start, self.end, self.label)
