"""The `llamacpp` endpoint against a real llama.cpp server with a tiny random model."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ralphbench.endpoints import classify, error_text, load_endpoint, overflow_sizes
from ralphbench.errors import ContextTooSmall, EndpointDown, EndpointError, NoToolCalls, WrongModel
from ralphbench.model import EndpointSpec, ModelRef, StageModel

pytest.importorskip("xllamacpp", reason="xllamacpp is not installed: no real llama.cpp server to test against")
pytest.importorskip("gguf", reason="gguf is not installed: no model file for a real llama.cpp server")

from llama_server import LlamaServer, llama_server
from tiny_gguf import write_tiny_gguf


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaServer]:
    folder = tmp_path_factory.mktemp("llama")
    model = write_tiny_gguf(folder / "tiny-Q8_0.gguf")
    with llama_server(model, folder / "log", context=2048, slots=2) as running:
        yield running


def endpoint(server: LlamaServer, **options: Any) -> Any:
    return load_endpoint(EndpointSpec("box", "llamacpp", base_url=server.base_url.removesuffix("/v1"), options=options))


def profile(name: str = "tiny", **more: Any) -> StageModel:
    return StageModel(ModelRef("box", name), "opencode", **more)


def post(server: LlamaServer, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
    request = urllib.request.Request(
        server.base_url + path, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def asking(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "no-such-model", "messages": [{"role": "user", "content": text}], "max_tokens": 8, **more}


def test_it_tells_what_is_served_and_the_context_of_one_slot(server: LlamaServer) -> None:
    info = endpoint(server).identify(profile())
    assert (info.id, info.loaded, info.max_context, info.local) == ("tiny", True, 8192, True)
    # The two slots share the server's window, or each has it: what counts is what one request can have.
    [slots] = [json.loads(urllib.request.urlopen(server.base_url.removesuffix("/v1") + "/slots").read())]
    assert info.context == slots[0]["n_ctx"]
    assert info.quantization == "F32"
    assert info.details["model_path"].endswith("tiny-Q8_0.gguf")
    about = endpoint(server).server()
    assert about.kind == "llamacpp"
    assert about.details["total_slots"] == "2"


def test_the_server_answers_to_any_name_so_the_name_is_checked(server: LlamaServer) -> None:
    status, body = post(server, "/chat/completions", asking("hi"))
    assert (status, json.loads(body)["model"]) == (200, "tiny")
    with pytest.raises(WrongModel, match="serves tiny, the profile names 'qwen3'") as caught:
        endpoint(server).preflight(profile("qwen3"))
    assert caught.value.remedy is not None
    assert "--alias qwen3" in caught.value.remedy


def test_a_profile_with_more_context_is_refused_with_the_command(server: LlamaServer) -> None:
    with pytest.raises(ContextTooSmall, match="the profile states 65,536") as caught:
        endpoint(server).preflight(profile(context=65_536))
    port = server.base_url.rpartition(":")[2].removesuffix("/v1")
    assert caught.value.remedy is not None
    assert f"-c {2 * 65_536} --alias tiny --port {port}" in caught.value.remedy


def test_another_quantisation_than_the_profiles_is_refused(server: LlamaServer) -> None:
    with pytest.raises(WrongModel, match=r"is there as F32, the profile states Q4_K_M"):
        endpoint(server).preflight(profile(variant="Q4_K_M"))


def test_a_model_that_answers_a_tool_call_with_noise_is_refused_with_what_it_said(server: LlamaServer) -> None:
    with pytest.raises(NoToolCalls, match="told to call it; it answered with") as caught:
        endpoint(server).preflight(profile(context=512))
    assert caught.value.remedy is not None
    assert "--jinja" in caught.value.remedy


def test_without_the_try_it_passes(server: LlamaServer) -> None:
    assert endpoint(server, tool_check=False).preflight(profile(context=512)).id == "tiny"


@pytest.mark.parametrize("stream", [True, False])
def test_its_real_overflow_is_understood(server: LlamaServer, stream: bool) -> None:
    status, body = post(server, "/chat/completions", asking("word " * 5000, stream=stream))
    text = error_text(body)
    assert (status, classify(status, text)) == (400, "overflow")
    prompt, window = overflow_sizes(text)
    assert window == endpoint(server).identify(profile()).context
    assert prompt is not None
    assert prompt > 25_000


def test_its_real_stream_has_what_the_scripted_server_imitates(server: LlamaServer) -> None:
    asked = asking("hi", stream=True, stream_options={"include_usage": True})
    status, body = post(server, "/chat/completions", asked)
    assert status == 200
    lines = [line for line in body.decode().split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    # The first chunk says the role, unless the first token is half a letter: then it is left out.
    assert {key for c in chunks if c["choices"] for key in c["choices"][0]["delta"]} <= {"role", "content"}
    reasons = [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]]
    assert reasons[-1] in ("length", "stop")
    assert set(reasons[:-1]) <= {None}
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == chunks[-1]["timings"]["predicted_n"]


def test_a_server_that_is_gone_is_down_with_how_to_start_it(tmp_path: Path) -> None:
    model = write_tiny_gguf(tmp_path / "tiny.gguf")
    with llama_server(model, tmp_path / "log") as running:
        gone = endpoint(running)
        assert gone.models()[0].id == "tiny"
    assert not Path(f"/proc/{running.pid}").exists()
    with pytest.raises(EndpointDown, match=r"127\.0\.0\.1") as caught:
        gone.preflight(profile())
    assert caught.value.remedy is not None
    assert caught.value.remedy.startswith("llama-server -m")


def test_the_helper_says_why_a_server_did_not_come_up(tmp_path: Path) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"not a model")
    with pytest.raises(RuntimeError, match=r"llama\.cpp ended with"), llama_server(bad, tmp_path / "log"):
        pass


def test_a_key_that_is_not_set_is_named(server: LlamaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOX_KEY", raising=False)
    spec = EndpointSpec("box", "llamacpp", base_url=server.base_url, api_key_env="BOX_KEY")
    with pytest.raises(EndpointError, match="BOX_KEY is not set"):
        load_endpoint(spec).upstream()
    monkeypatch.setenv("BOX_KEY", "secret")
    upstream = load_endpoint(spec).upstream()
    assert upstream.headers == {"Authorization": "Bearer secret"}
    assert "secret" not in repr(upstream)
