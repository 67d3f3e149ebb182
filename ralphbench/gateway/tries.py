"""One try of one request: sent to the server, its answer looked at, and passed on."""

from __future__ import annotations

import asyncio
import io
import time

from aiohttp import (
    ClientConnectionError,
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ConnectionTimeoutError,
    ServerTimeoutError,
    web,
)
from multidict import CIMultiDict

from ralphbench.endpoints import RECORDED_FAULT, error_text
from ralphbench.gateway import headers
from ralphbench.gateway.admission import Stop
from ralphbench.gateway.dialects import Problem
from ralphbench.gateway.faults import Fault, http_fault, stream_fault
from ralphbench.gateway.judge import Judge
from ralphbench.gateway.outcome import Asked, HungUp
from ralphbench.gateway.refusals import ENDED, refuse, stage_over
from ralphbench.gateway.relay import Ending, Opening, Relay
from ralphbench.model import StageEnding

_LARGE = 1024 * 1024
_MAX_ERROR = 1024 * 1024
"""Bytes that are read of an error's text."""
_BROKEN = (ClientError, ConnectionError, asyncio.TimeoutError)
"""What a connection to the server breaks with."""
_CLOSING = 2.0
"""Seconds after which a server that hangs up had been at work on the request."""
_CHECK_EVERY = 32
"""Tokens between two looks at the caps."""


