"""A run's side of the gateway: start its process, own it, end it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ralphbench.errors import GatewayLost
from ralphbench.gateway.client import GatewayClient

_START = 30.0
_END = 10.0


@dataclass(slots=True)
class GatewayProcess:
    """A gateway that belongs to this process: it ends when this connection does, however this process dies."""

    control: Path
    """The control socket, for trials."""
    socket: Path
    """The agents' socket; its folder is what a sandbox may show."""
    log: Path
    client: GatewayClient
    _process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, folder: Path, *, env: Mapping[str, str] | None = None) -> GatewayProcess:
        """Start one with its sockets under `folder`: `control/gateway.sock`, `agents/gateway.sock`, and `gateway.log`.

        `env` None: this process's own environment, which holds the keys. Raises GatewayLost with the end of its log.
        """
        control, agents = folder / "control" / "gateway.sock", folder / "agents" / "gateway.sock"
        log = folder / "gateway.log"
        folder.mkdir(parents=True, exist_ok=True)
        control.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "ralphbench.gateway", "--control", str(control), "--socket", str(agents)]
        with log.open("ab") as out:
            # A session of its own: a Ctrl-C at the terminal is the run's to handle, and the run ends its gateway last.
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=dict(os.environ if env is None else env),
                start_new_session=True,
            )
        client = _connect(process, control, log)
        return cls(control, agents, log, client, process)

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def describe(self) -> dict[str, Any]:
        return self.client.describe()

    def close(self) -> None:
        """End it in an orderly way, else by force. Open calls are recorded as ended."""
        with contextlib.suppress(GatewayLost):
            self.client.shutdown()
        self.client.close()
        try:
            self._process.wait(_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> GatewayProcess:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _connect(process: subprocess.Popen[bytes], control: Path, log: Path) -> GatewayClient:
    deadline = time.monotonic() + _START
    while True:
        if process.poll() is not None:
            raise GatewayLost(f"the gateway ended at its start with status {process.returncode}: {_tail(log)}")
        try:
            client = GatewayClient(control)
            client.own()
        except GatewayLost as error:
            if time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise GatewayLost(f"the gateway did not start within {_START:.0f} s: {_tail(log)}") from error
            time.sleep(0.02)
            continue
        return client


def _tail(log: Path) -> str:
    return log.read_bytes()[-2000:].decode(errors="replace").strip() or f"nothing in {log}"
