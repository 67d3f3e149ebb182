"""The run's gateway: started, owned and ended here."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

from ralphbench.errors import GatewayLost
from ralphbench.gateway.client import GatewayClient
from ralphbench.schedule.runfolder import RunFolder

START_SECONDS = 30.0


class GatewayProcess:
    """A child process that ends when this one does: it holds a connection to us and goes with it."""

    def __init__(self, folder: RunFolder, log: Path) -> None:
        self._folder = folder
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._client: GatewayClient | None = None
        self.starts = 0

    def start(self) -> None:
        """Raises GatewayLost with the end of its log where it does not come up."""
        self.starts += 1
        command = [sys.executable, "-m", "ralphbench.gateway"]
        command += ["--control", str(self._folder.gateway_control), "--agents", str(self._folder.gateway_agents)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(GatewayLost):
                self._client = GatewayClient(self._folder.gateway_control)
                self._client.own()
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise GatewayLost(f"the gateway did not start: {_tail(self._log)}", remedy=f"cat {self._log}")
            time.sleep(0.02)

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def client(self) -> GatewayClient:
        if self._client is None:
            raise GatewayLost("the gateway is not running")
        return self._client

    def stop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._process is not None:
            try:
                self._process.wait(10.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
