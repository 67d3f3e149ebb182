"""Real opencode in front of the real gateway, behind which a server is sick: the stage's ending, no endless retries, the mend.

Left alone, opencode would retry several of these for a minute or for ever, or take half an answer for a whole one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from ralphbench.agents.opencode import OpencodeAgent
from ralphbench.errors import AgentMissing
from ralphbench.gateway import GatewayClient
from ralphbench.gateway.process import GatewayProcess
from ralphbench.model import (
    AttemptSpec,
    CallEnded,
    Cell,
    EndpointSpec,
    Limits,
    ModelRef,
    Pause,
    PlanMode,
    Profile,
    Stage,
    StageEnding,
    StageModel,
    StageResult,
    Target,
    Task,
)
from ralphbench.record import AttemptFolder, EventLog, read_calls
from ralphbench.sandbox import SandboxSpec, open_sandbox
from ralphbench.sandbox.processes import end_marked, find_marked
from ralphbench.trial import stages
from ralphbench.trial.clock import Clock
from ralphbench.trial.stages import StageRunner, agent_key
from ralphbench.trial.stop import StopRequest

pytestmark = [pytest.mark.opencode, pytest.mark.slow]

HALF = "Half of an answer that goes on for some more words."
TRUE = {"tools": [{"name": "bash", "arguments": {"command": "true", "description": "nothing"}}]}


def fault(name: str, **more: Any) -> dict[str, Any]:
    return {"text": HALF, "fault": {"name": name, **more}}


@dataclass(frozen=True)
class Case:
    """What the server does, and what is to come of it."""

    turns: list[Any]
    ending: str
    calls: int
    """How many of opencode's requests were forwarded."""
    mends: tuple[str, ...] = ()
    """Of all calls."""
    error: str | None = None
    """Of the last call."""
    retries: int = 0
    """Tries beyond the first that the gateway made for the last call."""
    detail: str = ""
    model: dict[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    options: dict[str, Any] = field(default_factory=dict)
    context: int = 32_000
    """Tokens, as the profile states it."""


CASES = {
    # opencode sums up on an overflow: one call more, which overflows too
    "an overflow as 400": Case(
        [fault("overflow_400", style="lmstudio_truncate")], "context", 2, ("overflow_rewritten",) * 2, "overflow"
    ),
    "an overflow as an event before any token": Case(
        [fault("overflow_in_stream", at=0, style="lmstudio")], "context", 2, ("error_in_answer",) * 2, "overflow"
    ),
    # The summary fits, and the agent's own first words never do: it would sum up and ask again without end.
    "an overflow as an empty stream": Case(
        ["A summary."], "context", 5, ("empty_answer",) * 3, "overflow", detail="3 prompts in a row",
        model={"context": 4000, "overflow": "empty"}, context=7500,
    ),
    "an overflow in mid-stream": Case([fault("overflow_in_stream", at=2)], "context", 1, (), "overflow"),
    "another error in mid-stream": Case([fault("crash", at=2)], "provider_error", 1, (), "crashed"),
    "a stream without a finish reason": Case(
        [fault("no_finish")], "provider_error", 1, ("no_finish_reason",), "provider_error"
    ),
    "a reset in mid-stream": Case([fault("reset")], "provider_error", 1, ("reset_mid_stream",), "provider_error"),
    "a stall in mid-stream": Case(
        [fault("stall")], "provider_error", 1, ("reset_mid_stream",), "provider_error", options={"stall_seconds": 1}
    ),
    "arguments that are no JSON, 429 and then an answer": Case(
        [{"tools": [{"name": "bash", "arguments": '{"command": "tru'}]}, fault("rate_limit", times=2, retry_after=0.1)],
        "done", 2, ("malformed_arguments_seen",), None, 2,
    ),
    "429 for an hour": Case([fault("rate_limit", retry_after=3600)], "rate_limited", 1, (), "rate_limited"),
    "500 that stays": Case([fault("server_error")], "provider_error", 1, (), "provider_error", 2),
    "another model's answer": Case([fault("wrong_model")], "wrong_model", 1, (), "wrong_model"),
    "words that opencode tries again on": Case(
        [fault("http", status=400, message="invalid schema at offset 15028: please try again later")],
        "agent_crash", 1, ("retry_words_removed",), "bad_request", detail="invalid schema at offset",
    ),
    "a cap": Case([TRUE, TRUE, TRUE], "calls", 2, (), None, detail="2 calls of 2", limits=Limits(calls=2)),
}  # fmt: skip


class Leases:
    """The one slot there is."""

    @contextmanager
    def lease(self, model: StageModel) -> Iterator[tuple[Pause, ...]]:
        yield ()


Run = Callable[[Case], tuple[StageResult, list[CallEnded]]]


@pytest.fixture
def run(gateway: GatewayProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    agent = OpencodeAgent({})
    try:
        agent.version()
    except AgentMissing as missing:
        pytest.skip(str(missing))
    monkeypatch.setattr(stages, "STAGE_RETRIES", 0)  # a stage that a fault ended would be run again
    mark = f"test-{uuid.uuid4().hex}:x"
    (tmp_path / "tree").mkdir()

    def run_one(case: Case) -> tuple[StageResult, list[CallEnded]]:
        model = StageModel(ModelRef("sick", "m"), "opencode", context=case.context, output=1_000)
        folder = AttemptFolder(tmp_path / "a1").create()
        sandbox_spec = SandboxSpec(tmp_path / "tree", tmp_path / "home", mark, gateway=gateway.socket.parent)
        log, client = EventLog(folder), GatewayClient(gateway.control)
        with open_sandbox("host", sandbox_spec) as sandbox:
            runner = StageRunner(
                spec=spec_of(case, model, tmp_path, gateway),
                folder=folder,
                log=log,
                clock=Clock(),
                gateway=client,
                leases=Leases(),  # type: ignore[arg-type]
                sandbox=sandbox,
                agents={agent_key(model): agent},
                stop=StopRequest(),
                worktree=tmp_path / "tree",
                home=tmp_path / "home",
                anchor=lambda: lambda: None,
            )
            result = runner.ask(Stage.BUILD, "Do it.", iteration=1, ticket="t1")
            assert find_marked(mark) == [], "the stage left processes behind"
        log.close()
        client.close()
        calls = [call.ended for call in read_calls(folder)]
        assert all(calls), "a call has no end"
        return result, [ended for ended in calls if ended is not None]

    yield run_one
    end_marked(mark, 0.0)


def spec_of(case: Case, model: StageModel, folder: Path, gateway: GatewayProcess) -> AttemptSpec:
    models = [{"id": "m", **case.model}]
    (folder / "script.yaml").write_text(yaml.safe_dump({"models": models, "rules": [{"turns": case.turns}]}))
    options = {"retries": 3, "retry_base_seconds": 0.01, **case.options}
    sick = EndpointSpec("sick", "scripted", script=str(folder / "script.yaml"), options=options)
    return AttemptSpec(
        "x", Cell("t", uuid.uuid4().hex, 1), 1, Task("t", folder, "", "", Target(), ()),
        Profile("p", dict.fromkeys(Stage, model)), {"sick": sick}, case.limits, PlanMode(), "host", folder / "a1",
        folder, folder, "b", gateway.control, gateway.socket, folder, "i",
    )  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_sick_server_ends_as_what_it_is(run: Run, case: Case) -> None:
    result, calls = run(case)
    assert result.ending is StageEnding(case.ending), result.detail
    assert len(calls) == case.calls, "opencode asked again"
    assert tuple(mend for call in calls for mend in call.mends) == case.mends
    assert (calls[-1].error, calls[-1].retries) == (case.error, case.retries)
    assert case.detail in result.detail
    if result.ending is StageEnding.DONE:
        assert result.text
