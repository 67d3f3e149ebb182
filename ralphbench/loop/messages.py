"""What the loop says of its own accord: commit messages, and why a try came to nothing."""

from __future__ import annotations

from ralphbench.loop.ports import CheckResult
from ralphbench.loop.state import Failure
from ralphbench.model import Acceptance, Ending, Stage, StageEnding, Ticket

OUTPUT = 2000
"""Characters of a check's output that are kept: the last ones."""
REASON = 4000
SUBJECT = 100

_FRUITLESS = {
    StageEnding.NO_OUTPUT: "gave no usable answer",
    StageEnding.STAGE_TIMEOUT: "ran out of time",
    StageEnding.IDLE_TIMEOUT: "fell silent",
    StageEnding.CONTEXT: "used up its context window",
}


def accept_message(ticket: Ticket, *, iteration: int, verdict: str, check: CheckResult | None) -> str:
    return _message(
        f"accept {ticket.id}: {ticket.title}",
        f"Iteration: {iteration}, try {1 + len(ticket.rejections)}",
        "Stages: build, verify",
        f"Check: {ticket.acceptance.run} -> exit {check.exit if check else None}",
        f"Verdict: {verdict}",
    )


def tried_message(ticket: Ticket, *, iteration: int) -> str:
    return _message(
        f"tried {ticket.id}: {ticket.title}",
        f"Iteration: {iteration}, try {1 + len(ticket.rejections)}",
        "Stages: build",
    )


def wip_message(ending: Ending, *, iteration: int, detail: str) -> str:
    return _message(f"wip: cut off by {ending}", f"Iteration: {iteration}", f"Why: {detail}")


def blocked(summary: str) -> Failure:
    return Failure(Stage.BUILD, StageEnding.BLOCKED, "blocked", cut(f"The builder was blocked: {summary}"))


def refused(reason: str) -> Failure:
    return Failure(Stage.VERIFY, StageEnding.DONE, "rejected", cut(f"The reviewer rejected it: {reason}"))


def fruitless(stage: Stage, ending: StageEnding, detail: str) -> Failure:
    """A stage that brought no answer."""
    said = f"The {stage} stage {_FRUITLESS.get(ending, f'ended as {ending}')}"
    return Failure(stage, ending, ending.value, cut(f"{said}: {detail}" if detail else said))


def check_failed(acceptance: Acceptance, check: CheckResult) -> Failure:
    """The work is done, says the builder; its check says otherwise."""
    if check.timed_out:
        what = f"did not end within {check.seconds:.0f} s"
    elif check.exit != acceptance.exit:
        what = f"gave exit status {check.exit}, expected {acceptance.exit}"
    else:
        what = f"did not print what matches {acceptance.stdout}"
    output = check.output[-OUTPUT:].strip()
    reason = f"The check `{acceptance.run}` {what}.{f' Its output ended with:{chr(10)}{output}' if output else ''}"
    return Failure(Stage.BUILD, StageEnding.DONE, "check_failed", cut(reason))


def cut(text: str) -> str:
    """Short enough to be carried along in every checkpoint and prompt."""
    return text if len(text) <= REASON else f"{text[: REASON - 20].rstrip()} [... cut]"


def _message(subject: str, *body: str) -> str:
    line = " ".join(subject.split())
    return "\n".join([line if len(line) <= SUBJECT else f"{line[: SUBJECT - 3]}...", "", *body])
