"""A real llama.cpp server as a child process: started on a free port, waited for, ended for sure."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support.ports import reserved_port

READY_SECONDS = 60.0

_CODE = """
import json, sys, threading
import xllamacpp
told = json.loads(sys.argv[1])
params = xllamacpp.CommonParams()
params.model.path = told["model"]
params.hostnames = ["127.0.0.1"]
params.port = told["port"]
params.n_ctx = told["context"]
params.n_parallel = told["slots"]
params.n_predict = told["most"]
params.model_alias = {told["alias"]} if isinstance(params.model_alias, (set, frozenset)) else told["alias"]
params.use_jinja = True
params.warmup = False
params.cpuparams.n_threads = 1
server = xllamacpp.Server(params)
sys.stdin.buffer.read()  # until the owner is gone, however it ends
import os
os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class LlamaServer:
    """`base_url` goes up to `/v1`."""

    base_url: str
    pid: int
    log: Path


@contextlib.contextmanager
def llama_server(
    model: Path, log: Path, *, context: int = 2048, alias: str = "tiny", slots: int = 1, most: int = 64
) -> Iterator[LlamaServer]:
    """Serve a model file. `most`: tokens that an answer has at most where the request does not say.

    Raises RuntimeError, with the end of the log, where the server does not come up.
    """
    with reserved_port() as port:
        yield from _serve(model, log, port, context=context, alias=alias, slots=slots, most=most)


def _serve(
    model: Path, log: Path, port: int, *, context: int, alias: str, slots: int, most: int
) -> Iterator[LlamaServer]:
    told = {"model": str(model), "port": port, "context": context, "alias": alias, "slots": slots, "most": most}
    command = [sys.executable, "-c", _CODE, json.dumps(told)]
    with log.open("wb") as out, subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=out) as process:
        try:
            _wait(process, port, log)
            yield LlamaServer(f"http://127.0.0.1:{port}/v1", process.pid, log)
        finally:
            _end(process)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"llama.cpp ended with {process.returncode}: {_tail(log)}")
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
            return
        time.sleep(0.05)
    raise RuntimeError(f"llama.cpp was not ready after {READY_SECONDS:g} s: {_tail(log)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Its standard input ends, which it takes for its own end; SIGKILL where it does not."""
    with contextlib.suppress(BrokenPipeError):
        assert process.stdin is not None
        process.stdin.close()
    try:
        process.wait(5.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10.0)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]
