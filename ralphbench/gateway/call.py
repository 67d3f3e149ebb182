"""One request of an agent, from its arrival to its end in the record."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace

from aiohttp import web
from multidict import CIMultiDict

from ralphbench.endpoints import overflow_sizes
from ralphbench.errors import DiskError
from ralphbench.gateway import headers
from ralphbench.gateway.admission import Held, Stop
from ralphbench.gateway.dialects import Dialect, Problem
from ralphbench.gateway.faults import Fault, Patience
from ralphbench.gateway.outcome import HUNG_UP, Asked, HungUp, Outcome
from ralphbench.gateway.overflows import HOPELESS
from ralphbench.gateway.refusals import ENDED, error_response, refuse
from ralphbench.gateway.requests import AgentRequest, Room, edits
from ralphbench.gateway.routes import replay_headers
from ralphbench.gateway.stage import Moment, OpenStage, Waiting, moment
from ralphbench.gateway.texts import is_loud, overflow_message, quiet
from ralphbench.gateway.tries import Try
from ralphbench.model import NOTHING, CallEnded, CallStarted, StageEnding
from ralphbench.record import used

_TOLD = (400, 413, 415, 422)
"""Statuses of an agent's own mistake that are passed on; on others clients try again."""


class Call:
    """Forwards one request and answers it, whatever the server does. `answer` is awaited once."""

    def __init__(self, stage: OpenStage, dialect: Dialect, request: AgentRequest, http: web.BaseRequest) -> None:
        self._stage = stage
        self._dialect = dialect
        self._request = request
        self._http = http
        self._session = headers.session(http.headers, headers.SESSION)
        self._parent = headers.session(http.headers, headers.PARENT_SESSION)
        self._outcome = Outcome(stage.recorder.clean, dialect.meter())
        self._pause: Waiting | None = None
        self._paused = 0.0
        self._forwarded = time.monotonic()
        self._raw = stage.size(self._session, request.original)

    async def answer(self) -> web.StreamResponse:
        stage = self._stage
        prompt = stage.estimator.anchored(self._raw, stage.seen.get(self._session))
        cached = stage.cached(self._session, self._raw, prompt)
        if (stop := stage.stopped() or stage.budget.admit(prompt, self._least_output(), cached)) is not None:
            return self._refuse(stop)
        started = self._started(prompt, cached)
        held = stage.budget.start(prompt, cached)
        asked = Asked(stage, self._dialect, self._request, self._http, held, self._outcome)
        try:
            await stage.recorder.started(started)
            return await self._until_answered(asked, started)
        except DiskError as error:
            # What cannot be recorded is not spent.
            self._outcome.status = ENDED
            return self._refuse(Stop(StageEnding.DISK, str(error), cap=False))
        except asyncio.CancelledError:
            self._cut_off(stage.closing)
            raise
        except HungUp as error:
            self._cut_off(None, str(error))
            return self._outcome.out or web.Response(status=HUNG_UP)  # goes nowhere
        finally:
            self._finish(asked, started)

    def _cut_off(self, why: str | None, text: str | None = None) -> None:
        """The call ends without its answer having arrived. `why` None: the agent hung up."""
        if why is None:
            self._outcome.status = HUNG_UP
        self._outcome.error, self._outcome.error_text = why or "client_gone", text

    def _refuse(self, stop: Stop) -> web.Response:
        self._stage.end(stop)
        return refuse(self._dialect, stop)

    def _started(self, prompt: int, cached: int) -> CallStarted:
        """Numbered, with what is going to be set in it; nothing has been forwarded yet. `prompt`: estimated tokens, of which
        the server has `cached`.
        """
        stage, grant, request = self._stage, self._stage.grant, self._request
        room = Room(
            profile=grant.model.output,
            budget=stage.budget.output_left(prompt, cached),
            context=None if stage.window is None else int((stage.window - prompt) * 0.98) - 16,
            floor=self._least_output(),
        )
        changes = edits(request, self._dialect, grant.model, stage.route.habits, room)
        number, ordinal = stage.begin_call(self._parent)
        return CallStarted(
            id=number,
            attempt=grant.attempt,
            stage=grant.stage.value,
            stage_id=grant.stage_id,
            iteration=grant.iteration,
            t=time.time(),
            dialect=self._dialect.name,
            endpoint=grant.endpoint.name,
            requested=request.model,
            wire=grant.model.model.model,
            local=stage.local,
            stream=request.stream,
            estimate=stage.estimator.tokens(self._raw),
            session=self._session,
            parent_session=self._parent,
            ordinal=ordinal,
            request=stage.recorder.body(number, "request", request.original, self._thread()),
            edits=changes,
        )

    def _least_output(self) -> int:
        return self._dialect.least_output(self._request.values)

    def _thread(self) -> str:
        return f"{self._stage.grant.stage_id}/{self._session or ''}"

    # -- tries ----------------------------------------------------------------------------------------------------

    async def _until_answered(self, asked: Asked, started: CallStarted) -> web.StreamResponse:
        stage = self._stage
        patience = Patience.of(stage.route.spec.options)
        wire, sent = self._request.edited(started.edits), self._headers(started)
        self._forwarded = time.monotonic()
        while True:
            began = moment()
            try:
                return await Try(asked).run(wire, sent)
            except Fault as fault:
                delay = None if stage.stop is not None else patience.wait(fault, time.monotonic())
                if delay is None:
                    return self._failed(fault, asked)
                await self._wait(fault, began, delay, started.id)
                if stage.stop is not None:
                    return self._failed(fault, asked)
                self._outcome.set_aside(fault, asked.held)

    def _headers(self, started: CallStarted) -> CIMultiDict[str]:
        route = self._stage.route
        own = {**route.upstream.headers, **replay_headers(route.spec, started, self._stage.lasting_id)}
        passthrough = route.spec.auth == "passthrough"
        if passthrough:
            self._stage.recorder.learn_login(self._http.headers)
        return headers.to_upstream(self._http.headers, own, passthrough=passthrough)

    async def _wait(self, fault: Fault, began: Moment, delay: float, label: str) -> None:
        """The failed try and the wait after it are not the contender's time."""
        if self._pause is None or self._pause.what is not fault.pause:
            self._pause = Waiting(fault.pause, began, f"{label}: {fault.kind}")
            self._stage.pauses.append(self._pause)
        pause = self._pause
        pause.end = None
        self._outcome.retries += 1
        try:
            # Not longer than until the stage is stopped.
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stage.stop_event.wait(), delay)
        finally:
            pause.end = moment()
            self._paused += pause.end[1] - began[1]

    # -- the last word on a request that could not be answered ----------------------------------------------------

    def _failed(self, fault: Fault, asked: Asked) -> web.StreamResponse:
        stage, outcome = self._stage, self._outcome
        outcome.note(fault.kind, fault.text, *([fault.mend] if fault.mend else []))
        if fault.kind == "overflow":
            return self._overflow(fault, asked)
        login = stage.route.spec.auth == "passthrough" and fault.status == 401
        if fault.stop_ending is None or login:
            return self._own_mistake(fault, (401,) if login else _TOLD)
        stop = fault.stop()
        stage.end(Stop(stop.ending, outcome.clean(stop.detail), stop.cap))
        outcome.status = ENDED
        return refuse(self._dialect, stage.stop or stop)

    def _overflow(self, fault: Fault, asked: Asked) -> web.StreamResponse:
        stage, times = self._stage, self._stage.overflows.met(self._session, self._raw)
        if times >= HOPELESS:
            detail = f"{times} prompts in a row did not fit, the last of about {asked.held.prompt:,} tokens: {fault.text[:500]}"
            stage.end(Stop(StageEnding.CONTEXT, self._outcome.clean(detail), cap=False))
        if stage.stop is not None:
            self._outcome.status = ENDED
            return refuse(self._dialect, stage.stop)
        prompt, window = overflow_sizes(fault.text)
        message = overflow_message(window or stage.window, prompt or asked.held.prompt)
        self._outcome.status = 400
        return error_response(self._dialect, 400, Problem(message, "invalid_request_error", "context_length_exceeded"))

    def _own_mistake(self, fault: Fault, statuses: tuple[int, ...]) -> web.StreamResponse:
        """The agent gets the server's words, made quiet where a client would try again on them. A login of the agent's
        own that is refused goes back to it too: it may have a fresh one.
        """
        text = self._outcome.clean(fault.text)
        if is_loud(text):
            self._outcome.mends.append("retry_words_removed")
        status = fault.status if fault.status in statuses else 400
        self._outcome.status = status
        kind = "authentication_error" if status == 401 else "invalid_request_error"
        return error_response(self._dialect, status, Problem(quiet(text), kind, fault.kind))

    # -- after ----------------------------------------------------------------------------------------------------

    def _finish(self, asked: Asked, started: CallStarted) -> None:
        """Whatever happened, the call has an end in the record, and holds nothing any more. Nothing here waits."""
        stage, status = self._stage, self._outcome.status
        try:
            asked.held.output = self._outcome.meter.output_estimate()
            ended = self._ended(started, asked.held)
        except Exception as error:
            stage.budget.drop(asked.held)
            self._book(CallEnded(started.id, time.time(), status, error="harness", error_text=str(error)))
            raise
        self._book(ended)
        total, cost = used(ended)
        if total == NOTHING:
            stage.budget.drop(asked.held)
        elif (stop := stage.budget.end(asked.held, ended.estimate or total, cost, ended.usage.input)) is not None:
            stage.end(stop)

    def _book(self, ended: CallEnded) -> None:
        stage = self._stage
        stage.recorder.ended(ended)
        stage.end_call(ended)
        if ended.error is None:
            stage.overflows.answered(self._session)
        stage.output_rate = self._outcome.meter.output_rate() or stage.output_rate

    def _ended(self, started: CallStarted, held: Held) -> CallEnded:
        stage, outcome = self._stage, self._outcome
        meter = outcome.meter
        if outcome.error is None and meter.malformed_arguments():
            outcome.mends.append("malformed_arguments_seen")
        usage = meter.counts.usage()
        cost = stage.price.cost(usage) if stage.price is not None else None
        body = b"".join(outcome.response)
        ended = CallEnded(
            id=started.id,
            t=time.time(),
            status=outcome.status,
            server_status=outcome.server_status,
            served=meter.served,
            usage=usage,
            lost=outcome.lost,
            timing=meter.timing(first_byte=outcome.first_byte, total=time.monotonic() - self._forwarded),
            finish=meter.finish,
            retries=outcome.retries,
            retry_seconds=round(self._paused, 6),
            error=outcome.error,
            error_text=outcome.error_text,
            mends=tuple(outcome.mends),
            truncated=stage.learn(self._session, self._raw, usage) if outcome.error is None else None,
            cost=cost,
            cost_reported=meter.cost_reported,
            price_source=stage.price.source if stage.price is not None and cost is not None else None,
            response=stage.recorder.body(started.id, "response", body, self._thread()) if body else None,
        )
        plain = ended.status == 200 and not ended.retries and usage.input is not None and usage.output is not None
        return ended if plain else self._with_all_tries(ended, held)

    def _with_all_tries(self, ended: CallEnded, held: Held) -> CallEnded:
        """The cost of all of them, and what stands in for counts that are missing."""
        price, (total, _) = self._stage.price, used(ended)
        cost = None if price is None else price.cost(total)
        source = None if price is None or cost is None else price.source
        if total.input is not None and total.output is not None:
            return replace(ended, cost=cost, price_source=source)
        last, _ = used(replace(ended, lost=NOTHING))
        return replace(ended, cost=cost, price_source=source, estimate=held.filled(last) + self._outcome.guessed)
