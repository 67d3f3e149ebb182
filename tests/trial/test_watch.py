"""The watchdog's rules, with a process and a gateway that say what each case needs; time is the real one, made short."""

from __future__ import annotations

import dataclasses
import time

import pytest

from ralphbench.agents.protocol import TrafficWatch
from ralphbench.errors import GatewayLost
from ralphbench.gateway import StageTraffic
from ralphbench.model import AgentEvent, Interval, Limits, Spent, StageEnding
from ralphbench.trial import Clock, watch
from ralphbench.trial.stop import StopRequest
from ralphbench.trial.watch import StageWatch

IDLE = Limits(idle_timeout=0.3)


class Process:
    def __init__(self) -> None:
        self.cpu = 0.0
        self.over: int | None = None

    def poll(self) -> int | None:
        return self.over

    def cpu_seconds(self) -> float | None:
        return self.cpu


class Gateway:
    def __init__(self) -> None:
        self.traffic = StageTraffic(0, 0, Spent(), 0, None, "", (), None, None)
        self.lost = False

    def poll(self, token: str) -> StageTraffic:
        if self.lost:
            raise GatewayLost("gone")
        return self.traffic

    def say(self, **changes: object) -> None:
        self.traffic = dataclasses.replace(self.traffic, **changes)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "POLL", 0.01)


class Case:
    def __init__(self, limits: Limits = IDLE, clock: Clock | None = None) -> None:
        self.stop, self.gateway, self.process = StopRequest(), Gateway(), Process()
        self.clock = clock or Clock()
        self.events: list[AgentEvent] = []
        self.watch = StageWatch(
            limits=limits,
            clock=self.clock,
            gateway=self.gateway,  # type: ignore[arg-type]
            token="t",
            stop=self.stop,
            on_event=self.events.append,
            on_traffic=lambda traffic: None,
        )

    def look(self) -> StageEnding | None:
        verdict = self.watch.check(self.process)  # type: ignore[arg-type]
        return None if verdict is None else verdict[0]

    def during(self, seconds: float, each: object = None) -> StageEnding | None:
        """The verdict after some time in which `each` happens at every look."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if callable(each):
                each()
            if ending := self.look():
                return ending
            time.sleep(0.02)
        return None


def test_silence_ends_a_stage_as_idle() -> None:
    assert Case().during(1.0) is StageEnding.IDLE_TIMEOUT


def test_an_event_is_a_sign_of_life() -> None:
    case = Case()
    assert case.during(0.6, lambda: case.watch.event(AgentEvent("message", time.time()))) is None


def test_traffic_is_a_sign_of_life() -> None:
    case = Case()
    assert case.during(0.6, lambda: case.gateway.say(activity=case.gateway.traffic.activity + 1)) is None


def test_work_is_a_sign_of_life_and_idling_along_is_none() -> None:
    case = Case()

    def work(seconds: float) -> None:
        case.process.cpu += seconds

    assert case.during(0.6, lambda: work(0.6)) is None
    assert case.during(1.5, lambda: work(0.0005)) is StageEnding.IDLE_TIMEOUT


def test_a_pause_of_the_gateway_is_not_the_agents_silence() -> None:
    case = Case()
    began = time.time()
    assert case.during(0.6, lambda: case.gateway.say(pauses=(Interval("retry", began, time.time()),))) is None


def test_a_growing_pause_is_off_the_wall_time() -> None:
    case = Case(Limits(wall_time=0.3))
    began = time.time()
    assert case.during(0.6, lambda: case.gateway.say(pauses=(Interval("load", began, time.time()),))) is None


def test_the_attempts_wall_time_ends_a_stage_that_is_young() -> None:
    assert Case(Limits(wall_time=100.0), Clock(99.9)).during(1.0) is StageEnding.WALL_TIME


def test_a_stage_has_its_own_time() -> None:
    assert Case(Limits(stage_timeout=0.2), Clock(5000.0)).during(1.0) is StageEnding.STAGE_TIMEOUT


def test_a_cap_at_the_gateway_ends_the_stage_and_the_first_reason_stays() -> None:
    case = Case()
    case.gateway.say(stop="tokens", detail="too many")
    assert case.look() is StageEnding.TOKENS
    case.gateway.say(stop="cost")
    time.sleep(0.02)
    assert case.look() is StageEnding.TOKENS


def test_a_gateway_that_is_gone_interrupts_and_does_not_blame_the_agent() -> None:
    case = Case()
    case.gateway.lost = True
    assert case.look() is StageEnding.INTERRUPTED


def test_a_soft_wish_waits_for_the_next_event() -> None:
    case = Case()
    case.look()
    case.stop.soft = True
    assert case.look() is None
    case.watch.event(AgentEvent("message", time.time()))
    assert case.look() is StageEnding.INTERRUPTED


def test_a_soft_wish_does_not_throw_away_what_has_just_come_to_its_end() -> None:
    case = Case()
    case.stop.soft = True
    case.watch.event(AgentEvent("message", time.time()))
    case.process.over = 0
    assert case.look() is None


def test_now_is_now() -> None:
    case = Case()
    case.stop.soft = case.stop.now = True
    assert case.look() is StageEnding.INTERRUPTED


def test_agents_can_see_whether_the_model_was_asked() -> None:
    case = Case()
    assert isinstance(case.watch, TrafficWatch)
    assert case.watch.model_activity() is None
    case.look()
    assert case.watch.model_activity() == 0
