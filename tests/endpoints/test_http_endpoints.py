"""`openai` and `anthropic`, and what all endpoints over HTTP share, against a scripted server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest
from support.ports import reserved_port

from ralphbench.endpoints import Embedded, load_endpoint
from ralphbench.endpoints.client import is_loopback
from ralphbench.endpoints.embedded import serve_in_thread
from ralphbench.endpoints.scripted import ScriptedServer
from ralphbench.errors import (
    ConfigError,
    ContextTooSmall,
    EndpointDown,
    EndpointError,
    ModelMissing,
    NoToolCalls,
    UnknownName,
    WrongModel,
)
from ralphbench.model import EndpointSpec, ModelRef, StageModel

CALL = {"tools": [{"name": "report_status", "arguments": {"status": "ready"}}]}
CALLS = {
    "models": [{"id": "m", "context": 50_000}, "gpt-4o-2024-08-06"],
    "rules": [{"turns": [CALL], "after": "repeat"}],
}


@contextmanager
def at(script: dict[str, Any], kind: str = "openai", **more: Any) -> Iterator[tuple[Any, ScriptedServer]]:
    server = ScriptedServer(script)
    with serve_in_thread(server) as url:
        yield load_endpoint(EndpointSpec("e", kind, base_url=url, **more)), server


def profile(name: str = "m", **more: Any) -> StageModel:
    return StageModel(ModelRef("e", name), "builtin", **more)


@pytest.mark.parametrize("dialect", ["chat", "responses"])
def test_an_openai_server_is_tried_in_the_dialect_that_agents_will_speak(dialect: str) -> None:
    with at(CALLS, options={"dialect": dialect}) as (endpoint, server):
        info = endpoint.preflight(profile(context=50_000))
        assert (info.id, info.max_context, info.tools, info.details["served"]) == ("m", 50_000, True, "m")
        assert [s.path for s in server.served][-1] == {"chat": "/v1/chat/completions", "responses": "/v1/responses"}[
            dialect
        ]
        assert endpoint.dialect() == dialect
        assert endpoint.local()


def test_an_anthropic_server_is_tried_with_its_own_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", "sk-ant")
    with at(CALLS, "anthropic", api_key_env="THE_KEY") as (endpoint, server):
        assert endpoint.preflight(profile()).tools is True
        last = server.served[-1]
        assert (last.path, last.headers["x-api-key"], last.headers["anthropic-version"]) == (
            "/v1/messages",
            "sk-ant",
            "2023-06-01",
        )
        assert "Authorization" not in last.headers
        upstream = endpoint.upstream()
        assert (upstream.price_provider, upstream.dialects) == ("anthropic", ("messages",))
        assert "sk-ant" not in repr(upstream)
        assert "sk-ant" not in repr(endpoint.client())


def test_too_little_context_is_refused_before_anything_is_spent() -> None:
    with at(CALLS) as (endpoint, server):
        with pytest.raises(ContextTooSmall, match=r"50,000 tokens, the profile states 98,304"):
            endpoint.preflight(profile(context=98_304))
        assert [s.method for s in server.served] == ["GET"]


def test_a_missing_model_is_named_with_its_neighbours() -> None:
    with at(CALLS) as (endpoint, _), pytest.raises(ModelMissing, match="did you mean 'gpt-4o-2024-08-06'"):
        endpoint.preflight(profile("gpt-4o-2024"))


FAILURES = [
    ({"text": "I would call it"}, NoToolCalls, "I would call it"),
    ({"fault": "empty_answer"}, NoToolCalls, "nothing at all"),
    ({**CALL, "fault": "malformed_arguments"}, NoToolCalls, "malformed call"),
    ({**CALL, "fault": {"name": "wrong_model", "model": "q"}}, WrongModel, "answered as 'q'"),
    ({"fault": "model_missing"}, ModelMissing, "Invalid model identifier"),
    ({"fault": "overflow_400"}, ContextTooSmall, "exceeds the available context size"),
    ({"fault": "server_error"}, EndpointDown, "had an error"),
    ({"fault": "auth"}, EndpointError, "Incorrect API key"),
    ({"fault": "quota"}, EndpointError, "quota"),
    ({"fault": "overflow_in_stream"}, EndpointError, "cannot answer"),
    ({"fault": "reset"}, EndpointDown, "reset"),
    ({"fault": {"name": "stall", "seconds": 9}}, EndpointDown, "no answer in time"),
]


@pytest.mark.parametrize(("turn", "kind", "words"), FAILURES, ids=[words for _, _, words in FAILURES])
@pytest.mark.parametrize("flavour", ["openai", "anthropic"])
def test_a_first_request_that_fails_says_why(
    flavour: str, turn: dict[str, Any], kind: type[Exception], words: str
) -> None:
    script = {"models": ["m"], "rules": [{"turns": [turn]}]}
    timeout = 1 if "stall" in str(turn) else 60
    with at(script, flavour, auth="none", options={"timeout": timeout}) as (endpoint, _):
        with pytest.raises(EndpointError, match=words) as caught:
            endpoint.preflight(profile())
        assert type(caught.value) is kind


def test_another_name_passes_where_the_user_says_so_and_the_gateways_options_are_known() -> None:
    script = {
        "models": ["m"],
        "rules": [{"turns": [{**CALL, "fault": {"name": "wrong_model", "model": "q"}}], "after": "last"}],
    }
    for named in ("q", ["p", "q"]):
        with at(script, options={"served_as": {"m": named}, "retries": 2, "stall_seconds": 5}) as (endpoint, _):
            assert endpoint.preflight(profile()).details["served"] == "q"


def test_the_try_can_be_left_out() -> None:
    script = {"models": ["m"], "rules": [{"turns": ["text"]}]}
    with at(script, options={"tool_check": False}) as (endpoint, server):
        assert endpoint.preflight(profile()).tools is None
        assert {s.method for s in server.served} == {"GET"}


def test_a_login_of_the_agents_own_is_not_tried_with_a_key_of_ours() -> None:
    with at(CALLS, "anthropic", auth="passthrough") as (endpoint, server):
        info = endpoint.preflight(profile("claude-opus-4-6"))
        assert info.details["auth"] == "passthrough"
        assert endpoint.upstream().headers == {}
        assert {s.method for s in server.served} == {"GET"}


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_key_that_is_not_set_is_named(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}[kind]
    monkeypatch.delenv(name, raising=False)
    endpoint: Any = load_endpoint(EndpointSpec("cloud", kind))
    with pytest.raises(EndpointError, match=f"{name} is not set") as caught:
        endpoint.preflight(profile())
    assert caught.value.remedy == f"export {name}=…"
    monkeypatch.setenv(name, "k")
    assert not endpoint.local()
    assert (
        endpoint.upstream().base_url
        == {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com/v1"}[kind]
    )


def test_openrouter_is_known_by_its_address() -> None:
    upstream = load_endpoint(EndpointSpec("o", "openai", base_url="https://openrouter.ai/api/v1")).upstream()
    assert (upstream.base_url, upstream.price_provider, upstream.reported_cost) == (
        "https://openrouter.ai/api/v1",
        "openrouter",
        True,
    )
    other = load_endpoint(EndpointSpec("o", "openai", base_url="http://10.0.0.7:8000/v1")).upstream()
    assert (other.price_provider, other.reported_cost, other.headers) == (None, False, {})
    given = load_endpoint(
        EndpointSpec("o", "openai", base_url="http://10.0.0.7/v1", options={"price_provider": "groq"})
    )
    assert given.upstream().price_provider == "groq"


@pytest.mark.parametrize("kind", ["lmstudio", "llamacpp"])
def test_a_local_kind_of_server_is_local_on_another_machine_too(kind: str) -> None:
    spec = EndpointSpec("box", kind, base_url="http://192.168.1.5:1234")
    assert load_endpoint(spec).local()
    assert not load_endpoint(EndpointSpec("box", kind, base_url="http://192.168.1.5:1234", local=False)).local()
    assert not load_endpoint(EndpointSpec("box", "openai", base_url="http://192.168.1.5:1234")).local()


def test_every_provider_that_we_name_is_in_the_price_table() -> None:
    from genai_prices import data

    from ralphbench.endpoints.openai import _PRICED

    assert set(_PRICED.values()) <= {provider.id for provider in data.providers}


ADDRESSES = [
    ("http://127.0.0.1:1234", "http://127.0.0.1:1234/v1"),
    ("http://127.0.0.1:1234/", "http://127.0.0.1:1234/v1"),
    ("http://127.0.0.1:1234/v1/", "http://127.0.0.1:1234/v1"),
    ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
    ("https://x.example/openai", "https://x.example/openai"),
]


@pytest.mark.parametrize(("given", "used"), ADDRESSES)
def test_an_address_without_a_path_gets_v1(given: str, used: str) -> None:
    assert load_endpoint(EndpointSpec("e", "openai", base_url=given)).upstream().base_url == used


@pytest.mark.parametrize("given", ["127.0.0.1:1234", "ftp://x", "http://", "localhost"])
def test_an_address_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match=r"endpoints.e.base_url: expected http"):
        load_endpoint(EndpointSpec("e", "openai", base_url=given))


BAD_SPECS: list[tuple[dict[str, Any], str]] = [
    ({"options": {"dialcet": "chat"}}, "did you mean 'dialect'"),
    ({"options": {"dialect": "messages"}}, "is not spoken there"),
    ({"options": {"tool_check": "no"}}, "expected true or false"),
    ({"options": {"timeout": True}}, "expected a number"),
    ({"auth": "oauth"}, "expected key, passthrough, none"),
]


@pytest.mark.parametrize(("more", "words"), BAD_SPECS)
def test_settings_that_do_not_exist_are_refused(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_endpoint(EndpointSpec("e", "openai", base_url="http://127.0.0.1:1", **more))


def test_an_unknown_kind_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"no kind of endpoint 'lmstudoi'; did you mean 'lmstudio'"):
        load_endpoint(EndpointSpec("e", "lmstudoi"))


LINES = [
    ({"id": "a", "context_length": 9, "supported_parameters": ["tools"]}, (None, 9, True)),
    ({"id": "a", "context_length": 9, "supported_parameters": ["top_k"]}, (None, 9, False)),
    ({"id": "a", "max_model_len": 7}, (7, 7, None)),
    ({"id": "a", "meta": {"n_ctx": 5, "n_ctx_train": 8}}, (5, 8, None)),
    ({"id": "a", "max_context_length": 6}, (None, 6, None)),
    ({"id": "a"}, (None, None, None)),
]


@pytest.mark.parametrize(("line", "known"), LINES)
def test_what_servers_add_to_the_list_is_read(line: dict[str, Any], known: tuple[Any, ...]) -> None:
    from ralphbench.endpoints.openai import Entry, read_entry

    info = read_entry(msgspec.convert(line, Entry), local=True)
    assert (info.context, info.max_context, info.tools) == known


class Odd(BaseHTTPRequestHandler):
    """Answers what no model server answers."""

    answer = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        pass


@pytest.mark.parametrize(
    "answer", [b"<html>hello</html>", b'"text"', b"[1, 2]", b'{"data": [5, {"x": 1}]}', b'{"data": null}']
)
def test_something_that_is_no_model_server(answer: bytes) -> None:
    handler = type("H", (Odd,), {"answer": answer})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            base = f"http://127.0.0.1:{server.server_address[1]}"
            for kind in ("openai", "lmstudio", "llamacpp", "anthropic"):
                with pytest.raises(EndpointError):
                    load_endpoint(EndpointSpec("e", kind, base_url=base, auth="none")).preflight(profile())
        finally:
            server.shutdown()


def test_a_proxy_of_the_environment_is_not_asked_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    with at(CALLS) as (endpoint, _):
        assert endpoint.preflight(profile()).id == "m"


def test_an_address_where_nobody_answers_is_given_up_soon() -> None:
    with reserved_port() as port, pytest.raises(EndpointDown, match=f"127.0.0.1:{port}"):
        load_endpoint(EndpointSpec("e", "openai", base_url=f"http://127.0.0.1:{port}")).models()


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost/v1", True),
        ("http://[::1]:8080", True),
        ("http://127.3.2.1", True),
        ("http://0.0.0.0:8080", True),
        ("http://192.168.1.5:1234", False),
        ("https://api.openai.com/v1", False),
    ],
)
def test_is_loopback(url: str, own: bool) -> None:
    assert is_loopback(url) is own


class TestScriptedEndpoint:
    @pytest.fixture
    def spec(self, tmp_path: Any) -> EndpointSpec:
        file = tmp_path / "script.yaml"
        file.write_text(
            json.dumps({"models": ["a", {"id": "b", "context": 9000, "tools": False}], "rules": [{"turns": ["x"]}]})
        )
        return EndpointSpec("s", "scripted", script=str(file))

    def test_it_is_checked_without_a_server(self, spec: EndpointSpec) -> None:
        endpoint = load_endpoint(spec)
        assert isinstance(endpoint, Embedded)
        assert endpoint.local()
        assert endpoint.preflight(StageModel(ModelRef("s", "a"), "builtin", context=10**6)).id == "a"
        assert endpoint.server().kind == "scripted"
        with pytest.raises(ContextTooSmall, match=r"9,000 tokens"):
            endpoint.preflight(StageModel(ModelRef("s", "b"), "builtin", context=10_000))
        with pytest.raises(NoToolCalls):
            endpoint.preflight(StageModel(ModelRef("s", "b"), "builtin"))
        with pytest.raises(ModelMissing, match="it has a, b"):
            endpoint.preflight(StageModel(ModelRef("s", "c"), "builtin"))
        with pytest.raises(EndpointError, match="no server yet"):
            endpoint.upstream()

    def test_the_gateway_opens_its_server(self, spec: EndpointSpec) -> None:
        endpoint: Any = load_endpoint(spec)
        with serve_in_thread(endpoint.open_server()) as url:
            standing = load_endpoint(EndpointSpec("s", "scripted", script=spec.script, base_url=url))
            assert standing.upstream().base_url == url

    def test_a_script_is_needed(self) -> None:
        with pytest.raises(ConfigError, match="needs its script"):
            load_endpoint(EndpointSpec("s", "scripted"))
