"""Servers that ralphbench brings along (`scripted`, `replay`): in the gateway's own event loop, or as a process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from ralphbench.endpoints.protocol import EmbeddedServer
from ralphbench.errors import EndpointError, RalphbenchError
from ralphbench.model import EndpointSpec


def standing_at(spec: EndpointSpec) -> str:
    """The base URL of an embedded server that somebody started. Raises EndpointError where nobody did."""
    if spec.base_url is None:
        raise EndpointError(
            f"endpoint {spec.name!r} ({spec.kind}) has no server yet: the gateway starts one with `open_server()` "
            "and says where in `base_url`",
            remedy=f"python -m ralphbench.endpoints.{spec.kind} {spec.script} --port 8099, "
            f"and `base_url: http://127.0.0.1:8099/v1` for {spec.name} in endpoints.yaml",
        )
    return spec.base_url.rstrip("/")


def serve_process(program: str, what: str, make: Callable[[Path], EmbeddedServer], arguments: list[str]) -> int:
    """A process around one server. Says its base URL on standard output, one line, and serves until SIGTERM or SIGINT;
    with `--until-eof` also until standard input ends, so that it ends with its owner, however that dies.

    Returns the exit status.
    """
    from argparse import ArgumentParser

    parser = ArgumentParser(prog=f"python -m {program}")
    parser.add_argument("path", type=Path, metavar=what.upper())
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input, a pipe, ends")
    options = parser.parse_args(arguments)
    try:
        server = make(options.path)
        asyncio.run(_serve(server, options.host, options.port, until_eof=options.until_eof))
    except RalphbenchError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"cannot listen on {options.host}:{options.port}: {error.strerror or error}\n")
        return EndpointError.exit_code
    return 0


async def _serve(server: EmbeddedServer, host: str, port: int, *, until_eof: bool) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if until_eof:
        loop.add_reader(0, _end_at_eof, ended)
    url = await server.start(host, port)
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()
    await ended.wait()
    await server.stop()


def _end_at_eof(ended: asyncio.Event) -> None:
    if not os.read(0, 65536):
        ended.set()


@contextlib.contextmanager
def serve_in_thread(server: EmbeddedServer) -> Iterator[str]:
    """The server in an event loop of its own, for callers that block. Gives the base URL; leaving ends it.

    Raises OSError where it cannot listen.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="embedded server", daemon=True)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(server.start(), loop).result(10.0)
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10.0)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10.0)
        loop.close()
