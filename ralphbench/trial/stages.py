"""Runs the stages of one attempt: lease, gateway, agent, watchdog; and says how each of them ended."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ralphbench.agents import Agent
from ralphbench.control import ChannelError
from ralphbench.errors import AgentMissing, ConfigError, DiskError, EndpointError, GatewayLost, RunError, SandboxError
from ralphbench.gateway import GatewayClient, StageGrant, StageTraffic
from ralphbench.model import (
    AgentEvent,
    AttemptSpec,
    Ending,
    EventKind,
    Interval,
    IntervalKind,
    Pause,
    Spent,
    Stage,
    StageEnding,
    StageModel,
    StageResult,
    StageRun,
    codec,
)
from ralphbench.record import AttemptFolder, EventLog, disk_errors, refuse_full
from ralphbench.sandbox import Sandbox
from ralphbench.trial.clock import Clock
from ralphbench.trial.leases import LeaseClient
from ralphbench.trial.replayed import stage_warnings
from ralphbench.trial.stop import StopRequest
from ralphbench.trial.watch import StageWatch

STAGE_RETRIES = 2
"""How often a stage that an infrastructure fault cut off is run again before the attempt is void."""
_LEASE_FAULTS = {
    "EndpointDown": StageEnding.ENDPOINT_DOWN,
    "ModelMissing": StageEnding.MODEL_MISSING,
    "RunError": StageEnding.HARNESS,
}
"""By the kind of error that a lease was refused with; any other is of the model's load."""


