"""The run's gateway, and its successor where it dies."""

from __future__ import annotations

from pathlib import Path

from ralphbench.errors import GatewayLost
from ralphbench.gateway.process import GatewayProcess

MOST_STARTS = 4


class RunGateway:
    """Keeps one gateway process alive under one folder, so that its sockets' paths stay the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = GatewayProcess.start(folder)
        self.starts = 1

    @property
    def control(self) -> Path:
        return self._process.control

    @property
    def socket(self) -> Path:
        return self._process.socket

    @property
    def log(self) -> Path:
        return self._process.log

    def alive(self) -> bool:
        return self._process.alive()

    def restart(self) -> None:
        """Raises GatewayLost where it has died too often to be trusted any more."""
        self.close()
        if self.starts >= MOST_STARTS:
            tail = self.log.read_bytes()[-500:].decode(errors="replace").strip()
            raise GatewayLost(f"the gateway died {self.starts} times; it said last: {tail}")
        self._process = GatewayProcess.start(self._folder)
        self.starts += 1

    def close(self) -> None:
        self._process.close()
