"""What a recorded call was answered with, and what became of it: healthy, broken off, cut by the harness, or no answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from ralphbench.model import Call, CallEnded, codec

_EVENT = re.compile(rb"(?<=\n\n)|(?<=\r\n\r\n)")

_HUNG_UP = 499
_CUT = frozenset({"client_gone", "stage_closed", "owner_gone", "gateway_closed", "cap", "stage_over"})
"""Error kinds of calls that no server ended: what it would have said further is not known."""
_RESETS = frozenset({"reset_mid_stream", "reset_after_finish"})

_STATUS = {
    "overflow": 400,
    "rate_limited": 429,
    "quota": 429,
    "model_missing": 404,
    "nothing_loaded": 404,
    "model_load": 500,
    "out_of_memory": 500,
    "auth": 401,
    "provider_error": 500,
    "endpoint_down": 503,
}
"""What a server may have said that was recorded by its meaning alone. Others: 400."""


class After(Enum):
    """What follows the last byte that was recorded."""

    END = "end"
    BREAK = "break"
    """The server's connection broke."""
    HOLD = "hold"
    """The call was cut from this side: it stays open."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was answered: `chunks` as they came, whole events of a stream."""

    status: int
    content_type: str
    chunks: tuple[bytes, ...]
    after: After = After.END
    fault: str | None = None
    """The error kind of a call that was recorded without a server's answer; the body then has its words."""


def answer_of(call: Call, body: bytes | None) -> Recorded:
    """`body`: what the server sent, as far as it came; None: nothing was kept."""
    ended = call.ended
    if ended is None:
        return told("provider_error", "the recorded call has no end: the gateway was gone before it was answered")
    cut = ended.status == _HUNG_UP or ended.error in _CUT
    if body is None and not cut:
        kind = ended.error or "harness"
        return told(kind, ended.error_text or f"recorded without an answer: {ended.error or ended.status}")
    status = _status(ended, cut=cut)
    streamed = call.started.stream and status < 300 if body is None else _is_stream(call, body)
    after = After.HOLD if cut else After.BREAK if streamed and _broke(ended, status) else After.END
    if streamed:
        return Recorded(status, "text/event-stream", tuple(part for part in _EVENT.split(body or b"") if part), after)
    return Recorded(status, "application/json", (body,) if body else (), after)


def told(kind: str, text: str) -> Recorded:
    """A fault without a server's answer, by its kind and words."""
    body = codec.dumps({"error": {"message": text}})
    return Recorded(_STATUS.get(kind, 400), "application/json", (body,), fault=kind)


def _status(ended: CallEnded, *, cut: bool) -> int:
    """The server's. What the agent got may be the gateway's own word on it: 402 for a 500 that stayed."""
    if ended.server_status is not None:
        return ended.server_status
    return 200 if cut else ended.status


def _is_stream(call: Call, body: bytes) -> bool:
    if body.startswith((b":", b"data:")):
        return True
    return call.started.stream and body.lstrip()[:6] in (b"data: ", b"event:")


def _broke(ended: CallEnded, status: int) -> bool:
    """Whether the connection broke. Before the first token that is a provider's error of which nothing was mended."""
    if _RESETS.intersection(ended.mends):
        return True
    return ended.error == "provider_error" and not ended.mends and status < 300
