"""What agents are told when something goes wrong: clear to a person, and nothing that a client would try again on.

Clients retry on words. opencode looks for the status codes below as digits anywhere in the text (a token count of 15028
holds "502"), and for phrases; so numbers are rounded down past such digits and phrases are broken up. The record keeps
the server's own words.
"""

from __future__ import annotations

import re

_CODES = re.compile(r"429|50[0234]|52[49]")

_PHRASES = re.compile(
    r"rate.?limit\w*|rate increased|too.?many.?requests|overload\w*|exhausted|unavailable|at capacity|quota exceeded|"
    r"internal.?(server.?)?error|server.?error|bad.?gateway|try (it )?again( later)?|please retry|retry\w*|temporar\w*|"
    r"time.?out|timed.?out|econn\w+|connection (error|reset|refused)|socket hang up|network.?error",
    re.IGNORECASE,
)
MAX_TEXT = 2000


def quiet_number(number: int) -> int:
    """The nearest number below that holds no digits of a status code that clients retry on."""
    digits = str(number)
    while (code := _CODES.search(digits)) is not None:
        below = int(digits[: code.end()]) - 1
        digits = f"{below}{'9' * (len(digits) - code.end())}"
    return int(digits)


def is_loud(text: str) -> bool:
    """Whether a client would try again on this text."""
    return bool(_CODES.search(text) or _PHRASES.search(text))


def quiet(text: str) -> str:
    """The text without what clients retry on; unchanged where there is nothing of it."""
    text = re.sub(r"\d+", lambda m: str(quiet_number(int(m[0]))) if _CODES.search(m[0]) else m[0], text[:MAX_TEXT])
    return _PHRASES.sub("[...]", text)


def overflow_message(context: int | None, prompt: int | None) -> str:
    """One clear sentence that every agent's own detection of an overflow knows. Numbers are near, not exact."""
    limit = "fewer" if context is None else f"{quiet_number(context)}"
    sent = "" if prompt is None else f" However, your prompt has about {quiet_number(prompt)} tokens."
    if context is None:
        return f"The prompt exceeds the model's maximum context length.{sent} Please reduce the length of the messages."
    return f"This model's maximum context length is {limit} tokens.{sent} Please reduce the length of the messages."


def stop_message(stop: str, cap: bool) -> str:
    """Why there is nothing more to be had. A fault is not named: its words are those that clients retry on."""
    why = f"its limit is reached: {stop}" if cap else "it has been ended by the harness"
    return f"This stage is over, {why}. No further request is answered."
