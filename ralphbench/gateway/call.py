"""One request of an agent, from its arrival to its line in the record."""

from __future__ import annotations

import asyncio
import contextlib
import io
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientConnectionError, ClientError, ClientResponse, ServerDisconnectedError, web

from ralphbench.endpoints.faults import overflow_sizes
from ralphbench.gateway import headers
from ralphbench.gateway.admission import Held, Stop
from ralphbench.gateway.dialects import Dialect, Problem
from ralphbench.gateway.faults import Fault, Patience, http_fault, stream_fault
from ralphbench.gateway.meter import Meter
from ralphbench.gateway.names import same_model
from ralphbench.gateway.relay import Ending, Opening, Relay
from ralphbench.gateway.requests import AgentRequest, Room, apply_edits, edits
from ralphbench.gateway.routes import replay_headers
from ralphbench.gateway.stage import OpenStage, Pause
from ralphbench.gateway.texts import is_loud, overflow_message, quiet, stop_message
from ralphbench.model import CallEnded, CallStarted, StageEnding

HUNG_UP = 499
ENDED = 402
"""What a request gets when there is nothing more to be had: no client tries again on it."""
_LARGE = 1024 * 1024
_MAX_ERROR = 1024 * 1024
"""Bytes that are read of an error's text."""
_BROKEN = (ClientError, ConnectionError, asyncio.TimeoutError)
"""What a connection to the server breaks with."""


@dataclass(slots=True)
class _Outcome:
    """What the record will say of the call's end."""

    status: int = HUNG_UP
    error: str | None = None
    error_text: str | None = None
    mends: list[str] = field(default_factory=list)
    retries: int = 0
    truncated: bool | None = None
    response: list[bytes] = field(default_factory=list)
    """Of the last try."""


async def _sleep_unless(event: asyncio.Event, seconds: float) -> None:
    """Sleep, but not longer than until the stage is stopped."""
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


def _replay_fields(started: CallStarted) -> dict[str, Any]:
    return {
        "stage": started.stage,
        "stage-id": started.stage_id,
        "iteration": started.iteration,
        "parent-session": started.parent_session,
        "ordinal": started.ordinal,
    }


