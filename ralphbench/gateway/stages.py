"""All open stages: grants them to connections, finds them by token, ends them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from ralphbench.endpoints import Compares, price_terms
from ralphbench.errors import ConfigError, RunError
from ralphbench.gateway.admission import Budget, Stop
from ralphbench.gateway.client import StageGrant, StageTraffic
from ralphbench.gateway.estimate import Estimators
from ralphbench.gateway.prices import Price, find_price, table_context
from ralphbench.gateway.recorder import Recorder
from ralphbench.gateway.routes import Route, Routes
from ralphbench.gateway.secrets import Redactor
from ralphbench.gateway.stage import OpenStage
from ralphbench.gateway.writer import Bodies, Lines
from ralphbench.model import StageEnding
from ralphbench.record import AttemptFolder, lasting_runs, read_events

log = logging.getLogger(__name__)
GRACE = 5.0
"""Seconds that open calls have to end by themselves when their stage is closed."""
_CANCELLED = 2.0
_HANDOVER = 2.0


class Stages:
    """Lives in the event loop alone."""

    def __init__(self, redactor: Redactor) -> None:
        self.routes = Routes(redactor, lambda attempt: attempt in self._attempts)
        self.bodies = Bodies()
        self._lines = Lines()
        self.opened = 0
        self._redactor = redactor
        self._estimators = Estimators()
        self._open: dict[str, OpenStage] = {}
        self._attempts: dict[str, asyncio.Event] = {}
        """Attempts that have a stage open; the event is set when it is closed and recorded."""

    def by_token(self, token: str) -> OpenStage | None:
        return self._open.get(token)

    def __len__(self) -> int:
        return len(self._open)

    async def open(self, grant: StageGrant) -> OpenStage:
        """Raises ConfigError where a cap cannot be enforced, EndpointError where the endpoint cannot be used, RunError
        where the attempt has a stage open already: two of them would give out the same numbers.
        """
        await self._take(grant.attempt)
        try:
            stage = await self._make(grant)
        except BaseException:
            self._give_back(grant.attempt)
            raise
        self._open[stage.token] = stage
        self.opened += 1
        return stage

    async def _take(self, attempt: str) -> None:
        """Of a trial that was killed the stage may be just being closed when its successor comes."""
        deadline = asyncio.get_running_loop().time() + _HANDOVER
        while (busy := self._attempts.get(attempt)) is not None:
            try:
                async with asyncio.timeout_at(deadline):
                    await busy.wait()
            except TimeoutError as error:
                raise RunError(f"attempt {attempt} has a stage open already") from error
        self._attempts[attempt] = asyncio.Event()

    def _give_back(self, attempt: str) -> None:
        self._attempts.pop(attempt).set()

    async def _make(self, grant: StageGrant) -> OpenStage:
        route = await self.routes.of(grant.endpoint, grant.attempt)
        wire = grant.model.model.model
        terms = await asyncio.to_thread(price_terms, route.endpoint, wire, provider=route.upstream.price_provider)
        # The price table takes a while to load, the first time.
        price = await asyncio.to_thread(find_price, terms.spec, wire, provider=terms.provider, local=terms.local)
        window = grant.model.context
        if grant.limits.cost is not None and price is None:
            raise ConfigError(
                f"a cost cap of {grant.limits.cost:g} USD cannot be enforced: the price of {grant.model.model} is unknown",
                key=f"endpoints.{grant.endpoint.name}.price",
                remedy=f"price: {{input: 3.0, output: 15.0}} under {grant.endpoint.name} in endpoints.yaml (USD per million)",
            )
        if grant.limits.context is not None and window is None:
            window = await asyncio.to_thread(table_context, terms.provider, wire)
            if window is None:
                raise ConfigError(
                    f"a cap on the share of the context cannot be enforced: the window of {grant.model.model} is unknown",
                    key="profiles.<name>.context",
                    remedy="context: 32k (or what the model has) in the profile",
                )
        recorder = await asyncio.to_thread(Recorder, grant.folder, self._lines, self.bodies, self._redactor)
        budget = await asyncio.to_thread(_budget, grant, route, price, window)
        estimator = self._estimators.of(grant.endpoint.name, wire)
        lasting_id = await asyncio.to_thread(_lasting_id, grant)
        return OpenStage(grant, route, recorder, estimator, budget, price, window, terms.local, lasting_id)

    async def close(self, token: str, *, why: str = "stage_closed", grace: float = GRACE) -> StageTraffic | None:
        """End a token: its calls may finish within `grace` seconds, then they are cut off. None: no such token."""
        stage = self._open.pop(token, None)
        if stage is None:
            return None
        try:
            await self._end_calls(stage, why, grace)
            differences = _compared(stage)
            await stage.recorder.close()
        finally:
            self._give_back(stage.grant.attempt)
        return replace(stage.traffic(), differences=differences)

    async def _end_calls(self, stage: OpenStage, why: str, grace: float) -> None:
        if stage.tasks and grace > 0:
            await asyncio.wait(stage.tasks, timeout=grace)
        stage.closing = why
        for task in stage.tasks:
            task.cancel()
        if stage.tasks:
            await asyncio.wait(stage.tasks, timeout=_CANCELLED)

    async def close_all(self, why: str) -> None:
        await asyncio.gather(*(self.close(token, why=why, grace=0.0) for token in list(self._open)))
        self._lines.close()
        self.bodies.close()


def _compared(stage: OpenStage) -> tuple[str, ...]:
    """What the stage asked otherwise than a recorded attempt did; a strict replay stops for it."""
    server = stage.route.server
    if not isinstance(server, Compares):
        return ()
    compared = server.stage_over(stage.lasting_id)
    if compared.failed is not None:
        stage.end(Stop(StageEnding.HARNESS, compared.failed, cap=False))
    return compared.differences


def _lasting_id(grant: StageGrant) -> str:
    """Of a replayed stage; of others nobody asks."""
    if grant.endpoint.kind != "replay":
        return grant.stage_id
    run = lasting_runs(read_events(AttemptFolder(grant.folder))).get(grant.stage_id)
    return grant.stage_id if run is None else run.name


def _budget(grant: StageGrant, route: Route, price: Price | None, window: int | None) -> Budget:
    """What the attempt has used, for the caps. Where a server did not count, the estimates of its record stand in."""
    spent = grant.spent
    tokens, cost = spent.tokens, spent.cost
    if tokens is None or cost is None:
        from ralphbench.gateway.recorder import estimated_spending

        estimated = estimated_spending(grant.folder, price)
        tokens = estimated[0] if tokens is None else tokens
        cost = estimated[1] if cost is None else cost
    return Budget(grant.limits, price, window, calls=spent.calls, tokens=tokens, cost=cost)
