"""The `replay` endpoint: a recorded attempt answers again, so that a trial can be run with no model at all.

A call is matched by stage, parent session and ordinal, which the gateway tells in headers; what its request says may
differ (prompts hold dates, ids and durations). What differs beyond that is reported, and fails in strict mode. Faults
come again as they were met; a call that was cut off then is held open until it is cut off again.

    python -m ralphbench.endpoints.replay ATTEMPT [--host H] [--port N] [--until-eof] [--strict]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ralphbench.endpoints.embedded import serve_process, standing_at
from ralphbench.endpoints.options import DIALECTS, check_options
from ralphbench.endpoints.preflight import missing
from ralphbench.endpoints.protocol import Endpoint, ModelInfo, PriceTerms, ServerInfo, Upstream
from ralphbench.endpoints.registry import load_endpoint, price_terms
from ralphbench.errors import ConfigError, RalphbenchError
from ralphbench.model import EndpointSpec, StageModel
from ralphbench.record import AttemptFolder, read_spec

if TYPE_CHECKING:
    from ralphbench.endpoints.recorded import RecordedAttempt
    from ralphbench.endpoints.replay_server import ReplayServer

__all__ = ["ReplayEndpoint", "ReplayServer"]


def __getattr__(name: str) -> object:
    # The server brings aiohttp; who only describes models does without.
    if name == "ReplayServer":
        from ralphbench.endpoints.replay_server import ReplayServer

        return ReplayServer
    raise AttributeError(name)


class ReplayEndpoint:
    """Knows its record, so that all checks are made without a server. `script` of the spec is the attempt's folder."""

    def __init__(self, spec: EndpointSpec) -> None:
        self.spec = spec
        options = check_options(spec, {"strict": bool})
        self.strict = bool(options.get("strict", False))
        if spec.script is None:
            raise ConfigError(
                "a replay endpoint needs the folder of a recorded attempt", key=f"endpoints.{spec.name}.script"
            )
        self.folder = Path(spec.script)

    def dialect(self) -> str:
        """What was spoken then, through the endpoint of this name if there was one. Raises RecordError."""
        return self._record().calls_through(self.spec.name)[0].started.dialect

    def local(self) -> bool:
        return True if self.spec.local is None else self.spec.local

    def price_terms(self, model: str) -> PriceTerms | None:
        """As the model's calls were priced then: no money is spent, and a cap on it bites where it did. What the spec
        says itself goes before that.
        """
        if self.spec.price is not None or self.spec.local is not None:
            return None
        then = self._endpoint_of(model)
        if then is None:
            return None
        provider = getattr(then, "price_provider", None)  # of endpoints over HTTP; asking for it needs no key
        return price_terms(then, model, provider=provider() if callable(provider) else None)

    def _endpoint_of(self, model: str) -> Endpoint | None:
        """Through which a model's calls went then; None where the record does not say, or it cannot be had here."""
        names = [c.started.endpoint for c in self._record().calls_through(self.spec.name) if c.started.wire == model]
        told = read_spec(AttemptFolder(self.folder))
        try:
            return load_endpoint(told.endpoints[names[0]]) if told and names else None
        except (RalphbenchError, KeyError):
            return None

    def open_server(self) -> ReplayServer:
        """A server for the caller's event loop. Raises RecordError."""
        from ralphbench.endpoints.replay_server import ReplayServer

        return ReplayServer(self.folder, strict=self.strict, keep=0)

    def upstream(self) -> Upstream:
        """Where the server stands. Raises EndpointError where none was started."""
        return Upstream(base_url=standing_at(self.spec), dialects=DIALECTS, reported_cost=True)

    def server(self) -> ServerInfo:
        return ServerInfo(kind="replay", details={"record": str(self.folder), "strict": str(self.strict).lower()})

    def models(self) -> tuple[ModelInfo, ...]:
        return tuple(ModelInfo(name, loaded=True, local=True) for name in self._record().models)

    def identify(self, model: StageModel) -> ModelInfo:
        there = {info.id: info for info in self.models()}
        asked = model.model.model
        if asked not in there:
            remedy = f"name a model that {self.folder} was recorded with"
            raise missing(self.spec, asked, tuple(there), remedy=remedy)
        return there[asked]

    def preflight(self, model: StageModel) -> ModelInfo:
        return self.identify(model)

    def _record(self) -> RecordedAttempt:
        from ralphbench.endpoints.recorded import RecordedAttempt

        return RecordedAttempt(self.folder)


def main(arguments: list[str]) -> int:
    strict = "--strict" in arguments

    def make(folder: Path) -> ReplayServer:
        from ralphbench.endpoints.replay_server import ReplayServer

        return ReplayServer(folder, strict=strict, keep=0)

    rest = [argument for argument in arguments if argument != "--strict"]
    return serve_process("ralphbench.endpoints.replay", "attempt", make, rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
