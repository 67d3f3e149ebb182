"""The watchdog's rules, with a process and a gateway that say what each case needs, and a clock that the test moves."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from support.hand_clock import HandClock
from support.small_disk import MB, small_disk

from ralphbench.agents.protocol import TrafficWatch
from ralphbench.errors import GatewayLost
from ralphbench.gateway import StageTraffic
from ralphbench.model import AgentEvent, Limits, Pause, Spent, StageEnding
from ralphbench.trial import Clock
from ralphbench.trial.stop import StopRequest
from ralphbench.trial.watch import FULL_LOOKS, StageWatch

IDLE = Limits(idle_timeout=60)
LOOK = 1.0
"""Seconds between two looks."""


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
def hand(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    clock = HandClock()
    for module in ("clock", "watch"):
        monkeypatch.setattr(f"ralphbench.trial.{module}.time", clock)
    return clock


class Case:
    def __init__(
        self, hand: HandClock, limits: Limits = IDLE, carried: float = 0.0, disks: tuple[Path, ...] = ()
    ) -> None:
        self.hand = hand
        self.stop, self.gateway, self.process = StopRequest(), Gateway(), Process()
        self.events: list[AgentEvent] = []
        self.watch = StageWatch(
            limits=limits,
            clock=Clock(carried),
            gateway=self.gateway,  # type: ignore[arg-type]
            token="t",
            stop=self.stop,
            on_event=self.events.append,
            on_traffic=lambda traffic: None,
            disks=disks,
        )

    def look(self) -> StageEnding | None:
        verdict = self.watch.check(self.process)  # type: ignore[arg-type]
        return None if verdict is None else verdict[0]

    def during(self, seconds: float, each: object = None) -> StageEnding | None:
        """The verdict after some time in which `each` happens at every look."""
        until = self.hand.now + seconds
        while self.hand.now < until:
            if callable(each):
                each()
            if ending := self.look():
                return ending
            self.hand.sleep(LOOK)
        return None


@pytest.fixture
def case(hand: HandClock) -> Case:
    return Case(hand)


def test_silence_ends_a_stage_as_idle(case: Case) -> None:
    assert case.during(60) is None
    assert case.look() is StageEnding.IDLE_TIMEOUT


def test_an_event_is_a_sign_of_life(case: Case) -> None:
    assert case.during(200, lambda: case.watch.event(AgentEvent("message", case.hand.now))) is None


def test_traffic_is_a_sign_of_life(case: Case) -> None:
    assert case.during(200, lambda: case.gateway.say(activity=case.gateway.traffic.activity + 1)) is None


def test_work_is_a_sign_of_life_and_idling_along_is_none(case: Case) -> None:
    def work(seconds: float) -> None:
        case.process.cpu += seconds

    assert case.during(200, lambda: work(0.6)) is None
    assert case.during(200, lambda: work(0.025)) is StageEnding.IDLE_TIMEOUT


def pause(since: float, until: float) -> Pause:
    return Pause("retry", since, until, "", since, until)


def test_a_pause_of_the_gateway_is_not_the_agents_silence(case: Case) -> None:
    began = case.hand.now
    assert case.during(200, lambda: case.gateway.say(pauses=(pause(began, case.hand.now),))) is None


def test_a_server_that_has_not_begun_to_answer_is_not_the_agents_silence(case: Case) -> None:
    """It reads a long prompt, or hangs: that is for the gateway to judge."""
    assert case.during(200, lambda: case.gateway.say(open_calls=1, waiting=1)) is None
    assert case.during(200, lambda: case.gateway.say(open_calls=1, waiting=0)) is StageEnding.IDLE_TIMEOUT


def test_a_growing_pause_is_off_the_wall_time(hand: HandClock) -> None:
    case = Case(hand, Limits(wall_time=100))
    began = hand.now
    assert case.during(200, lambda: case.gateway.say(pauses=(pause(began, hand.now),))) is None
    assert case.during(90) is None
    assert case.during(20) is StageEnding.WALL_TIME


def test_the_attempts_wall_time_ends_a_stage_that_is_young(hand: HandClock) -> None:
    case = Case(hand, Limits(wall_time=100.0), carried=97)
    assert case.during(3) is None
    assert case.look() is StageEnding.WALL_TIME


def test_a_stage_has_its_own_time(hand: HandClock) -> None:
    case = Case(hand, Limits(stage_timeout=20), carried=5000.0)
    assert case.during(20) is None
    assert case.look() is StageEnding.STAGE_TIMEOUT


def test_a_cap_at_the_gateway_ends_the_stage_and_the_first_reason_stays(case: Case) -> None:
    case.gateway.say(stop="tokens", detail="too many")
    assert case.look() is StageEnding.TOKENS
    case.gateway.say(stop="cost")
    case.hand.sleep(LOOK)
    assert case.look() is StageEnding.TOKENS


def test_a_gateway_that_is_gone_interrupts_and_does_not_blame_the_agent(case: Case) -> None:
    case.gateway.lost = True
    assert case.look() is StageEnding.INTERRUPTED


def test_a_soft_wish_waits_for_the_next_event(case: Case) -> None:
    case.look()
    case.stop.soft = True
    assert case.look() is None
    case.watch.event(AgentEvent("message", case.hand.now))
    assert case.look() is StageEnding.INTERRUPTED


def test_a_soft_wish_does_not_throw_away_what_has_just_come_to_its_end(case: Case) -> None:
    case.stop.soft = True
    case.watch.event(AgentEvent("message", case.hand.now))
    case.process.over = 0
    assert case.look() is None


def test_now_is_now(case: Case) -> None:
    case.stop.soft = case.stop.now = True
    assert case.look() is StageEnding.INTERRUPTED


def test_agents_can_see_whether_the_model_was_asked(case: Case) -> None:
    assert isinstance(case.watch, TrafficWatch)
    assert case.watch.model_activity() is None
    case.look()
    assert case.watch.model_activity() == 0


def test_a_disk_that_stays_full_ends_a_stage_and_one_that_is_full_for_a_moment_does_not(
    hand: HandClock, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", 4 * MB) as disk:
        case = Case(hand, disks=(tmp_path, disk))
        big = disk / "big"
        for _ in range(3):
            big.write_bytes(b"x" * int(3.5 * MB))
            assert case.during((FULL_LOOKS - 1) * LOOK) is None
            big.unlink()
            assert case.during(LOOK) is None
        big.write_bytes(b"x" * int(3.5 * MB))
        assert case.during(FULL_LOOKS * LOOK) is StageEnding.DISK
        assert case.watch.verdict == (StageEnding.DISK, f"the disk of {disk} is full")