@dataclass(slots=True)
class StageRunner:
    """Everything that the stages of one attempt share."""

    spec: AttemptSpec
    folder: AttemptFolder
    log: EventLog
    clock: Clock
    gateway: GatewayClient
    leases: LeaseClient
    sandbox: Sandbox
    agents: Mapping[tuple[str, str], Agent]
    stop: StopRequest
    worktree: Path
    home: Path
    anchor: Callable[[], Callable[[], None]]
    """Remembers the worktree as it is; what it returns puts it back, uncommitted work included."""
    spent: Spent = field(default_factory=Spent)
    next_call: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    """Stage runs so far by `<iteration>-<stage>`, earlier processes included."""

    def ask(
        self, stage: Stage, prompt: str, *, iteration: int, ticket: str | None, session: str | None = None
    ) -> StageResult:
        """Run a stage to its end. A stage that infrastructure cut off is run again, off the contender's clock.

        Raises DiskError.
        """
        restore = self.anchor()
        for left in range(STAGE_RETRIES, -1, -1):
            self.stop.raise_if_asked()
            began, since = time.time(), time.monotonic()
            before = self.clock.now()
            result = self._once(stage, prompt, iteration=iteration, ticket=ticket, session=session)
            fault = result.ending.fault
            if result.ending is StageEnding.INTERRUPTED:
                return result
            if fault is Ending.DISK:
                # Not tried again: whoever looks at the disk now sees who has filled it.
                raise DiskError(result.detail)
            refuse_full(self.worktree.parent, self.folder.path)
            if fault is None or not left:
                return result
            label, until = f"{stage}: {fault}", time.monotonic()
            self._pause(Pause(IntervalKind.RETRY, began, time.time(), label, since, until))
            self.spent = dataclasses.replace(self.spent, seconds=before)
            self.log.append(
                EventKind.FAULT,
                ending=fault,
                detail=result.detail,
                stage=stage,
                retried=True,
                spent=codec.builtins(self.spent),
            )
            restore()
        raise AssertionError("unreachable")

    def _once(
        self, stage: Stage, prompt: str, *, iteration: int, ticket: str | None, session: str | None
    ) -> StageResult:
        model = self.spec.profile.stages[stage]
        stage_id = self._stage_id(stage, iteration)
        path = self.folder.prompts / f"{stage_id}.md"
        with disk_errors(path):
            path.write_text(prompt, encoding="utf-8")
        self.log.append(
            EventKind.STAGE_STARTED,
            stage=stage,
            stage_id=stage_id,
            iteration=iteration,
            ticket=ticket,
            model=str(model.model),
            agent=model.agent,
            prompt=f"prompts/{path.name}",
            session=session,
        )
        began = time.time()
        clock_began = self.clock.now()
        result, traffic = self._leased(stage, stage_id, iteration, path, model, session)
        self._settle(traffic, stage_id)
        self._stage_ended(stage, stage_id, iteration, result, began, clock_began)
        return dataclasses.replace(result, stage_id=stage_id)

    def _leased(
        self, stage: Stage, stage_id: str, iteration: int, prompt: Path, model: StageModel, session: str | None
    ) -> tuple[StageResult, StageTraffic | None]:
        """Wait for a slot, with the model in memory; then run. Nobody waits any longer who is asked to stop."""
        with contextlib.ExitStack() as held:
            try:
                with self.stop.breakable():
                    pauses = held.enter_context(self.leases.lease(model))
            except ChannelError as error:
                return StageResult(
                    _LEASE_FAULTS.get(error.kind, StageEnding.MODEL_LOAD), "", detail=error.message
                ), None
            for pause in pauses:
                self._pause(pause, stage_id)
            return self._drive(stage, stage_id, iteration, prompt, model, session)

    def _drive(
        self, stage: Stage, stage_id: str, iteration: int, prompt: Path, model: StageModel, session: str | None
    ) -> tuple[StageResult, StageTraffic | None]:
        """The agent's run itself; infrastructure errors become the stage's ending."""
        try:
            address = self.gateway.open_stage(self._grant(stage, stage_id, iteration, model))
        except GatewayLost:
            raise
        except EndpointError as error:
            return StageResult(StageEnding.ENDPOINT_DOWN, "", detail=error.message), None
        except (ChannelError, ConfigError, RunError) as error:
            return StageResult(StageEnding.HARNESS, "", detail=error.message), None
        run = StageRun(
            id=stage_id,
            stage=stage,
            iteration=iteration,
            prompt=prompt,
            cwd=self.worktree,
            home=self.home,
            model=model,
            gateway=address,
            raw=self.folder.agent / f"{stage_id}.jsonl",
            session=session,
            env={"RALPHBENCH_ATTEMPT": self.spec.id, "RALPHBENCH_STAGE": stage_id},
        )
        recorder = _EventRecorder(self.log, stage_id)
        watch = StageWatch(
            limits=self.spec.limits,
            clock=self.clock,
            gateway=self.gateway,
            token=address.token,
            stop=self.stop,
            on_event=recorder,
            on_traffic=self._note_traffic,
            disks=(self.worktree.parent, self.folder.path),
        )
        try:
            result = self.agents[agent_key(model)].run(run, self.sandbox, watch)
        except (SandboxError, AgentMissing) as error:
            result = StageResult(StageEnding.SANDBOX, "", detail=str(error))
        except DiskError:
            with contextlib.suppress(GatewayLost, ChannelError):
                self.gateway.close_stage(address.token)  # what it has to write of this stage, it writes now or never
            raise
        return self._close(result, address.token, watch)

    def _grant(self, stage: Stage, stage_id: str, iteration: int, model: StageModel) -> StageGrant:
        return StageGrant(
            attempt=self.spec.id,
            folder=self.folder.path,
            stage=stage,
            stage_id=stage_id,
            iteration=iteration,
            model=model,
            endpoint=self.spec.endpoints[model.model.endpoint],
            limits=self.spec.limits,
            spent=self.spent,
            next_call=self.next_call,
        )

    def _close(self, result: StageResult, token: str, watch: StageWatch) -> tuple[StageResult, StageTraffic | None]:
        """End the stage at the gateway. What the watchdog or the gateway saw outranks what the agent made of it; a limit
        does not, where the work was done before it.
        """
        try:
            traffic = self.gateway.close_stage(token)
        except GatewayLost as error:
            detail = f"the gateway is gone: {error.message}"
            return _ended(result, StageEnding.INTERRUPTED, detail), watch.traffic
        verdict = watch.verdict
        if verdict is None and traffic.stop is not None:
            verdict = StageEnding(traffic.stop), traffic.detail
        if verdict is None or (result.ending is StageEnding.DONE and verdict[0].fault is None):
            return result, traffic
        return _ended(result, *verdict), traffic

    def _settle(self, traffic: StageTraffic | None, stage_id: str) -> None:
        if traffic is None:
            return
        self._note_traffic(traffic)
        self.clock.provisional(())
        for pause in traffic.pauses:
            self._pause(pause, stage_id)
        for text in stage_warnings(stage_id, traffic.differences):
            self.log.append(EventKind.WARNING, text=text, stage_id=stage_id)

    def _note_traffic(self, traffic: StageTraffic) -> None:
        self.spent = traffic.spent
        self.next_call = traffic.next_call

    def _pause(self, pause: Pause, stage_id: str = "") -> None:
        """Take a pause off the contender's clock and write it down. One too short to matter is only taken off."""
        self.clock.pause(pause)
        if pause.end - pause.start >= 0.001:
            self.log.append(EventKind.INTERVAL, **codec.builtins(pause.recorded()), stage_id=stage_id)

    def _stage_id(self, stage: Stage, iteration: int) -> str:
        key = f"{iteration}-{stage}"
        self.counts[key] = self.counts.get(key, 0) + 1
        return f"{key}-{self.counts[key]}"

    def _stage_ended(
        self,
        stage: Stage,
        stage_id: str,
        iteration: int,
        result: StageResult,
        began: float,
        clock_began: float,
    ) -> None:
        ended = time.time()
        now = self.clock.now()
        self.spent = dataclasses.replace(self.spent, seconds=now)
        interval = Interval(IntervalKind.STAGE, began, ended, stage)
        self.log.append(EventKind.INTERVAL, **codec.builtins(interval), stage_id=stage_id)
        self.log.append(
            EventKind.STAGE_ENDED,
            stage=stage,
            stage_id=stage_id,
            iteration=iteration,
            ending=result.ending,
            detail=result.detail,
            seconds=ended - began,
            clock=now - clock_began,
            spent=codec.builtins(self.spent),
            exit=result.exit,
            session=result.session,
            tools=result.tools,
            leftovers=result.leftovers,
            text=result.text[-4000:],
        )
        self.log.sync()


class _EventRecorder:
    """Writes an agent's events down, and the intervals of its tools."""

    def __init__(self, log: EventLog, stage_id: str) -> None:
        self._log = log
        self._stage_id = stage_id

    def __call__(self, event: AgentEvent) -> None:
        fields: dict[str, Any] = {k: v for k, v in codec.builtins(event).items() if v is not None and k != "t"}
        self._log.append(
            EventKind.AGENT, stage_id=self._stage_id, at=event.t, **{_RENAMED.get(k, k): v for k, v in fields.items()}
        )
        if event.kind == "tool_result" and event.seconds is not None:
            interval = Interval(IntervalKind.TOOL, event.t - event.seconds, event.t, event.tool or "")
            self._log.append(EventKind.INTERVAL, **codec.builtins(interval), stage_id=self._stage_id)


_RENAMED = {"kind": "what"}


def agent_key(model: StageModel) -> tuple[str, str]:
    """Stages with the same agent and options share one Agent object."""
    return model.agent, codec.canonical(model.agent_options).decode()


def _ended(result: StageResult, ending: StageEnding, detail: str) -> StageResult:
    return dataclasses.replace(result, ending=ending, detail=detail)