class Try:
    """`run` returns the answer, whole; it raises Fault as long as nothing was sent to the agent, HungUp where that is gone."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._outcome = asked.outcome
        if asked.outcome.retries:
            asked.outcome.begin_again(asked.dialect.meter())
        self._meter = asked.outcome.meter
        self._judge = Judge(asked.stage, self._meter, asked.held)
        self._sent_at = time.monotonic()
        self._out: web.StreamResponse | None = None
        self._checked = 0
        self._waits = False

    async def run(self, wire: bytes, sent: CIMultiDict[str]) -> web.StreamResponse:
        route, dialect = self._asked.stage.route, self._asked.dialect
        data = io.BytesIO(wire) if len(wire) > _LARGE else wire
        self._wait(True)
        try:
            async with route.session.request(
                "POST", route.url(dialect.path), data=data, headers=sent, timeout=route.timeout, allow_redirects=False
            ) as response:
                self._outcome.first_byte = time.monotonic() - self._sent_at
                self._outcome.server_status = response.status
                return await self._read(response)
        except (ClientConnectorError, ConnectionTimeoutError) as error:
            raise Fault("endpoint_down", _words(error)) from error
        except ServerTimeoutError as error:
            raise Fault("provider_error", f"no byte for {route.timeout.sock_read:g} s") from error
        except ClientConnectionError as error:
            # At once: as a rule a kept connection that the server was just closing.
            closing = time.monotonic() - self._sent_at < _CLOSING
            raise Fault("provider_error", _words(error), at_once=closing) from error
        except _BROKEN as error:
            raise Fault("provider_error", _words(error)) from error
        finally:
            self._wait(False)

    def _wait(self, waits: bool) -> None:
        """Whether nothing of the answer has come yet. Some servers send the head of an answer before they read the prompt."""
        if waits is not self._waits:
            self._waits = waits
            self._asked.stage.waiting += 1 if waits else -1

    async def _read(self, response: ClientResponse) -> web.StreamResponse:
        if response.status >= 300:
            await self._read_error(response)
            raise self._error(response)
        kind = response.headers.get("content-type", "")
        if "event-stream" in kind or (self._asked.request.stream and "json" not in kind):
            return await self._stream(response)
        return await self._whole(response)

    def _error(self, response: ClientResponse) -> Fault:
        body = b"".join(self._outcome.response)
        if self._asked.stage.route.spec.kind == "replay" and (kind := response.headers.get(RECORDED_FAULT)):
            return Fault(kind, error_text(body))
        return http_fault(response.status, body, response.headers)

    async def _read_error(self, response: ClientResponse) -> None:
        received, size = self._outcome.response, 0
        while size < _MAX_ERROR and (chunk := await response.content.readany()):
            received.append(chunk)
            size += len(chunk)

    async def _whole(self, response: ClientResponse) -> web.StreamResponse:
        """An answer that is not a stream."""
        body = await response.read()
        self._outcome.response = [body]
        self._asked.stage.activity += len(body)
        meter = self._meter
        try:
            meter.body(body)
        except (ValueError, RecursionError) as error:
            raise Fault("provider_error", f"not an answer of this dialect ({error}): {body[:200]!r}") from error
        if meter.error is not None:
            raise stream_fault(meter.error)
        if self._asked.request.stream:
            raise Fault("provider_error", "one JSON body where a stream was asked for", mend="not_a_stream")
        if meter.contents == 0:
            self._judge.empty()
        self._judge.served_model()
        out = web.Response(status=response.status, headers=headers.to_agent(response.headers), body=body)
        self._outcome.status, self._outcome.out = response.status, out
        # Sent from here, so that the agent need not wait for the record.
        await self._prepare(out)
        return await self._close(out)

    # -- a stream -------------------------------------------------------------------------------------------------

    async def _stream(self, response: ClientResponse) -> web.StreamResponse:
        relay, stage = Relay(self._meter), self._asked.stage
        received, read = self._outcome.response, response.content.readany
        while True:
            try:
                chunk = await read()
            except _BROKEN as error:
                relay.lost(_words(error))
                break
            t = time.monotonic() - self._sent_at
            received.append(chunk)
            self._wait(False)
            stage.activity += len(chunk)
            data = relay.feed(chunk, t) if chunk else relay.eof(t)
            if relay.opening is Opening.FAILED:
                raise stream_fault(self._meter.error or "")
            if data:
                await self._pass_on(response, data)
            if not chunk or relay.broken:
                break
            if (stop := self._over()) is not None:
                return await self._cut(stop)
        return await self._end_stream(response, relay)

    async def _pass_on(self, response: ClientResponse, data: bytes) -> None:
        if self._out is None:
            self._judge.served_model()
            self._out = web.StreamResponse(status=response.status, headers=headers.to_agent(response.headers))
            self._outcome.status, self._outcome.out = response.status, self._out
            await self._prepare(self._out)
        await self._send(self._out, data)

    async def _prepare(self, out: web.StreamResponse) -> None:
        try:
            await out.prepare(self._asked.http)
        except ConnectionError as error:
            raise HungUp(_words(error)) from error

    @staticmethod
    async def _send(out: web.StreamResponse, data: bytes) -> None:
        try:
            await out.write(data)
        except ConnectionError as error:
            raise HungUp(_words(error)) from error

    def _over(self) -> Stop | None:
        """Whether a fault has stopped the stage meanwhile, or this answer has put out so much that a cap is passed. A cap
        that another call has met does not end this one, which was within it when it started.
        """
        held, stage = self._asked.held, self._asked.stage
        if stage.stop is not None and not stage.stop.cap:
            return stage.stop
        held.output = self._meter.output_estimate()
        if held.output - self._checked < _CHECK_EVERY:
            return None
        self._checked = held.output
        return stage.budget.running_over(held)

    async def _cut(self, stop: Stop) -> web.StreamResponse:
        """End a running answer; leaving the request's context hangs up on the server."""
        self._asked.stage.end(stop)
        self._outcome.note("cap" if stop.cap else "stage_over", stop.detail, "cut")
        if self._out is None:
            self._outcome.status = ENDED
            return refuse(self._asked.dialect, stop)
        return await self._end_with(self._out, stage_over(stop))

    async def _end_stream(self, response: ClientResponse, relay: Relay) -> web.StreamResponse:
        ending = relay.ending()
        if self._out is None:
            await self._open_at_end(response, relay, ending)
        assert self._out is not None
        if ending is Ending.UNFINISHED:
            return await self._broken_off(self._out, relay)
        if ending is Ending.REPORTED:
            self._reported()
        elif (fault := self._judge.late_model()) is not None:
            self._outcome.note(fault.kind, fault.text)
            self._asked.stage.end(fault.stop())
        if relay.late_reset:
            self._outcome.mends.append("reset_after_finish")
        if relay.completed:
            self._outcome.mends.append("last_event_completed")
        return await self._close(self._out)

    async def _open_at_end(self, response: ClientResponse, relay: Relay, ending: Ending) -> None:
        """The stream is over and nothing of it has been sent: it had no content, or it failed."""
        if ending is Ending.REPORTED:
            raise stream_fault(self._meter.error or "")
        if relay.broken and not relay.late_reset:
            raise Fault("provider_error", f"broken off before the first token: {relay.broken}")
        self._judge.empty()
        await self._pass_on(response, relay.release())

    async def _broken_off(self, out: web.StreamResponse, relay: Relay) -> web.StreamResponse:
        fault = Fault("provider_error", relay.broken or "the stream ended without a finish reason")
        self._outcome.note(fault.kind, fault.text, "reset_mid_stream" if relay.broken else "no_finish_reason")
        self._asked.stage.end(fault.stop())
        return await self._end_with(
            out, Problem("The answer broke off before its end.", "api_error", "incomplete_answer")
        )

    def _reported(self) -> None:
        """The server failed in the middle of an answer and said so; the agent has seen it too."""
        fault = stream_fault(self._meter.error or "")
        self._outcome.note(fault.kind, fault.text)
        if fault.kind == "overflow":
            # Too late for an HTTP error that the agent could act on: the stage is over, and through its context.
            detail = f"the context overflowed in the middle of an answer: {fault.text[:500]}"
            self._asked.stage.end(Stop(StageEnding.CONTEXT, detail, cap=False))
        elif fault.stop_ending is not None:  # else the model's own doing: a tool call that its server cannot read
            self._asked.stage.end(fault.stop())

    async def _end_with(self, out: web.StreamResponse, problem: Problem) -> web.StreamResponse:
        """End a committed stream with an error event of its dialect: never cleanly."""
        await self._send(out, self._asked.dialect.error_event(problem, self._meter.sequence))
        return await self._close(out)

    @staticmethod
    async def _close(out: web.StreamResponse) -> web.StreamResponse:
        try:
            await out.write_eof()
        except ConnectionError as error:
            raise HungUp(_words(error)) from error
        return out


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
