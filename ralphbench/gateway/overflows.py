"""Sees that a prompt never comes to fit. Told of an overflow, agents compact their conversation and ask again; where what
cannot be compacted is too long already, some do so for ever, a few times a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field

HOPELESS = 3
"""Overflows in a row after which the stage is over."""
_BETWEEN = 1
"""Whole answers between two overflows that may be no more than a summary of the conversation."""
_SHORTER = 0.98
"""Share of the one before that a prompt has to be below to count as shorter."""
_SESSIONS = 64


@dataclass(slots=True)
class _Row:
    """Of one session."""

    prompt: float = 0.0
    """Of the last overflow."""
    times: int = 0
    answers: int = 0
    """Since the last overflow."""


@dataclass(slots=True)
class Overflows:
    """Of one stage, by session."""

    _rows: dict[str | None, _Row] = field(default_factory=dict)

    def answered(self, session: str | None) -> None:
        if (row := self._rows.get(session)) is not None:
            row.answers += 1

    def met(self, session: str | None, prompt: float) -> int:
        """How many times in a row the session's prompt did not fit now, and did not get shorter. `prompt`: its size."""
        row = self._rows.pop(session, None) or _Row()
        in_a_row = row.answers <= _BETWEEN and prompt >= _SHORTER * row.prompt
        if len(self._rows) >= _SESSIONS:
            self._rows.pop(next(iter(self._rows)))
        self._rows[session] = row = _Row(prompt, row.times + 1 if in_a_row else 1)
        return row.times
