"""A trial's side of the gateway's control socket: open a stage, watch it, close it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ralphbench.control import Channel, ChannelError
from ralphbench.errors import (
    ConfigError,
    DiskError,
    DiskFull,
    EndpointDown,
    EndpointError,
    ModelMissing,
    RecordError,
    RunError,
)
from ralphbench.model import (
    EndpointSpec,
    GatewayAddress,
    Limits,
    Pause,
    Spent,
    Stage,
    StageModel,
    codec,
)


@dataclass(frozen=True, slots=True)
class StageGrant:
    """What a stage may do: with which model, through which endpoint, within which limits."""

    attempt: str
    """The attempt's id: `<experiment>/<cell>/a<n>`."""
    folder: Path
    """The attempt's folder in the record: calls and bodies are written there."""
    stage: Stage
    stage_id: str
    """`<iteration>-<stage>-<n>`, unique in the attempt."""
    iteration: int
    model: StageModel
    endpoint: EndpointSpec
    limits: Limits
    spent: Spent
    """What the attempt had used when the stage began: caps count from there."""
    next_call: int
    """The number of the first call, `c<n>`: never one that was used before, also after a resume."""


@dataclass(frozen=True, slots=True)
class StageTraffic:
    """What a stage has done so far."""

    activity: int
    """Grows with every byte and every call, never falls."""
    open_calls: int
    spent: Spent
    """The attempt's total: the grant's and this stage's."""
    next_call: int
    stop: str | None
    """A StageEnding: a cap is reached or a fault was seen; every further request is refused."""
    detail: str
    """Evidence for `stop`, in words."""
    pauses: tuple[Pause, ...]
    """Retries and model loads of this stage so far; one that is still open ends now."""
    served: str | None
    """The model that the server says it served last."""
    output_rate: float | None
    """Tokens a second of the last call that had an end."""
    last_error: str | None = None
    """The error kind of the last call that ended; None: it ended well."""
    waiting: int = 0
    """Open calls of whose answer the server has sent nothing yet: it reads the prompt, or hangs. How long that may go on is
    the gateway's to say (`options.stall_seconds`)."""
    differences: tuple[str, ...] = ()
    """Of a replayed stage, once it is closed: where it asked otherwise than was recorded."""


_ERRORS = (ConfigError, DiskError, DiskFull, EndpointDown, EndpointError, ModelMissing, RecordError, RunError)


class GatewayClient(Channel):
    """Grants live as long as this connection. Raises GatewayLost where the gateway is gone."""

    def call(self, op: str, /, **fields: Any) -> Any:
        """As `Channel.call`; what the gateway refused with an error of ours is raised as that error."""
        try:
            return super().call(op, **fields)
        except ChannelError as error:
            known = {kind.__name__: kind for kind in _ERRORS}
            if (kind := known.get(error.kind)) is None:
                raise
            raise kind(error.message) from error

    def open_stage(self, grant: StageGrant) -> GatewayAddress:
        """Raises ConfigError where a cap cannot be enforced (a cost cap with an unknown price), EndpointError where the
        endpoint cannot be used (its key is missing), DiskError where the attempt's folder cannot be written.
        """
        return codec.convert(self.call("open_stage", grant=grant), GatewayAddress)

    def poll(self, token: str) -> StageTraffic:
        return codec.convert(self.call("poll", token=token), StageTraffic)

    def close_stage(self, token: str) -> StageTraffic:
        """End the token. Waits up to 5 s for open calls, then ends them; everything is recorded when it returns."""
        return codec.convert(self.call("close_stage", token=token), StageTraffic)

    def describe(self) -> dict[str, Any]:
        """Process, version, addresses, price table."""
        described: dict[str, Any] = self.call("describe")
        return described

    def own(self) -> None:
        """Make this connection the owner's: when it closes, the gateway ends."""
        self.call("own")

    def shutdown(self) -> None:
        """End the gateway in an orderly way."""
        self.call("shutdown")
