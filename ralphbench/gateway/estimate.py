"""How many tokens a prompt has, by our own reckoning, and whether the server has quietly cut it.

The raw estimate is bytes of text / 4. What never becomes text tokens is left out: base64 data, the backslashes of JSON,
reasoning of earlier turns (chat templates drop it). It is calibrated by counted / estimated of the calls that were not
truncated, per endpoint and model, held within [0.7, 1.6]: code and English lie between 3 and 5 bytes a token.

The verdict `truncated`, for a call whose prompt the server has counted:
1. estimate > 1,500 and counted < 0.6 x estimate. With the ratio at its lower bound a server must have seen fewer than one
   token for 9.5 bytes; dense prose has 5. Below 1,500 tokens templates and tools weigh too much.
2. or, against the session's anchor: the estimate grew by 500 tokens or more, and the count by less than a quarter of that:
   the prompt is pinned at the window while the conversation grows. Both sides are measured on the same two bodies, so a
   compaction or a pruned tool result, which makes the body smaller, does not meet it.
3. or, where the window is known and the server counted no more than that: even four fifths of what is new since the anchor
   (of all, where there is none) do not fit in; or the estimate does not, and prompt and answer together fill it exactly.
The anchor is the last call that was at least 500 tokens away from the anchor before it and was judged whole: a conversation
that grows in small steps is measured over as many of them as that takes, and a pinned one for as long as it stays pinned.
Only such calls teach the calibration; a pinned count would drag it down until nothing looked cut.
A false alarm needs a prompt of runs (spaces, rows of dashes) at 10 bytes a token and more, or a session whose first prompt
all but fills its window at more than 5; a missed one a cut of less than two fifths in the first call of a session. Counts
without the cached part are completed before they come here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

BYTES_PER_TOKEN = 4.0
FLOOR, CEILING = 0.7, 1.6
SHARE, LEAST = 0.6, 1500
GREW, PINNED = 500, 0.25
SURELY = 0.8
_STEPS = (1 << 16, 1 << 12, 1 << 8)

_BASE64 = re.compile(rb'base64,[A-Za-z0-9+/=\\]+|"data":\s*"[A-Za-z0-9+/=\\]{1000,}"')
_DROPPED = re.compile(rb'"(?:reasoning|reasoning_content|thinking|signature|encrypted_content)":\s*"(?:[^"\\]|\\.)*"')


def raw_tokens(body: bytes) -> float:
    """Uncalibrated tokens of a request's body."""
    if b"base64" in body:
        body = _BASE64.sub(b"", body)
    if b'"reasoning' in body or b'"thinking"' in body or b'"encrypted_content"' in body:
        body = _DROPPED.sub(b"", body)
    # An escape is one character: \n, \", and \u00e9, which stands for two bytes of UTF-8.
    return max(len(body) - body.count(b"\\") - 3 * body.count(b"\\u"), 0) / BYTES_PER_TOKEN


class Sizer:
    """`raw_tokens` of one session's requests. Each resends the one before: only what differs is looked at."""

    __slots__ = ("_body", "_raw")

    def __init__(self) -> None:
        self._body = b""
        self._raw = 0.0

    def size(self, body: bytes) -> float:
        """Uncalibrated tokens of a request's body, which is kept until the next."""
        before, same = self._body, _common_prefix(self._body, body)
        if same < len(before) // 2:
            raw = raw_tokens(body)
        else:
            raw = max(0.0, self._raw - raw_tokens(before[same:]) + raw_tokens(body[same:]))
        self._body, self._raw = body, raw
        return raw


def _common_prefix(a: bytes, b: bytes) -> int:
    """To within the last of the steps, from below."""
    same, most = 0, min(len(a), len(b))
    for step in _STEPS:
        while same + step <= most and a[same : same + step] == b[same : same + step]:
            same += step
    return same


@dataclass(slots=True)
class Seen:
    """A session's anchor: the call that later ones are compared with."""

    raw: float
    counted: int
    cached: int = 0
    """What the server had of the session's last prompt when it had answered: tokens read from its cache, or put there."""


@dataclass(slots=True)
class Estimator:
    """Calibration of one (endpoint, model)."""

    ratio: float = 1.0
    calls: int = 0

    def tokens(self, raw: float) -> int:
        return int(raw * self.ratio)

    def anchored(self, raw: float, seen: Seen | None) -> int:
        """From the session's anchor: what caps are judged by, since it is the nearest to the truth."""
        if seen is None:
            return self.tokens(raw)
        return max(0, int(seen.counted + (raw - seen.raw) * self.ratio))

    def truncated(
        self, raw: float, counted: int, seen: Seen | None, *, window: int | None = None, output: int | None = None
    ) -> bool:
        """The verdict, by the rule above. `window` and `output` in tokens; None: unknown."""
        estimate = self.tokens(raw)
        if estimate <= LEAST:
            return False
        if counted < SHARE * estimate or self._pinned(raw, counted, seen):
            return True
        if window is None or counted > window or self.anchored(raw, seen) <= window:
            return False
        fills = output is not None and counted + output == window
        return fills or self._at_least(raw, seen) > window

    def _pinned(self, raw: float, counted: int, seen: Seen | None) -> bool:
        if seen is None:
            return False
        grew = (raw - seen.raw) * self.ratio
        return grew >= GREW and counted - seen.counted < PINNED * grew

    def _at_least(self, raw: float, seen: Seen | None) -> float:
        ratio = max(SURELY * self.ratio, FLOOR)
        return raw * ratio if seen is None else seen.counted + (raw - seen.raw) * ratio

    def moved(self, raw: float, seen: Seen | None) -> bool:
        """Whether a call is far enough from the anchor to become it, where it is judged whole."""
        return seen is None or abs(raw - seen.raw) * self.ratio >= GREW

    def learn(self, raw: float, counted: int) -> None:
        """Take in a call that becomes the anchor."""
        if raw < 100 or counted <= 0:
            return
        self.calls += 1
        weight = max(1 / self.calls, 0.2)
        self.ratio += weight * (counted / raw - self.ratio)
        self.ratio = min(max(self.ratio, FLOOR), CEILING)


@dataclass(slots=True)
class Estimators:
    """Lives as long as the gateway: a second attempt starts with what the first has taught."""

    known: dict[tuple[str, str], Estimator] = field(default_factory=dict)

    def of(self, endpoint: str, model: str) -> Estimator:
        return self.known.setdefault((endpoint, model), Estimator())
