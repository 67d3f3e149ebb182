"""Answers that are the gateway's own: errors in the dialect's shape, with words that no client tries again on."""

from __future__ import annotations

from aiohttp import web

from ralphbench.gateway.admission import Stop
from ralphbench.gateway.dialects import Dialect, Problem
from ralphbench.gateway.texts import stop_message

ENDED = 402
"""What a request gets when there is nothing more to be had: no client tries again on it."""


def error_response(dialect: Dialect, status: int, problem: Problem) -> web.Response:
    """An HTTP error. The header is what OpenAI's and Anthropic's SDKs ask before they try again."""
    return web.Response(
        status=status,
        body=dialect.error_body(problem),
        content_type="application/json",
        headers={"x-should-retry": "false"},
    )


def stage_over(stop: Stop) -> Problem:
    return Problem(stop_message(stop.ending.value, stop.cap), "invalid_request_error", "stage_over")


def refuse(dialect: Dialect, stop: Stop) -> web.Response:
    """What every request gets once its stage has been stopped."""
    return error_response(dialect, ENDED, stage_over(stop))
