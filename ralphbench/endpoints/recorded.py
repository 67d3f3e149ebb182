"""A recorded attempt's calls, ready to be found again: by stage, parent session and ordinal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ralphbench.endpoints.differences import compare
from ralphbench.errors import RecordError
from ralphbench.model import Call, codec
from ralphbench.record import AttemptFolder, BodyStore, read_calls

_EVENT = re.compile(rb"(?<=\n\n)|(?<=\r\n\r\n)")

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
"""What a server said that was recorded by its meaning alone. Others: 400."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was answered: `chunks` as they came, whole events of a stream. `cut`: the client was gone before the end."""

    status: int
    content_type: str
    chunks: tuple[bytes, ...]
    cut: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call stands in an attempt. `parent` counts the parent sessions of a stage from 0; None: the stage's own."""

    stage: str
    """The stage's id, or its name where the asking side does not tell the id."""
    parent: int | None
    ordinal: int


class RecordedAttempt:
    """Raises RecordError where the folder holds no calls."""

    def __init__(self, folder: Path) -> None:
        paths = AttemptFolder(folder)
        if not paths.calls.is_file():
            raise RecordError(
                f"{folder} is not a recorded attempt: it has no {paths.calls.name}",
                remedy="name an attempt's folder: results/<experiment>/cells/<task>/<profile>/r1/a1",
            )
        self.folder = folder
        self.calls = read_calls(paths)
        if not self.calls:
            raise RecordError(f"{paths.calls} holds no call: there is nothing to replay")
        self._bodies = BodyStore(paths.bodies)
        self._groups: dict[tuple[str, int | None], list[Call]] = {}
        self._index()

    @property
    def models(self) -> tuple[str, ...]:
        """Wire names, in the order in which they were first asked for."""
        return tuple(dict.fromkeys(call.started.wire for call in self.calls))

    @property
    def dialect(self) -> str:
        return self.calls[0].started.dialect

    def count(self, place: Place) -> int:
        """Calls recorded of that stage and parent session."""
        return len(self._groups.get((place.stage, place.parent), ()))

    def find(self, place: Place, asked: Mapping[str, Any], used: set[str]) -> Call | None:
        """The call at a place. Sub-agents of one parent run at once and swap places from run to run: of theirs, one that
        was not served yet and asks the same is taken before the one of that number.
        """
        group = self._groups.get((place.stage, place.parent), [])
        at = group[place.ordinal] if place.ordinal < len(group) else None
        if place.parent is None or (
            at is not None and at.started.id not in used and not compare(self.request(at), asked)
        ):
            return at
        same = (c for c in group if c.started.id not in used and not compare(self.request(c), asked))
        return next(same, at)

    def request(self, call: Call) -> Mapping[str, Any]:
        """What was asked then; empty where it was not kept."""
        if call.started.request is None:
            return {}
        value = codec.loads_any(self._bodies.read(call.started.request))
        return value if isinstance(value, dict) else {}

    def answer(self, call: Call) -> Recorded:
        """What was answered then. A call without an answer of its own gives the error that it was recorded as."""
        ended = call.ended
        if ended is None:
            return _error(500, "the recorded call has no end: the gateway was gone before it was answered")
        if ended.response is None:
            status = _STATUS.get(ended.error or "", 400)
            return _error(status, ended.error_text or f"recorded without an answer: {ended.error or ended.status}")
        body = self._bodies.read(ended.response)
        cut = ended.status == 499 or ended.error == "client_gone"
        status = 200 if cut else ended.status
        if (call.started.stream and body.lstrip()[:6] in (b"data: ", b"event:")) or body.startswith((b":", b"data:")):
            return Recorded(status, "text/event-stream", tuple(part for part in _EVENT.split(body) if part), cut)
        return Recorded(status, "application/json", (body,), cut)

    def _index(self) -> None:
        parents: dict[str, dict[str, int]] = {}
        for call in self.calls:
            started = call.started
            for stage in (started.stage_id, started.stage):
                known = parents.setdefault(stage, {})
                parent = None
                if started.parent_session is not None:
                    parent = known.setdefault(started.parent_session, len(known))
                self._groups.setdefault((stage, parent), []).append(call)


def _error(status: int, text: str) -> Recorded:
    body = codec.dumps({"error": {"message": text, "type": "recorded_error"}})
    return Recorded(status, "application/json", (body,), False)
