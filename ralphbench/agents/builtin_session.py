"""A conversation of the built-in agent: what was said so far, kept in a file, cut to what the window holds."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path

from ralphbench.model import codec

SYSTEM = """You are a coding agent. You work alone, without a user to ask, in the directory {cwd}, with the tools you are given.
Look before you change anything: read the files that matter. Make the smallest change that does what is asked, run what \
checks it, and read the results. Do not change anything outside that directory.
When the work is done, answer without calling a tool: that ends it. Answer exactly in the form that you were asked for.
"""
CHARS_A_TOKEN = 3.0
"""Fewer than any tokenizer needs for code: an estimate that errs to the safe side."""
RESULT_CHARS = 30_000
"""Characters of one tool result at most, whatever the window."""
_KEPT = 4
"""The latest results that are never left out."""
_LEFT_OUT = "[left out to save context; call the tool again if you need it]"


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call as the model made it; `arguments` is the JSON text, which may not be JSON."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Item:
    """`role`: `user`; `assistant`, with its calls; `tool`, the result of the call `call_id`."""

    role: str
    text: str
    calls: tuple[Call, ...] = ()
    call_id: str | None = None


@dataclass(slots=True)
class Session:
    """`window`: tokens that a prompt may have."""

    id: str
    system: str
    file: Path
    window: int
    items: list[Item] = field(default_factory=list)

    @classmethod
    def begin(cls, folder: Path, wanted: str | None, cwd: str, window: int) -> Session:
        """A new session, with what was said in the wanted one. That stays as it is: a stage that is run again after a
        fault begins where it began before. Raises OSError, ValueError where the wanted one cannot be read.
        """
        folder.mkdir(parents=True, exist_ok=True)
        name = uuid.uuid4().hex
        session = cls(name, SYSTEM.format(cwd=cwd), folder / f"{name}.json", window)
        if wanted is not None:
            session.items = codec.loads((folder / f"{wanted}.json").read_bytes(), list[Item])
        return session

    def save(self) -> None:
        new = self.file.with_suffix(".new")
        new.write_bytes(codec.dumps(self.items))
        new.replace(self.file)

    def room(self) -> int:
        """Characters that one more tool result may have: a quarter of the window."""
        return min(RESULT_CHARS, max(1_000, int(self.window * CHARS_A_TOKEN / 4)))

    def fit(self) -> None:
        """Leave out the oldest tool results until the prompt fits the window; the last few stay, come what may."""
        results = [index for index, item in enumerate(self.items) if item.role == "tool"]
        for index in results[:-_KEPT]:
            if self.estimate() <= self.window:
                return
            if len(self.items[index].text) > len(_LEFT_OUT):
                self.items[index] = replace(self.items[index], text=_LEFT_OUT)

    def estimate(self) -> int:
        """Tokens of the prompt, without the tools' description."""
        chars = len(self.system)
        for item in self.items:
            chars += len(item.text) + sum(len(call.arguments) + len(call.name) + 20 for call in item.calls) + 20
        return int(chars / CHARS_A_TOKEN)
