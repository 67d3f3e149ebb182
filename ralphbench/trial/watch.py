"""The harness's eye on a running stage: deadlines, caps, faults, silence, and the wish to stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ralphbench.errors import DiskFull, GatewayLost
from ralphbench.gateway import GatewayClient, StageTraffic
from ralphbench.model import AgentEvent, Limits, StageEnding
from ralphbench.record import refuse_full
from ralphbench.sandbox import SandboxProcess
from ralphbench.trial.clock import Clock
from ralphbench.trial.stop import StopRequest

POLL = 0.25
"""Seconds between two looks at the gateway: how late a cap or a fault is noticed at most."""

FULL_LOOKS = 4
"""How many looks in a row must find a disk full: a build may need all of it for a moment."""

IDLE_SHARE = 0.05
"""Of one core: less than this is a process that waits."""


class StageWatch:
    """Looks after one stage. `check` returns why it must end, or None; the first reason stays the reason."""

    def __init__(
        self,
        *,
        limits: Limits,
        clock: Clock,
        gateway: GatewayClient,
        token: str,
        stop: StopRequest,
        on_event: Callable[[AgentEvent], None],
        on_traffic: Callable[[StageTraffic], None],
        disks: Sequence[Path] = (),
    ) -> None:
        """`disks`: folders on the disks that must not be full."""
        self._limits = limits
        self._clock = clock
        self._gateway = gateway
        self._token = token
        self._stop = stop
        self._on_event = on_event
        self._on_traffic = on_traffic
        self._began = clock.now()
        self._next_poll = 0.0
        self._activity = 0
        self._cpu: float | None = None
        self._last_sign = time.monotonic()
        self._fresh_event = False
        self._disks = disks
        self._looks_at_full = 0
        self.verdict: tuple[StageEnding, str] | None = None
        self.traffic: StageTraffic | None = None

    def event(self, event: AgentEvent) -> None:
        self._last_sign = time.monotonic()
        self._fresh_event = True
        self._on_event(event)

    def check(self, process: SandboxProcess) -> tuple[StageEnding, str] | None:
        if self.verdict is None:
            self.verdict = self._look(process)
        return self.verdict

    def model_activity(self) -> int | None:
        """Grows with every call and byte of the stage; None: the gateway was not asked yet. For agents' own watchdogs."""
        return None if self.traffic is None else self.traffic.activity

    def elapsed(self) -> float:
        """Seconds of the contender's clock that this stage has used."""
        return self._clock.now() - self._began

    def _look(self, process: SandboxProcess) -> tuple[StageEnding, str] | None:
        if asked := self._asked_to_stop(process):
            return asked
        now = time.monotonic()
        if now < self._next_poll:
            return None
        self._next_poll = now + POLL
        return self._look_at_gateway(process, now) or self._look_at_disks() or self._look_at_clock(now)

    def _asked_to_stop(self, process: SandboxProcess) -> tuple[StageEnding, str] | None:
        """Softly: at the agent's next event. What has just come to its end is kept: the loop stops at the next step."""
        stop = self._stop
        if stop.now or stop.orphaned() or (stop.soft and self._fresh_event and process.poll() is None):
            return StageEnding.INTERRUPTED, "asked to stop"
        self._fresh_event = False
        return None

    def _look_at_gateway(self, process: SandboxProcess, now: float) -> tuple[StageEnding, str] | None:
        try:
            traffic = self._gateway.poll(self._token)
        except GatewayLost as error:
            return StageEnding.INTERRUPTED, f"the gateway is gone: {error.message}"
        self.traffic = traffic
        self._clock.provisional(traffic.pauses)
        self._on_traffic(traffic)
        cpu = process.cpu_seconds()
        # A server that has not begun to answer is not the contender's silence: the gateway gives it up in time.
        if traffic.activity != self._activity or traffic.waiting or _paused(traffic) or self._working(cpu, now):
            self._activity = traffic.activity
            self._last_sign = now
            self._cpu = cpu
        if traffic.stop is not None:
            return StageEnding(traffic.stop), traffic.detail
        return None

    def _look_at_disks(self) -> tuple[StageEnding, str] | None:
        """A disk that stays full: what goes on now cannot be recorded, and fails for want of room."""
        try:
            refuse_full(*self._disks)
        except DiskFull as full:
            self._looks_at_full += 1
            return (StageEnding.DISK, full.message) if self._looks_at_full >= FULL_LOOKS else None
        self._looks_at_full = 0
        return None

    def _working(self, cpu: float | None, now: float) -> bool:
        """Whether the tree has worked since the last sign of life; an idle process uses a little too."""
        if cpu is None:
            return False
        used = cpu - (self._cpu or 0.0)
        return used > 0.5 + IDLE_SHARE * (now - self._last_sign)

    def _look_at_clock(self, now: float) -> tuple[StageEnding, str] | None:
        limits = self._limits
        if self._clock.now() >= limits.wall_time:
            return StageEnding.WALL_TIME, f"the attempt's {limits.wall_time:g} s are used up"
        if self.elapsed() >= limits.stage_timeout:
            return StageEnding.STAGE_TIMEOUT, f"the stage ran for {limits.stage_timeout:g} s"
        silent = now - self._last_sign
        if silent >= limits.idle_timeout:
            return StageEnding.IDLE_TIMEOUT, f"no event, no model traffic and no CPU for {silent:.0f} s"
        return None


def _paused(traffic: StageTraffic) -> bool:
    """Whether the gateway is waiting for the server on the contender's behalf just now."""
    return any(time.monotonic() - pause.until < 2 * POLL for pause in traffic.pauses)
