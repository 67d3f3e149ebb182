"""What can go wrong with a request, and what follows from each: try again, stop the stage, tell the agent."""

from __future__ import annotations

import email.utils
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ralphbench.endpoints import classify, error_text
from ralphbench.gateway.admission import Stop
from ralphbench.model import IntervalKind, StageEnding

_WAIT = re.compile(
    r"(?:retry|try again) (?:in|after) (?:(?P<h>\d+)\s*h(?:ours?)?\s*)?(?:(?P<m>\d+)\s*m(?!s)(?:in(?:ute)?s?)?\s*)?"
    r"(?:(?P<s>\d+(?:\.\d+)?)\s*s(?:ec(?:ond)?s?)?\b|(?P<ms>\d+)\s*ms\b)?",
    re.IGNORECASE,
)
_SPENT = re.compile(r"insufficient|credit|billing|payment|spend", re.IGNORECASE)
"""A quota that no waiting brings back."""
_LOADING = re.compile(r"loading model|model is (still |being )?load|warming up", re.IGNORECASE)
_ELSEWHERE = frozenset({301, 302, 303, 307, 308, 404, 405, 501})
TRIED_AGAIN = frozenset({"rate_limited", "endpoint_down", "provider_error", "crashed"})
_STOPS = {
    "rate_limited": StageEnding.RATE_LIMITED,
    "quota": StageEnding.RATE_LIMITED,
    "model_missing": StageEnding.MODEL_MISSING,
    "nothing_loaded": StageEnding.MODEL_MISSING,
    "wrong_model": StageEnding.WRONG_MODEL,
    "model_load": StageEnding.MODEL_LOAD,
    "out_of_memory": StageEnding.OUT_OF_MEMORY,
    "endpoint_down": StageEnding.ENDPOINT_DOWN,
    "crashed": StageEnding.PROVIDER_ERROR,
    "auth": StageEnding.PROVIDER_ERROR,
    "not_served": StageEnding.PROVIDER_ERROR,
    "provider_error": StageEnding.PROVIDER_ERROR,
    # Of recorded attempts alone: a replay that took another way, a call that the gateway itself had failed on.
    "replay_difference": StageEnding.HARNESS,
    "harness": StageEnding.HARNESS,
}


class Fault(Exception):
    """A try that came to nothing, before anything was sent to the agent."""

    def __init__(
        self,
        kind: str,
        text: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        mend: str | None = None,
        at_once: bool = False,
    ) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text
        self.status = status
        self.retry_after = retry_after
        self.mend = mend
        """What was mended by making an HTTP error of it."""
        self.at_once = at_once
        """The first try went into a connection that the server had just closed: no reason to wait."""

    @property
    def loading(self) -> bool:
        """The server is there and loads the model: a pause of another kind, and a longer patience."""
        return self.status == 503 and bool(_LOADING.search(self.text))

    @property
    def pause(self) -> IntervalKind:
        return IntervalKind.LOAD if self.loading else IntervalKind.RETRY

    @property
    def stop_ending(self) -> StageEnding | None:
        """What it means for the stage, when it is not to be tried again; None: the agent may go on."""
        return _STOPS.get(self.kind)

    def stop(self) -> Stop:
        """For a fault that ends the stage."""
        return Stop(self.stop_ending or StageEnding.PROVIDER_ERROR, self.evidence(), cap=False)

    def evidence(self) -> str:
        said = f"HTTP {self.status}: " if self.status is not None else ""
        return f"{self.kind}: {said}{self.text[:500]}"


def http_fault(status: int, body: bytes, headers: Mapping[str, str]) -> Fault:
    """From an HTTP error's answer."""
    text = error_text(body)[:4000] or f"status {status}, no text"
    kind = classify(status, text)
    if status in _ELSEWHERE and kind == "bad_request":
        # Path and model are ours to say: this is no mistake of the agent's.
        kind, text = "not_served", f"{text} (location: {headers.get('location')})" if status < 400 else text
    wait = retry_after(headers)
    if status == 429:
        wait = stated_wait(text) if wait is None else wait
        if kind == "quota" and wait is not None and not _SPENT.search(text):
            kind = "rate_limited"  # so much a minute: it comes back, and the server says when
    mend = "overflow_rewritten" if kind == "overflow" else None
    return Fault(kind, text, status=status, retry_after=wait, mend=mend)


def stream_fault(text: str) -> Fault:
    """From an error that came as an event of a stream, or as a body with status 200."""
    return Fault(classify(None, text), text, mend="error_in_answer")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait: `retry-after-ms`, `retry-after` in seconds or as a date."""
    if (milliseconds := headers.get("retry-after-ms")) is not None:
        try:
            return max(0.0, float(milliseconds) / 1000)
        except ValueError:
            pass
    said = headers.get("retry-after")
    if said is None:
        return None
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return None


def stated_wait(text: str) -> float | None:
    """Seconds that an error's words ask to wait: `Please retry in 21s`, `try again in 1m2.5s`, `in 350ms`."""
    for found in _WAIT.finditer(text):
        hours, minutes, seconds, milliseconds = found.group("h", "m", "s", "ms")
        if any((hours, minutes, seconds, milliseconds)):
            return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds or 0) + int(milliseconds or 0) / 1000
    return None


@dataclass(slots=True)
class Patience:
    """How long one request is tried again. Seconds; settable in an endpoint's `options`."""

    retries: int = 5
    """Tries in all, the first one included."""
    retry_max_seconds: float = 120.0
    """From the first failure; also the longest `Retry-After` that is waited for."""
    retry_base_seconds: float = 2.0
    load_max_seconds: float = 600.0
    """For a model that is being loaded."""
    tries: int = 0
    _began: float | None = field(default=None)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Patience:
        names = ("retries", "retry_max_seconds", "retry_base_seconds", "load_max_seconds")
        return cls(**{name: options[name] for name in names if name in options})

    def wait(self, fault: Fault, now: float) -> float | None:
        """Seconds to wait before the next try; None: it is not tried again. Doubles each time, give or take a quarter."""
        if self._began is None:
            self._began = now
        spent = now - self._began
        if fault.loading:
            return None if spent >= self.load_max_seconds else min(1.0 + spent / 10, 5.0)
        self.tries += 1
        if fault.kind not in TRIED_AGAIN or self.tries >= self.retries or spent >= self.retry_max_seconds:
            return None
        if fault.at_once and self.tries == 1:
            return 0.0
        delay: float = self.retry_base_seconds * 2 ** (self.tries - 1) * random.uniform(0.75, 1.25)
        if fault.retry_after is not None:
            if spent + fault.retry_after > self.retry_max_seconds:
                return None  # waiting less than what was asked for only earns the next refusal
            return max(fault.retry_after, min(delay, 0.1))
        return min(delay, self.retry_max_seconds - spent)