class Call:
    """Forwards one request and answers it, whatever the server does. `answer` is awaited once."""

    def __init__(self, stage: OpenStage, dialect: Dialect, asked: AgentRequest, request: web.BaseRequest) -> None:
        self._stage = stage
        self._dialect = dialect
        self._asked = asked
        self._request = request
        self._session = request.headers.get(headers.SESSION)
        self._parent = request.headers.get(headers.PARENT_SESSION)
        self._meter: Meter = dialect.meter()
        self._outcome = _Outcome()
        self._out: web.StreamResponse | None = None
        self._pause: Pause | None = None
        self._paused = 0.0
        self._sent_at = 0.0
        self._first_byte: float | None = None
        self._id = ""
        self._held = Held(0)
        self._checked = 0

    def refusal(self, prompt: int) -> Stop | None:
        """Why this request may not be forwarded; None: it may."""
        return self._stage.stop or self._stage.budget.admit(prompt)

    async def answer(self) -> web.StreamResponse:
        stage = self._stage
        prompt = stage.estimator.anchored(self._asked.raw, stage.seen.get(self._session))
        if (stop := self.refusal(prompt)) is not None:
            stage.end(stop)
            return refuse(self._dialect, stop)
        wire, started = self._begin(prompt)
        try:
            return await self._until_answered(wire, started)
        except asyncio.CancelledError:
            self._outcome.error = stage.closing or "client_gone"
            raise
        except ConnectionResetError:
            # The agent closed its side while we were writing.
            self._outcome.status, self._outcome.error = HUNG_UP, "client_gone"
            raise
        finally:
            self._finish(started)

    # -- before ---------------------------------------------------------------------------------------------------

    def _begin(self, prompt: int) -> tuple[bytes, CallStarted]:
        """Write down that a call starts. Nothing has been forwarded yet."""
        stage, grant = self._stage, self._stage.grant
        room = Room(
            profile=grant.model.output,
            budget=stage.budget.output_left(prompt),
            context=None if stage.window is None else int((stage.window - prompt) * 0.98) - 16,
        )
        changes = edits(self._asked, self._dialect, grant.model, stage.route.habits, room)
        self._held = stage.budget.start(prompt)
        self._id, ordinal = stage.begin_call(self._parent)
        started = CallStarted(
            id=self._id,
            attempt=grant.attempt,
            stage=grant.stage.value,
            stage_id=grant.stage_id,
            iteration=grant.iteration,
            t=time.time(),
            dialect=self._dialect.name,
            endpoint=grant.endpoint.name,
            requested=self._asked.model,
            wire=grant.model.model.model,
            local=stage.route.local,
            stream=self._asked.stream,
            estimate=stage.estimator.tokens(self._asked.raw),
            session=self._session,
            parent_session=self._parent,
            ordinal=ordinal,
            request=stage.recorder.body(self._id, "request", self._asked.original, self._thread()),
            edits=changes,
        )
        stage.recorder.started(started)
        return apply_edits(self._asked.original, changes), started

    def _thread(self) -> str:
        return f"{self._stage.grant.stage_id}/{self._session or ''}"

    # -- tries ----------------------------------------------------------------------------------------------------

    async def _until_answered(self, wire: bytes, started: CallStarted) -> web.StreamResponse:
        route = self._stage.route
        patience = Patience.of(route.spec.options)
        url = route.url(self._dialect.path)
        own = {**route.upstream.headers, **replay_headers(route.spec, _replay_fields(started))}
        sent = headers.to_upstream(self._request.headers, own, passthrough=route.spec.auth == "passthrough")
        while True:
            began = time.time()
            try:
                return await self._try(url, wire, sent)
            except Fault as fault:
                if self._stage.stop is not None:
                    return self._failed(fault)
                delay = patience.wait(fault, time.monotonic())
                if delay is None:
                    return self._failed(fault)
                await self._wait(fault, began, delay)

    async def _wait(self, fault: Fault, began: float, delay: float) -> None:
        """The failed try and the wait after it are not the contender's time."""
        if self._pause is not None and self._pause.what is not fault.pause:
            self._pause = None
        if self._pause is None:
            self._pause = Pause(fault.pause, began, f"{self._id}: {fault.kind}")
            self._stage.pauses.append(self._pause)
        self._pause.end = None
        self._outcome.retries += 1
        if delay:
            await _sleep_unless(self._stage.stopped, delay)
        self._pause.end = time.time()
        self._paused += self._pause.end - began

    async def _try(self, url: Any, wire: bytes, sent: Mapping[str, str]) -> web.StreamResponse:
        """One request to the server. Raises Fault as long as nothing was sent to the agent."""
        route = self._stage.route
        self._meter, self._outcome.response, self._first_byte = self._dialect.meter(), [], None
        self._sent_at = time.monotonic()
        data = io.BytesIO(wire) if len(wire) > _LARGE else wire
        try:
            async with route.session.request(
                "POST", url, data=data, headers=sent, timeout=route.timeout, allow_redirects=False
            ) as response:
                self._first_byte = time.monotonic() - self._sent_at
                return await self._read(response)
        except ServerDisconnectedError as error:
            raise Fault("provider_error", f"the server closed the connection: {error}", at_once=True) from error
        except ClientConnectionError as error:
            raise Fault("endpoint_down", f"{type(error).__name__}: {error}") from error
        except _BROKEN as error:
            raise Fault("provider_error", f"{type(error).__name__}: {error}") from error

    async def _read(self, response: ClientResponse) -> web.StreamResponse:
        if response.status >= 300:
            body = await response.content.read(_MAX_ERROR)
            self._outcome.response = [body]
            raise http_fault(response.status, body, response.headers)
        kind = response.headers.get("content-type", "")
        if "event-stream" in kind or (self._asked.stream and "json" not in kind):
            return await self._stream(response)
        return await self._whole(response)

    # -- an answer that is not a stream ---------------------------------------------------------------------------

    async def _whole(self, response: ClientResponse) -> web.StreamResponse:
        body = await response.read()
        self._outcome.response = [body]
        self._stage.activity += len(body)
        meter = self._meter
        try:
            meter.body(body)
        except ValueError as error:
            raise Fault("provider_error", f"not an answer of this dialect: {error}: {body[:200]!r}") from error
        if meter.error is not None:
            raise stream_fault(meter.error)
        if self._asked.stream:
            raise Fault("provider_error", "one JSON body where a stream was asked for", mend="not_a_stream")
        if meter.contents == 0:
            self._empty(meter.complete())
        self._check_model()
        self._outcome.status = response.status
        return web.Response(status=response.status, headers=headers.to_agent(response.headers), body=body)

    # -- a stream -------------------------------------------------------------------------------------------------

    async def _stream(self, response: ClientResponse) -> web.StreamResponse:
        relay = Relay(self._meter)
        while True:
            try:
                chunk = await response.content.readany()
            except _BROKEN as error:
                relay.lost(f"{type(error).__name__}: {error}")
                break
            t = time.monotonic() - self._sent_at
            data = self._take(relay, chunk, t) if chunk else relay.eof(t)
            if relay.opening is Opening.FAILED and self._out is None:
                raise stream_fault(self._meter.error or "")
            if data:
                await self._pass_on(response, data)
            if not chunk or relay.broken:
                break
            if (stop := self._over()) is not None:
                return await self._cut(stop)
        return await self._end_stream(response, relay)

    def _take(self, relay: Relay, chunk: bytes, t: float) -> bytes:
        self._outcome.response.append(chunk)
        self._stage.activity += len(chunk)
        return relay.feed(chunk, t)

    async def _pass_on(self, response: ClientResponse, data: bytes) -> None:
        if self._out is None:
            self._check_model()
            self._out = web.StreamResponse(status=response.status, headers=headers.to_agent(response.headers))
            self._outcome.status = response.status
            await self._out.prepare(self._request)
        await self._out.write(data)

    def _over(self) -> Stop | None:
        """Whether a cap is passed by what this answer has put out so far, or the stage was stopped by another call."""
        held, stage = self._held, self._stage
        held.output = self._meter.output_estimate()
        if stage.stop is not None:
            return stage.stop
        if held.output - self._checked < 32:
            return None
        self._checked = held.output
        return stage.budget.running_over(held)

    async def _cut(self, stop: Stop) -> web.StreamResponse:
        """End a running answer for a cap; leaving the request's context hangs up on the server."""
        self._stage.end(stop)
        self._note("cap" if stop.cap else stop.ending.value, stop.detail, "cut")
        if self._out is None:
            self._outcome.status = ENDED
            return refuse(self._dialect, stop)
        return await self._end_with(
            Problem(stop_message(stop.ending.value, stop.cap), "invalid_request_error", "stopped")
        )

    async def _end_stream(self, response: ClientResponse, relay: Relay) -> web.StreamResponse:
        ending = relay.ending()
        if self._out is None:
            return await self._end_unopened(response, relay, ending)
        if ending is Ending.UNFINISHED:
            why = relay.broken or "the stream ended without a finish reason"
            kind = "provider_error"
            self._note(kind, why, "reset_mid_stream" if relay.broken else "no_finish_reason")
            self._stage.end(Fault(kind, why).stop() or Stop(StageEnding.PROVIDER_ERROR, why, cap=False))
            return await self._end_with(
                Problem("The answer broke off before its end.", "api_error", "incomplete_answer")
            )
        if ending is Ending.REPORTED:
            self._reported()
        if relay.late_reset:
            self._outcome.mends.append("reset_after_finish")
        if self._meter.served is not None and self._outcome.error is None:
            self._late_model()
        await self._out.write_eof()
        return self._out

    async def _end_unopened(self, response: ClientResponse, relay: Relay, ending: Ending) -> web.StreamResponse:
        """The stream is over and nothing of it has been sent."""
        if ending is Ending.REPORTED:
            raise stream_fault(self._meter.error or "")
        if relay.broken and not relay.late_reset:
            raise Fault("provider_error", f"broken off before the first token: {relay.broken}")
        self._empty(self._meter.complete())
        await self._pass_on(response, relay.release())
        assert self._out is not None
        await self._out.write_eof()
        return self._out

    async def _end_with(self, problem: Problem) -> web.StreamResponse:
        """End a committed stream with an error event of its dialect: never cleanly."""
        assert self._out is not None
        await self._out.write(self._dialect.error_event(problem, self._meter.sequence))
        await self._out.write_eof()
        return self._out

    # -- judgements -----------------------------------------------------------------------------------------------

    def _empty(self, finished: bool) -> None:
        """An answer without content: an overflow where the window must be full, an error where it did not even end."""
        stage, window = self._stage, self._stage.window
        counted = self._meter.counts.input
        if window is not None and max(self._held.prompt, counted or 0) >= 0.9 * window:
            raise Fault(
                "overflow", f"an empty answer with a window of {window} tokens that is full", mend="empty_stream"
            )
        if not finished:
            raise Fault("provider_error", "an empty answer without a finish reason", mend="empty_stream")
        stage.activity += 1

    def _check_model(self) -> None:
        """Before anything is sent. A server that does not say which model it serves is not doubted."""
        served, wire = self._meter.served, self._stage.grant.model.model.model
        if served is not None and not self._accepted(served, wire):
            raise Fault("wrong_model", f"asked for {wire!r}, served by {served!r}")

    def _late_model(self) -> None:
        """A name that came only after the answer had begun."""
        try:
            self._check_model()
        except Fault as fault:
            self._note(fault.kind, fault.text)
            self._stage.end(fault.stop() or Stop(StageEnding.PROVIDER_ERROR, fault.text, cap=False))

    def _accepted(self, served: str, wire: str) -> bool:
        also = self._stage.route.spec.options.get("served_as", {})
        names = also.get(wire, ()) if isinstance(also, dict) else ()
        return same_model(wire, served) or served in ([names] if isinstance(names, str) else names)

    def _reported(self) -> None:
        """The server failed in the middle of an answer and said so; the agent has seen it too."""
        fault = stream_fault(self._meter.error or "")
        self._note(fault.kind, fault.text)
        stop = fault.stop()
        if fault.kind == "overflow":
            stop = Stop(
                StageEnding.CONTEXT, f"the context overflowed in the middle of an answer: {fault.text}", cap=False
            )
        self._stage.end(stop or Stop(StageEnding.PROVIDER_ERROR, fault.evidence(), cap=False))

    # -- errors ---------------------------------------------------------------------------------------------------

    def _failed(self, fault: Fault) -> web.StreamResponse:
        """The last word on a request that could not be answered."""
        stage = self._stage
        self._note(fault.kind, fault.text, *([fault.mend] if fault.mend else []))
        if fault.kind == "overflow":
            return self._overflow(fault)
        stop = fault.stop()
        if stop is None:
            return self._bad_request(fault)
        stage.end(Stop(stop.ending, stage.recorder.clean(stop.detail), stop.cap))
        self._outcome.status = ENDED
        assert stage.stop is not None
        return refuse(self._dialect, stage.stop)

    def _overflow(self, fault: Fault) -> web.StreamResponse:
        prompt, window = overflow_sizes(fault.text)
        message = overflow_message(window or self._stage.window, prompt or self._held.prompt)
        self._outcome.status = 400
        return error_response(self._dialect, 400, Problem(message, "invalid_request_error", "context_length_exceeded"))

    def _bad_request(self, fault: Fault) -> web.StreamResponse:
        """The agent's own mistake: it gets the server's words, made quiet where a client would try again on them."""
        status = fault.status if fault.status in (400, 404, 413, 415, 422) else 400
        text = self._stage.recorder.clean(fault.text)
        if is_loud(text):
            self._outcome.mends.append("retry_words_removed")
        self._outcome.status = status
        return error_response(self._dialect, status, Problem(quiet(text), "invalid_request_error", "bad_request"))

    def _note(self, error: str, text: str, *mends: str) -> None:
        self._outcome.error, self._outcome.error_text = error, self._stage.recorder.clean(text)[:4000]
        self._outcome.mends.extend(mends)

    # -- after ----------------------------------------------------------------------------------------------------

    def _finish(self, started: CallStarted) -> None:
        """Whatever happened, the call has an end in the record. Nothing here waits."""
        stage, outcome, meter = self._stage, self._outcome, self._meter
        usage = meter.counts.usage()
        if outcome.error is None and meter.malformed_arguments():
            outcome.mends.append("malformed_arguments_seen")
        truncated = stage.learn(self._session, self._asked.raw, usage) if outcome.error is None else None
        cost = stage.price.cost(usage) if stage.price is not None else None
        if self._pause is not None and self._pause.end is None:
            self._pause.end = time.time()
        ended = CallEnded(
            id=self._id,
            t=time.time(),
            status=outcome.status,
            served=meter.served,
            usage=usage,
            timing=meter.timing(first_byte=self._first_byte, total=time.monotonic() - self._sent_at),
            finish=meter.finish,
            retries=outcome.retries,
            retry_seconds=round(self._paused, 6),
            error=outcome.error,
            error_text=outcome.error_text,
            mends=tuple(outcome.mends),
            truncated=truncated,
            cost=cost,
            cost_reported=meter.cost_reported,
            price_source=stage.price.source if stage.price is not None and cost is not None else None,
            response=stage.recorder.body(
                self._id, "response", b"".join(outcome.response), self._thread() + "/response"
            ),
        )
        stage.output_rate = meter.output_rate() or stage.output_rate
        stage.end_call(ended)
        if (stop := stage.budget.end(self._held, usage, cost)) is not None:
            stage.end(stop)
        stage.recorder.ended(ended)


def refuse(dialect: Dialect, stop: Stop) -> web.Response:
    """What every request gets once a stage has been stopped."""
    message = stop_message(stop.ending.value, stop.cap)
    return error_response(dialect, ENDED, Problem(message, "invalid_request_error", "stage_over"))


def error_response(dialect: Dialect, status: int, problem: Problem) -> web.Response:
    return web.Response(
        status=status,
        body=dialect.error_body(problem),
        content_type="application/json",
        headers={"x-should-retry": "false"},
    )
