"""What the parts of one call share while it runs, and what its end in the record is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from ralphbench.gateway.admission import Held
from ralphbench.gateway.dialects import Dialect
from ralphbench.gateway.faults import Fault
from ralphbench.gateway.meter import Meter
from ralphbench.gateway.requests import AgentRequest
from ralphbench.gateway.stage import OpenStage
from ralphbench.model import NOTHING, CallEnded, Timing, Usage
from ralphbench.record import used

HUNG_UP = 499


class HungUp(Exception):
    """The agent closed its side while it was being answered."""


@dataclass(slots=True)
class Outcome:
    """Filled while the call runs; of the answer's parts, what the last try gave."""

    clean: Callable[[str], str]
    meter: Meter
    status: int = HUNG_UP
    error: str | None = None
    error_text: str | None = None
    server_status: int | None = None
    mends: list[str] = field(default_factory=list)
    retries: int = 0
    out: web.StreamResponse | None = None
    """The stream to the agent, once a 200 is committed."""
    lost: Usage = NOTHING
    """What the tries before used that came to nothing."""
    guessed: Usage = NOTHING
    """The same, with our own estimates where nobody counted."""
    response: list[bytes] = field(default_factory=list)
    first_byte: float | None = None
    """Seconds since the last try was sent."""

    def set_aside(self, fault: Fault, held: Held) -> None:
        """A try came to nothing, and another follows. What it used is used."""
        if fault.at_once:
            return  # nobody has read it
        mends = () if fault.mend is None else (fault.mend,)
        timing = Timing(first_token=self.meter.pace.first)
        usage, status = self.meter.counts.usage(), self.server_status
        tried = CallEnded("", 0.0, 502, status, usage=usage, timing=timing, error=fault.kind, mends=mends)
        found = used(tried)[0]
        self.lost += found
        self.guessed += held.filled(found)

    def begin_again(self, meter: Meter) -> None:
        """Forget what the try before gave."""
        self.meter, self.response = meter, []
        self.first_byte = self.server_status = None

    def note(self, error: str, text: str, *mends: str) -> None:
        """What went wrong, and what was made of it."""
        self.error, self.error_text = error, self.clean(text)[:4000]
        self.mends.extend(mends)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request and where it belongs."""

    stage: OpenStage
    dialect: Dialect
    request: AgentRequest
    http: web.BaseRequest
    held: Held
    outcome: Outcome
