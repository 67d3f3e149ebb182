"""The `lmstudio` endpoint: what is on disk, what is loaded, with how much context, and the exact command to type."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ralphbench.endpoints import Loads, classify, load_endpoint
from ralphbench.endpoints.embedded import serve_in_thread
from ralphbench.endpoints.fake_lmstudio import Downloaded, FakeLMStudio
from ralphbench.errors import (
    ConfigError,
    ContextTooSmall,
    EndpointDown,
    EndpointError,
    ModelMissing,
    NoToolCalls,
    WrongModel,
)
from ralphbench.model import EndpointSpec, ModelRef, StageModel

DEVSTRAL = "mistralai/devstral-small-2-2512"
QWEN = "qwen/qwen3-coder-30b"
CALL = {"tools": [{"name": "report_status", "arguments": {"status": "ready"}}]}
CALLS = {"models": [DEVSTRAL, QWEN], "rules": [{"turns": [CALL], "after": "repeat"}]}
TALKS = {"rules": [{"turns": ['<tool_call>{"name": "report_status"}</tool_call>']}]}
DISK = (Downloaded(DEVSTRAL), Downloaded(QWEN, max_context=262_144), Downloaded("nomic/embed", kind="embedding"))


@contextmanager
def studio(
    script: dict[str, Any] | None = None,
    disk: tuple[Downloaded, ...] = DISK,
    options: dict[str, Any] | None = None,
    **more: Any,
) -> Iterator[Any]:
    """The endpoint of a running LM Studio."""
    server = FakeLMStudio(script or CALLS, disk, **more)
    with serve_in_thread(server) as url:
        endpoint: Any = load_endpoint(
            EndpointSpec("lm", "lmstudio", base_url=url.removesuffix("/v1"), options=options or {})
        )
        endpoint.fake = server
        yield endpoint


def profile(name: str = DEVSTRAL, context: int | None = 98_304, **more: Any) -> StageModel:
    return StageModel(ModelRef("lm", name), "opencode", context=context, **more)


def remedy(endpoint: Any, kind: type[Exception], model: StageModel) -> tuple[str, str]:
    with pytest.raises(kind) as caught:
        endpoint.preflight(model)
    error: Any = caught.value
    assert error.remedy is not None
    return error.message, error.remedy


LOAD = f"lms load {DEVSTRAL} --context-length 98304 --identifier {DEVSTRAL} --gpu max -y --exact"


def test_a_model_with_enough_context_that_calls_tools_passes() -> None:
    with studio(loaded={DEVSTRAL: 98_304}) as endpoint:
        info = endpoint.preflight(profile(variant="q4_k_m"))
        assert (info.id, info.loaded, info.context, info.tools, info.quantization) == (
            DEVSTRAL,
            True,
            98_304,
            True,
            "Q4_K_M",
        )
        assert info.details["served"] == DEVSTRAL
        assert [m.id for m in endpoint.models()] == [DEVSTRAL, QWEN]
        assert endpoint.server().details["loaded"] == f"{DEVSTRAL} (98304)"


@pytest.mark.parametrize("interface", ["v1", "v0"])
def test_too_little_context_is_refused_with_the_command(interface: str) -> None:
    with studio(loaded={DEVSTRAL: 4096}, interface=interface) as endpoint:
        message, command = remedy(endpoint, ContextTooSmall, profile())
        assert "a context of 4,096 tokens, the profile states 98,304" in message
        assert command == f"lms unload {DEVSTRAL} && {LOAD}"
        assert not [s for s in endpoint.fake.served if s.method == "POST"], "nothing may be spent before the check"


@pytest.mark.parametrize("interface", ["v1", "v0"])
def test_a_model_on_disk_that_is_not_loaded_is_refused_and_jit_explained(interface: str) -> None:
    with studio(loaded={QWEN: 98_304}, interface=interface) as endpoint:
        message, command = remedy(endpoint, ModelMissing, profile())
        assert "on disk but not loaded" in message
        assert "JIT" in message
        assert "4,096" in message
        assert "options: {load: true}" in message
        assert command == LOAD
        _, suggested = remedy(endpoint, ModelMissing, profile(context=None))
        assert "--context-length 65536" in suggested


def test_a_model_that_is_not_there_is_named_with_its_neighbours() -> None:
    with studio() as endpoint:
        message, command = remedy(endpoint, ModelMissing, profile("mistralai/devstral-small-2"))
        assert f"did you mean '{DEVSTRAL}'" in message
        assert command.startswith("lms get mistralai/devstral-small-2 -y && lms load mistralai/devstral-small-2 ")


def test_an_instance_can_be_named_by_its_identifier() -> None:
    with studio(loaded={DEVSTRAL: 4096, f"{DEVSTRAL}:2": 98_304}) as endpoint:
        assert endpoint.preflight(profile(f"{DEVSTRAL}:2")).context == 98_304
        message, _ = remedy(endpoint, ContextTooSmall, profile())
        assert "a context of 4,096" in message


def test_several_instances_of_which_none_has_the_name_must_all_be_large_enough() -> None:
    with studio(loaded={f"{DEVSTRAL}:2": 98_304, f"{DEVSTRAL}:3": 8192}) as endpoint:
        message, command = remedy(endpoint, ContextTooSmall, profile())
        assert f"{DEVSTRAL}:2 (98304), {DEVSTRAL}:3 (8192)" in message
        assert command == f"lms unload {DEVSTRAL}:2; lms unload {DEVSTRAL}:3; {LOAD}"


def test_another_quantisation_is_another_model() -> None:
    with studio(loaded={DEVSTRAL: 98_304}) as endpoint:
        message, _ = remedy(endpoint, WrongModel, profile(variant="Q8_0"))
        assert "is there as Q4_K_M, the profile states Q8_0" in message


def test_a_model_that_writes_its_calls_as_text_is_refused_with_the_evidence() -> None:
    with studio(TALKS, loaded={DEVSTRAL: 98_304}) as endpoint:
        message, command = remedy(endpoint, NoToolCalls, profile())
        assert "<tool_call>" in message
        assert "trainedForToolUse" in command


def test_malformed_arguments_are_no_tool_call() -> None:
    script = {"rules": [{"turns": [{**CALL, "fault": "malformed_arguments"}]}]}
    with studio(script, loaded={DEVSTRAL: 98_304}) as endpoint:
        message, _ = remedy(endpoint, NoToolCalls, profile())
        assert "malformed call" in message


def test_a_model_that_answers_for_another_is_refused() -> None:
    script = {"rules": [{"turns": [{**CALL, "fault": {"name": "wrong_model", "model": QWEN}}]}]}
    with studio(script, loaded={DEVSTRAL: 98_304}) as endpoint:
        message, command = remedy(endpoint, WrongModel, profile())
        assert f"answered as '{QWEN}'" in message
        assert command == f"lms unload --all && {LOAD}"


@pytest.mark.parametrize(
    ("fault", "kind"), [("crash", "crashed"), ("out_of_memory", "memory"), ("load_failed", "load")]
)
def test_a_first_request_that_fails_says_what_the_server_said(fault: str, kind: str) -> None:
    script = {"rules": [{"turns": [{"fault": fault}]}]}
    with studio(script, loaded={DEVSTRAL: 98_304}) as endpoint, pytest.raises(Exception, match=kind):
        endpoint.preflight(profile())


def test_an_lm_studio_that_only_lists_names_is_taken_at_its_word() -> None:
    with studio(interface="openai", loaded={DEVSTRAL: 98_304}) as endpoint:
        info = endpoint.preflight(profile())
        assert (info.loaded, info.context, info.tools) == (None, None, True)
    with studio(interface="openai", jit=False) as endpoint:
        message, command = remedy(endpoint, ModelMissing, profile())
        assert "no model is loaded" in message
        assert command == LOAD


def test_load_makes_what_the_profile_states_and_leaves_no_second_instance() -> None:
    with studio(loaded={DEVSTRAL: 4096}) as endpoint:
        assert endpoint.load(profile()) == 0.0
        assert [(i.id, i.context) for i in endpoint.fake.loaded] == [(DEVSTRAL, 98_304)]
        assert endpoint.load(profile()) is None
        assert endpoint.preflight(profile()).context == 98_304
        endpoint.unload(DEVSTRAL)
        assert endpoint.fake.loaded == []


def test_a_model_is_looked_at_again_before_each_stage() -> None:
    """LM Studio drops one that was idle, and brings it back with the first request, at its own default context."""
    with studio(loaded={DEVSTRAL: 98_304}) as endpoint:
        assert endpoint.prepare(profile()) is None
        endpoint.unload(DEVSTRAL)
        with pytest.raises(ModelMissing, match="on disk but not loaded"):
            endpoint.prepare(profile())
        ask_for(endpoint, DEVSTRAL)  # JIT
        with pytest.raises(ContextTooSmall, match="a context of 4,096 tokens"):
            endpoint.prepare(profile())


def test_more_than_one_at_a_time_is_refused_where_loading_one_puts_out_the_other() -> None:
    spec = EndpointSpec("lm", "lmstudio", base_url="http://127.0.0.1:9", slots=2, options={"load": True})
    with pytest.raises(ConfigError, match="expected 1 with") as caught:
        load_endpoint(spec)
    assert "endpoints.lm.slots" in str(caught.value)


def test_a_server_that_is_to_load_and_is_away_is_said_to_be_down() -> None:
    with studio(loaded={DEVSTRAL: 98_304}, options={"load": True}) as endpoint:
        pass
    with pytest.raises(EndpointDown):
        endpoint.prepare(profile())


def test_a_server_that_is_away_for_a_moment_is_left_to_the_gateway() -> None:
    with studio(loaded={DEVSTRAL: 98_304}) as endpoint:
        pass
    assert endpoint.prepare(profile()) is None
    with pytest.raises(EndpointDown):
        endpoint.preflight(profile())


def ask_for(endpoint: Any, model: str) -> None:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]}).encode()
    request = urllib.request.Request(
        f"{endpoint.base_url}/chat/completions", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        answer.read()


@pytest.mark.parametrize(("fails", "kind"), [("memory", "out_of_memory"), ("load", "model_load")])
def test_a_load_that_fails_says_why(fails: Any, kind: str) -> None:
    with (
        studio(disk=(Downloaded(DEVSTRAL, fails=fails),)) as endpoint,
        pytest.raises(EndpointError, match=kind) as caught,
    ):
        endpoint.load(profile())
    assert caught.value.remedy is not None
    assert "--estimate-only" in caught.value.remedy


def test_more_context_than_the_model_has_is_not_tried() -> None:
    with studio(loaded={DEVSTRAL: 4096}) as endpoint:
        with pytest.raises(ContextTooSmall, match="131,072"):
            endpoint.load(profile(context=200_000))
        assert [i.context for i in endpoint.fake.loaded] == [4096]


def test_where_ralphbench_may_load_each_model_has_the_card_for_itself() -> None:
    with studio(loaded={QWEN: 98_304}, options={"load": True}) as endpoint:
        assert isinstance(endpoint, Loads)
        assert endpoint.preflight(profile()).context == 98_304
        assert [i.id for i in endpoint.fake.loaded] == [DEVSTRAL]
        assert endpoint.prepare(profile()) is None
        assert endpoint.prepare(profile(QWEN)) == 0.0
        assert [i.id for i in endpoint.fake.loaded] == [QWEN]
        message, _ = remedy(endpoint, ModelMissing, profile("no/such"))
        assert "no model 'no/such'" in message
        assert [i.id for i in endpoint.fake.loaded] == [QWEN], "nothing is unloaded for a model that is not there"


def test_where_it_may_not_nothing_is_loaded_or_unloaded() -> None:
    with studio(loaded={QWEN: 98_304}) as endpoint:
        with pytest.raises(ModelMissing):
            endpoint.prepare(profile())
        assert endpoint.prepare(profile(QWEN)) is None
        assert [i.id for i in endpoint.fake.loaded] == [QWEN]


def test_nobody_at_the_address() -> None:
    with studio() as endpoint:
        gone = endpoint
    with pytest.raises(EndpointDown, match="refused") as caught:
        gone.preflight(profile())
    assert caught.value.remedy == "lms server start"


class TestTheFakeIsLikeTheRealOne:
    """What LM Studio was seen to do, so that tests on top of the fake test something."""

    @staticmethod
    def ask(endpoint: Any, model: str, text: str = "hi", *, stream: bool = False) -> tuple[int, str]:
        body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]}
        request = urllib.request.Request(
            f"{endpoint.base_url}/chat/completions",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def test_jit_loads_with_4096_and_evicts_the_one_before(self) -> None:
        with studio() as endpoint:
            assert self.ask(endpoint, DEVSTRAL)[0] == 200
            assert [(i.id, i.context) for i in endpoint.fake.loaded] == [(DEVSTRAL, 4096)]
            assert self.ask(endpoint, QWEN)[0] == 200
            assert [i.id for i in endpoint.fake.loaded] == [QWEN]

    def test_loading_twice_makes_a_second_instance(self) -> None:
        with studio() as endpoint:
            for _ in range(2):
                endpoint.client().post(
                    "/api/v1/models/load", {"model": DEVSTRAL, "context_length": 9000}, dict, timeout=5
                )
            assert [i.id for i in endpoint.fake.loaded] == [DEVSTRAL, f"{DEVSTRAL}:2"]

    def test_the_one_loaded_model_answers_to_any_name(self) -> None:
        with studio(loaded={QWEN: 9000}, jit=False) as endpoint:
            status, text = self.ask(endpoint, "nonsense")
            assert (status, json.loads(text)["model"]) == (200, QWEN)

    def test_nothing_loaded_without_jit(self) -> None:
        with studio(jit=False) as endpoint:
            status, text = self.ask(endpoint, DEVSTRAL)
            assert classify(status, text) == "nothing_loaded"
            status, text = self.ask(endpoint, "nonsense")
            assert classify(status, text) == "nothing_loaded"
        with studio() as endpoint:
            status, text = self.ask(endpoint, "nonsense")
            assert classify(status, text) == "model_missing"

    def test_overflow_in_the_ways_that_were_reported(self) -> None:
        long = "x" * 40_000
        with studio(loaded={DEVSTRAL: 4096}) as endpoint:
            status, text = self.ask(endpoint, DEVSTRAL, long)
            assert (status, classify(status, text)) == (400, "overflow")
            assert isinstance(json.loads(text)["error"], str)
        with studio(loaded={DEVSTRAL: 4096}, overflow="in_stream") as endpoint:
            status, text = self.ask(endpoint, DEVSTRAL, long, stream=True)
            assert (status, classify(None, text)) == (200, "overflow")
        with studio(loaded={DEVSTRAL: 4096}, overflow="empty") as endpoint:
            assert self.ask(endpoint, DEVSTRAL, long, stream=True) == (200, "data: [DONE]\n\n")

    def test_a_path_that_it_does_not_have_is_a_200_with_an_error(self) -> None:
        with studio(interface="openai") as endpoint:
            assert "Unexpected endpoint" in endpoint.client().get("/api/v0/models", dict)["error"]

    def test_its_lists(self) -> None:
        with studio(loaded={DEVSTRAL: 9000}) as endpoint:
            client = endpoint.client()
            first = client.get("/api/v1/models", dict)["models"][0]
            assert first["loaded_instances"][0]["config"]["context_length"] == 9000
            old = client.get("/api/v0/models", dict)["data"]
            assert [(m["state"], m.get("loaded_context_length")) for m in old][:2] == [
                ("loaded", 9000),
                ("not-loaded", None),
            ]
            assert client.get(f"/api/v0/models/{QWEN}", dict)["max_context_length"] == 262_144
            assert len(client.get("/v1/models", dict)["data"]) == 3
            endpoint.fake.jit = False
            assert [m["id"] for m in client.get("/v1/models", dict)["data"]] == [DEVSTRAL]
