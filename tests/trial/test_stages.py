"""What a stage's ending is where the agent, the watchdog and the gateway do not agree, and what a refused stage costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.hand_clock import HandClock

from ralphbench.control import ChannelError
from ralphbench.errors import ConfigError, DiskError, EndpointError, GatewayLost, RalphbenchError
from ralphbench.gateway import StageGrant, StageTraffic
from ralphbench.model import (
    AttemptSpec,
    Cell,
    Ending,
    EndpointSpec,
    GatewayAddress,
    Limits,
    ModelRef,
    Pause,
    PlanMode,
    Profile,
    Spent,
    Stage,
    StageEnding,
    StageModel,
    StageResult,
    Target,
    Task,
)
from ralphbench.record import AttemptFolder, EventLog, read_events
from ralphbench.trial import Clock
from ralphbench.trial.stages import StageRunner, agent_key
from ralphbench.trial.stop import StopRequest

MODEL = StageModel(ModelRef("box", "m"), "tiny")
DONE = StageResult(StageEnding.DONE, "fine")
QUIET = StageTraffic(0, 0, Spent(), 0, None, "", (), None, None)


class Gateway:
    def __init__(self) -> None:
        self.end: StageTraffic | Exception = QUIET
        self.refuse: Exception | None = None
        self.grants: list[StageGrant] = []

    def open_stage(self, grant: StageGrant) -> GatewayAddress:
        self.grants.append(grant)
        if self.refuse is not None:
            raise self.refuse
        return GatewayAddress("http://127.0.0.1:9/t/x/v1", Path("/x"), "x", "chat")

    def close_stage(self, token: str) -> StageTraffic:
        if isinstance(self.end, Exception):
            raise self.end
        return self.end


class Leases:
    refuse: ChannelError | None = None
    wait: HandClock | None = None
    """Where there is one, a lease is waited for, for 500 s."""

    @contextmanager
    def lease(self, model: StageModel) -> Iterator[tuple[Pause, ...]]:
        if self.refuse is not None:
            raise self.refuse
        if self.wait is None:
            yield ()
            return
        began = self.wait.now
        self.wait.sleep(500)
        yield (Pause("queue", began, self.wait.now, "box/m", began, self.wait.now),)


class Agent:
    """Gives one result after another, the last one again and again; each takes 30 s."""

    def __init__(self, hand: HandClock, *results: StageResult) -> None:
        self.hand, self.results = hand, list(results)

    def run(self, stage: Any, sandbox: Any, watch: Any) -> StageResult:
        self.hand.sleep(30)
        return self.results.pop(0) if len(self.results) > 1 else self.results[0]


class Case:
    def __init__(self, path: Path, hand: HandClock) -> None:
        self.hand = hand
        self.folder = AttemptFolder(path).create()
        self.gateway, self.leases, self.restored = Gateway(), Leases(), 0
        self.log = EventLog(self.folder)

    def ask(self, *results: StageResult) -> StageResult:
        def put_back() -> None:
            self.restored += 1

        self.runner = StageRunner(
            spec=spec_of(self.folder.path),
            folder=self.folder,
            log=self.log,
            clock=Clock(100.0),
            gateway=self.gateway,  # type: ignore[arg-type]
            leases=self.leases,  # type: ignore[arg-type]
            sandbox=None,  # type: ignore[arg-type]
            agents={agent_key(MODEL): Agent(self.hand, *results)},  # type: ignore[dict-item]
            stop=StopRequest(),
            worktree=self.folder.path,
            home=self.folder.path,
            anchor=lambda: put_back,
        )
        return self.runner.ask(Stage.BUILD, "do it", iteration=1, ticket="t1")

    def kinds(self, kind: str) -> list[Any]:
        return [event.data for event in read_events(self.folder) if event.kind == kind]


def spec_of(folder: Path) -> AttemptSpec:
    return AttemptSpec(
        "x", Cell("t", "p", 1), 1, Task("t", folder, "", "", Target(), ()), Profile("p", dict.fromkeys(Stage, MODEL)),
        {"box": EndpointSpec("box", "openai")}, Limits(), PlanMode(), "host", folder, folder, folder, "b", folder, folder,
        folder, "i",
    )  # fmt: skip


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    hand = HandClock()
    for module in ("clock", "stages"):
        monkeypatch.setattr(f"ralphbench.trial.{module}.time", hand)
    return Case(tmp_path, hand)


def stopped(ending: str) -> StageTraffic:
    return StageTraffic(1, 0, Spent(calls=1), 1, ending, "why", (), None, None)


def test_what_a_replayed_stage_asked_otherwise_is_a_warning(case: Case) -> None:
    case.gateway.end = replace(QUIET, differences=("call 0: recorded a, asked b",))
    case.ask(DONE)
    assert case.kinds("warning") == [{"text": "replay: call 0: recorded a, asked b", "stage_id": "1-build-1"}]


def test_done_is_done(case: Case) -> None:
    assert case.ask(DONE).ending is StageEnding.DONE


def test_a_cap_does_not_take_back_what_was_done_before_it(case: Case) -> None:
    case.gateway.end = stopped("tokens")
    assert case.ask(DONE).ending is StageEnding.DONE


def test_a_cap_says_why_an_agent_came_to_nothing(case: Case) -> None:
    case.gateway.end = stopped("tokens")
    assert case.ask(StageResult(StageEnding.AGENT_CRASH, "")).ending is StageEnding.TOKENS


def test_work_of_the_wrong_model_is_not_done(case: Case) -> None:
    case.gateway.end = stopped("wrong_model")
    assert case.ask(DONE).ending is StageEnding.WRONG_MODEL


def test_a_gateway_that_is_gone_interrupts_and_blames_nobody(case: Case) -> None:
    case.gateway.end = GatewayLost("gone")
    assert case.ask(StageResult(StageEnding.AGENT_CRASH, "")).ending is StageEnding.INTERRUPTED
    assert case.restored == 0, "it is not tried again here: the attempt goes on in another process"


def test_a_fault_that_passes_is_tried_again_from_where_it_began_and_off_the_clock(case: Case) -> None:
    broken = StageResult(StageEnding.PROVIDER_ERROR, "", detail="500")
    assert case.ask(broken, broken, DONE).ending is StageEnding.DONE
    assert case.restored == 2
    assert case.runner.clock.now() == 130, "only the stage that was done counts"
    assert [fault["ending"] for fault in case.kinds("fault")] == ["provider_error"] * 2
    assert [fault["spent"]["seconds"] for fault in case.kinds("fault")] == [100] * 2
    assert [s["stage_id"] for s in case.kinds("stage_started")] == ["1-build-1", "1-build-2", "1-build-3"]


def test_a_result_says_which_run_of_the_stage_it_is_of(case: Case) -> None:
    assert case.ask(StageResult(StageEnding.PROVIDER_ERROR, ""), DONE).stage_id == "1-build-2"


def test_a_fault_that_stays_is_the_stages_ending(case: Case) -> None:
    broken = StageResult(StageEnding.PROVIDER_ERROR, "")
    assert case.ask(broken).ending.fault is Ending.PROVIDER_ERROR
    assert len(case.kinds("stage_ended")) == 3


def test_what_the_agent_did_itself_is_not_tried_again_here(case: Case) -> None:
    assert case.ask(StageResult(StageEnding.AGENT_CRASH, "")).ending is StageEnding.AGENT_CRASH
    assert len(case.kinds("stage_ended")) == 1


@pytest.mark.parametrize(
    ("refusal", "ending"),
    [
        (EndpointError("no key"), StageEnding.ENDPOINT_DOWN),
        (ConfigError("no price"), StageEnding.HARNESS),
        (ChannelError("BadQuestion", "what"), StageEnding.HARNESS),
    ],
)
def test_a_stage_that_the_gateway_refuses_is_void_and_not_a_crash(
    case: Case, refusal: RalphbenchError, ending: StageEnding
) -> None:
    case.gateway.refuse = refusal
    assert case.ask(DONE).ending is ending


@pytest.mark.parametrize("error", [GatewayLost("gone"), DiskError("full")])
def test_what_is_nobodys_fault_in_the_stage_passes_through(case: Case, error: RalphbenchError) -> None:
    case.gateway.refuse = error
    with pytest.raises(type(error)):
        case.ask(DONE)


@pytest.mark.parametrize(
    ("kind", "ending"),
    [("EndpointDown", StageEnding.ENDPOINT_DOWN), ("ModelMissing", StageEnding.MODEL_MISSING),
     ("EndpointError", StageEnding.MODEL_LOAD)],
)  # fmt: skip
def test_a_refused_lease_says_what_is_missing(case: Case, kind: str, ending: StageEnding) -> None:
    case.leases.refuse = ChannelError(kind, "no")
    assert case.ask(DONE).ending is ending


def test_waiting_for_a_lease_is_written_down_and_off_the_clock(case: Case) -> None:
    case.leases.wait = case.hand
    case.ask(DONE)
    (queued,) = [i for i in case.kinds("interval") if i["what"] == "queue"]
    assert queued["end"] - queued["start"] == 500
    assert case.runner.clock.now() == 130


def test_calls_go_on_counting_where_the_last_stage_ended(case: Case) -> None:
    case.gateway.end = StageTraffic(1, 0, Spent(calls=7, cost=None), 9, None, "", (), None, None)
    case.ask(DONE)
    case.runner.ask(Stage.BUILD, "more", iteration=2, ticket="t2")
    first, second = case.gateway.grants
    assert (first.next_call, second.next_call, second.spent.calls, second.spent.cost) == (0, 9, 7, None)
