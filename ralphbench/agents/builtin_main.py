"""The built-in agent's own process: prompt on standard input, events on standard output (our_events.py).

python -I -m ralphbench.agents.builtin_main        settings in RALPHBENCH_BUILTIN, see builtin.py
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ralphbench.agents.builtin_models import Answer, Model, ModelError, open_model
from ralphbench.agents.builtin_session import Call, Item, Session
from ralphbench.agents.builtin_tools import Result, Tools
from ralphbench.agents.words import clip
from ralphbench.model import codec

NOTHING = "[no answer]"
"""What stands in the conversation for an answer without a word: servers refuse an empty one when it is sent back."""
_TOOLS_TOKENS = 1_000
"""What the description of the tools takes of the window, about."""


@dataclass(frozen=True, slots=True)
class Settings:
    base_url: str
    key: str
    dialect: str
    model: str
    context: int
    output: int
    bash_timeout: float
    sessions: Path
    session: str | None = None


def say(kind: str, /, **fields: Any) -> None:
    sys.stdout.buffer.write(codec.dumps({"type": kind, "t": time.time(), **fields}) + b"\n")
    sys.stdout.buffer.flush()


def main() -> int:
    settings = codec.loads(os.environ.pop("RALPHBENCH_BUILTIN"), Settings)
    cwd = Path.cwd()
    window = max(1_000, settings.context - settings.output - _TOOLS_TOKENS)
    try:
        session = Session.begin(settings.sessions, settings.session, str(cwd), window)
        model = open_model(settings.dialect, settings.base_url, settings.key, settings.model, settings.output)
    except (OSError, ValueError) as error:
        say("error", kind="start", text=str(error))
        return 1
    say("session", session=session.id)
    session.items.append(Item("user", sys.stdin.buffer.read().decode(errors="replace")))
    try:
        session.save()
        work(session, model, Tools(cwd, os.environ, settings.bash_timeout))
    except ModelError as error:
        say("error", kind=error.kind, text=str(error))
        return 1
    return 0


def work(session: Session, model: Model, tools: Tools) -> None:
    """Ask, do, tell, until an answer calls no tool. How long that may go on is for the harness to say."""
    while True:
        session.fit()
        answer = model.ask(session)
        tell(answer)
        said = answer.text if answer.text.strip() or answer.calls else NOTHING
        session.items.append(Item("assistant", said, tuple(answer.calls)))
        for call in answer.calls:
            session.items.append(Item("tool", do(call, tools, session.room()), call_id=call.id))
        session.save()
        say("step", reason="tool-calls" if answer.calls else answer.finish)
        if not answer.calls:
            return


def tell(answer: Answer) -> None:
    """Raises ModelError where the answer broke off: it may be half of one."""
    if answer.reasoning.strip():
        say("reasoning", text=answer.reasoning)
    if answer.text.strip():
        say("message", text=answer.text)
    if answer.finish is None:
        raise ModelError("stream", "the stream ended without a finish reason")


def do(call: Call, tools: Tools, room: int) -> str:
    """Run one call; returns what the model is told, at most `room` characters."""
    try:
        arguments: Any = codec.loads_any(call.arguments or "{}")
    except ValueError:
        arguments = call.arguments
    say("tool_call", tool=call.name, call_id=call.id, arguments=arguments)
    started = time.monotonic()
    result: Result = tools.call(call.name, arguments)
    text = clip(result.text, room)
    say(
        "tool_result",
        tool=call.name,
        call_id=call.id,
        text=text,
        seconds=time.monotonic() - started,
        exit=result.exit,
        failed=result.failed,
    )
    return text


if __name__ == "__main__":
    sys.exit(main())
