"""A recorded attempt answers again, matched by stage, parent session and ordinal; what differs is told."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.recording import STREAM, Recording, asking, headers, replayed

from ralphbench.endpoints import load_endpoint, price_terms
from ralphbench.endpoints.replay import ReplayServer
from ralphbench.errors import ConfigError, EndpointError, ModelMissing, RecordError
from ralphbench.model import (
    AttemptSpec,
    Cell,
    EndpointSpec,
    Limits,
    ModelRef,
    PlanMode,
    Profile,
    Stage,
    StageModel,
    Target,
    Task,
)
from ralphbench.record import AttemptFolder, write_spec


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(tmp_path / "a1")


def test_an_answer_comes_back_byte_for_byte(recording: Recording) -> None:
    recording.add(asking("one"), STREAM % b"first")
    recording.add(asking("two"), STREAM % b"second", ordinal=1)
    recording.add(asking("x", stream=False), b'{"choices":[],"model":"m"}', stage="1-verify-1")
    server = ReplayServer(recording.close())
    got = replayed(
        server,
        (asking("two"), headers(ordinal=1)),
        (asking("one"), headers()),
        (asking("x", stream=False), headers("1-verify-1")),
    )
    assert got == [
        (200, "text/event-stream", STREAM % b"second"),
        (200, "text/event-stream", STREAM % b"first"),
        (200, "application/json", b'{"choices":[],"model":"m"}'),
    ]
    assert server.differences() == ()


VARYING = [
    ("Today's date: Fri Nov 20 2026", "Today's date: Sat Nov 21 2026"),
    ("ran 12 tests in 0.013s", "ran 12 tests in 1.2s"),
    ("took 480 ms", "took 1203ms"),
    ("at 2026-11-20T10:11:12.5Z", "at 2026-11-21T03:00:00Z"),
    ("commit 3097ea9 on main", "commit cd8eab8 on main"),
    ("session ses_4f0aZZZZZ1 is new", "session ses_99bbYYYYY2 is new"),
    ("id 0b6e7c1e-2f0f-4a8e-9a55-1f7f9d3c8a01", "id 11111111-2222-4333-8444-555555555555"),
    ("in /var/lib/bench/e1/tree/src/a.c", "in /home/u/.cache/ralphbench/other/tree/src/a.c"),
    ("wrote /tmp/tmpab12/x", "wrote /tmp/tmpzz99/x"),
    ("http://127.0.0.1:41233/v1", "http://127.0.0.1:5/v1"),
    ("stamp 1763600000 and 1763600000123", "stamp 1763700000 and 1763700000999"),
    ("object at 0x7f00aa", "object at 0x7f11bb"),
    ("killed pid 1234", "killed pid 99"),
]


@pytest.mark.parametrize(("then", "now"), VARYING)
def test_what_differs_from_run_to_run_anyway_is_no_difference(recording: Recording, then: str, now: str) -> None:
    recording.add(asking(then), STREAM % b"x")
    server = ReplayServer(recording.close(), strict=True)
    [(status, _, text)] = replayed(server, (asking(now), headers()))
    assert status == 200, text
    assert server.differences() == ()


MEANT = [
    ("fix a.c", "fix b.c"),
    ("src/a.c in /x/y/tree/src/a.c", "src/a.c in /x/y/tree/src/b.c"),
    ("12 tests passed", "13 tests passed"),
    ("exit 0", "exit 1"),
    ("version 1.2.3", "version 1.2.4"),
]


@pytest.mark.parametrize(("then", "now"), MEANT)
def test_what_a_model_would_read_otherwise_is_told(recording: Recording, then: str, now: str) -> None:
    recording.add(asking(then), STREAM % b"x")
    server = ReplayServer(recording.close())
    [(status, _, _)] = replayed(server, (asking(now), headers()))
    assert status == 200
    [found] = server.differences()
    assert (found.call, found.stage, found.ordinal, found.where) == ("c0", "1-build-1", 0, "messages[0].content")
    assert found.recorded != found.asked


def test_strict_refuses_and_names_the_first_difference(recording: Recording) -> None:
    recording.add(asking("fix a.c"), STREAM % b"x")
    server = ReplayServer(recording.close(), strict=True)
    [(status, _, text)] = replayed(server, (asking("fix b.c"), headers()))
    assert status == 400
    message = json.loads(text)["error"]["message"]
    assert "stage 1-build-1, call 0 at messages[0].content: recorded 'fix a.c', asked 'fix b.c'" in message


def test_what_the_harness_sets_in_a_request_is_not_compared(recording: Recording) -> None:
    recording.add({**asking("a"), "max_tokens": 5, "temperature": 1}, STREAM % b"x")
    server = ReplayServer(recording.close(), strict=True)
    asked = {**asking("a"), "max_tokens": 99, "model": "other", "stream_options": {"include_usage": True}}
    assert replayed(server, (asked, headers()))[0][0] == 200


def test_a_call_that_was_not_recorded_and_one_that_is_not_asked_for(recording: Recording) -> None:
    recording.add(asking("a"), STREAM % b"x")
    recording.add(asking("b"), STREAM % b"y", ordinal=1)
    server = ReplayServer(recording.close())
    got = replayed(
        server, (asking("a"), headers()), (asking("c"), headers(ordinal=2)), (asking("d"), headers("2-build-1"))
    )
    assert [status for status, _, _ in got] == [200, 400, 400]
    assert [str(d) for d in server.differences()] == [
        "stage 1-build-1, call 2: recorded 2 calls, asked one more",
        "stage 2-build-1, call 0: recorded 0 calls, asked one more",
        "stage 1-build-1, call 1: recorded a call, asked nothing",
    ]


def test_parent_sessions_are_matched_by_the_order_in_which_they_came(recording: Recording) -> None:
    for session, text in ((None, b"root"), ("ses_a", b"first"), ("ses_b", b"second")):
        recording.add(asking("x"), STREAM % text, parent=session)
    server = ReplayServer(recording.close())
    got = replayed(server, *((asking("x"), headers(parent=p)) for p in ("ses_yy", None, "ses_zz")))
    assert [text for _, _, text in got] == [STREAM % b"first", STREAM % b"root", STREAM % b"second"]


def test_sub_agents_that_swapped_places_get_their_own_answers(recording: Recording) -> None:
    recording.add(asking("look at a"), STREAM % b"a", parent="ses_1", ordinal=0)
    recording.add(asking("look at b"), STREAM % b"b", parent="ses_1", ordinal=1)
    server = ReplayServer(recording.close(), strict=True)
    asked = [
        (asking("look at b"), headers(ordinal=0, parent="s")),
        (asking("look at a"), headers(ordinal=1, parent="s")),
    ]
    assert [text for _, _, text in replayed(server, *asked)] == [STREAM % b"b", STREAM % b"a"]
    assert server.differences() == ()


def test_without_a_stages_id_its_runs_follow_one_another(recording: Recording) -> None:
    recording.add(asking("x"), STREAM % b"one", stage="1-build-1")
    recording.add(asking("x"), STREAM % b"two", stage="2-build-1")
    told = {"x-ralphbench-stage": "build", "x-ralphbench-ordinal": "0"}
    server = ReplayServer(recording.close())
    got = replayed(server, (asking("x"), told), (asking("x"), told), (asking("x"), {}))
    assert [text for _, _, text in got[:2]] == [STREAM % b"one", STREAM % b"two"]
    assert got[2][0] == 400
    assert b"x-ralphbench-stage is missing" in got[2][2]


ERRORS = [
    ("overflow", 400),
    ("rate_limited", 429),
    ("model_missing", 404),
    ("provider_error", 500),
    ("endpoint_down", 503),
    ("bad_request", 400),
]


@pytest.mark.parametrize(("kind", "status"), ERRORS)
def test_a_recorded_error_comes_back_as_what_the_server_said(recording: Recording, kind: str, status: int) -> None:
    recording.add(asking("x"), None, status=402, error=kind, error_text="so it said")
    [(got, _, text)] = replayed(ReplayServer(recording.close()), (asking("x"), headers()))
    assert (got, json.loads(text)["error"]["message"]) == (status, "so it said")


def test_an_error_that_was_kept_comes_back_as_it_was(recording: Recording) -> None:
    recording.add(asking("x"), b'{"error":"teapot"}', status=418)
    assert replayed(ReplayServer(recording.close()), (asking("x"), headers())) == [
        (418, "application/json", b'{"error":"teapot"}')
    ]


def spec_of(folder: Path, endpoint: EndpointSpec) -> AttemptSpec:
    model = StageModel(ModelRef("e", "m"), "builtin")
    return AttemptSpec(
        "x", Cell("t", "p", 1), 1, Task("t", folder, "", "", Target(), ()), Profile("p", dict.fromkeys(Stage, model)),
        {"e": endpoint}, Limits(), PlanMode(), "host", folder, folder, folder, "b", folder, folder, folder, "i",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("then", "now", "price"),
    [
        ({"kind": "scripted", "script": "s"}, {}, (None, None, True)),
        (
            {"kind": "scripted", "script": "s", "local": False, "price": {"input": 1.0, "output": 2.0}},
            {},
            (1.0, None, False),
        ),
        ({"kind": "anthropic", "api_key_env": "NO_SUCH_KEY"}, {}, (None, "anthropic", False)),
        ({"kind": "anthropic"}, {"local": True}, (None, None, True)),
        ({"kind": "anthropic"}, {"price": {"input": 3.0, "output": 4.0}}, (3.0, None, True)),
        ({"kind": "of-another-package"}, {}, (None, None, True)),
        (None, {}, (None, None, True)),
    ],
)
def test_calls_are_priced_as_they_were_then_unless_it_is_said_otherwise(
    recording: Recording, then: dict[str, Any] | None, now: dict[str, Any], price: tuple[Any, ...]
) -> None:
    recording.add(asking("x"), STREAM % b"x")
    folder = recording.close()
    if then is not None:
        write_spec(AttemptFolder(folder), spec_of(folder, EndpointSpec("e", **then)))
    endpoint = load_endpoint(EndpointSpec("again", "replay", script=str(folder), **now))
    terms = price_terms(endpoint, "m", provider=None)
    assert ((terms.spec.price or {}).get("input"), terms.provider, terms.local) == price


def test_a_folder_without_a_record(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="is not a recorded attempt"):
        ReplayServer(tmp_path)
    AttemptFolder(tmp_path).calls.write_bytes(b"")
    with pytest.raises(RecordError, match="holds no call"):
        ReplayServer(tmp_path)


def test_the_endpoint_tells_what_its_record_holds(recording: Recording) -> None:
    recording.add(asking("x"), STREAM % b"x")
    spec = EndpointSpec("again", "replay", script=str(recording.close()), options={"strict": True})
    endpoint = load_endpoint(spec)
    assert endpoint.dialect() == "chat"
    assert endpoint.local()
    assert [info.id for info in endpoint.models()] == ["m"]
    assert endpoint.preflight(StageModel(ModelRef("again", "m"), "opencode")).id == "m"
    with pytest.raises(ModelMissing, match=r"there: m"):
        endpoint.preflight(StageModel(ModelRef("again", "q"), "opencode"))
    with pytest.raises(EndpointError, match="no server yet"):
        endpoint.upstream()
    assert load_endpoint(replace(spec, base_url="http://127.0.0.1:9/v1")).upstream().base_url == "http://127.0.0.1:9/v1"
    with pytest.raises(ConfigError, match="did you mean 'strict'"):
        load_endpoint(replace(spec, options={"stritc": True}))
    with pytest.raises(ConfigError, match="needs the folder"):
        load_endpoint(replace(spec, script=None))


def test_as_a_process_it_shows_its_differences(recording: Recording) -> None:
    recording.add(asking("fix a.c"), STREAM % b"x")
    command = [sys.executable, "-W", "error", "-m", "ralphbench.endpoints.replay", str(recording.close()), "--strict"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        base = process.stdout.readline().strip()
        body = json.dumps(asking("fix b.c")).encode()
        told = {**headers(), "Content-Type": "application/json"}
        request = urllib.request.Request(f"{base}/chat/completions", data=body, headers=told)
        with pytest.raises(urllib.error.HTTPError, match="400") as caught:
            urllib.request.urlopen(request, timeout=10)
        caught.value.close()
        with urllib.request.urlopen(f"{base.removesuffix('/v1')}/differences", timeout=10) as response:
            shown = json.load(response)
        process.terminate()
        assert process.wait(10) == 0
    assert shown["different"] == 1
    assert shown["differences"][0].startswith("stage 1-build-1, call 0 at messages[0].content")
