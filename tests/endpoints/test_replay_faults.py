"""Faults and cuts of a recorded attempt come again as what they were; a strict replay says what it failed on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support.recording import STREAM, Recording, asking, headers, hung_up_on, posting, read_until, replayed

from ralphbench.endpoints import RECORDED_FAULT, replay_server
from ralphbench.endpoints.replay import ReplayServer
from ralphbench.model import EventKind


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(tmp_path / "a1")


FAULTS = [
    ("endpoint_down", "Cannot connect to host"),
    ("provider_error", "no byte for 600 s"),
    ("overflow", "the prompt is longer than the context"),
]


@pytest.mark.parametrize(("kind", "text"), FAULTS)
def test_an_error_that_was_no_servers_answer_says_what_it_was_taken_for(
    recording: Recording, kind: str, text: str
) -> None:
    recording.add(asking("x"), None, status=402, error=kind, error_text=text)

    async def ask(server: ReplayServer) -> tuple[str | None, Any]:
        async with server, posting(server, asking("x"), headers()) as response:
            return response.headers.get(RECORDED_FAULT), await response.json()

    fault, body = asyncio.run(ask(ReplayServer(recording.close())))
    assert (fault, body["error"]["message"]) == (kind, text)


def test_an_error_that_stopped_a_stage_comes_back_as_the_server_said_it_and_not_as_the_agent_heard_it(
    recording: Recording,
) -> None:
    recording.add(asking("x"), b'{"error":"boom"}', status=402, server_status=500, error="provider_error")
    server = ReplayServer(recording.close())
    assert replayed(server, (asking("x"), headers())) == [(500, "application/json", b'{"error":"boom"}')]


BROKEN: list[dict[str, Any]] = [
    {"status": 200, "error": "provider_error", "mends": ("reset_mid_stream",)},
    {"status": 200, "mends": ("reset_after_finish",)},
    {"status": 402, "error": "provider_error", "error_text": "broken off before the first token"},
]


@pytest.mark.parametrize("ended", BROKEN, ids=["in the middle", "after the end", "before the first token"])
def test_a_connection_that_broke_breaks_again_after_the_same_bytes(recording: Recording, ended: dict[str, Any]) -> None:
    recording.add(asking("x"), STREAM[:70] % b"x", server_status=200, **ended)

    async def read(server: ReplayServer) -> None:
        async with server, posting(server, asking("x"), headers()) as response:
            assert await read_until(response, STREAM[:70] % b"x") == STREAM[:70] % b"x"
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.content.readany()

    asyncio.run(read(ReplayServer(recording.close())))


UNFINISHED: list[dict[str, Any]] = [
    {"status": 200, "error": "provider_error", "mends": ("no_finish_reason",)},
    {"status": 402, "error": "provider_error", "mends": ("empty_answer",)},
]


@pytest.mark.parametrize("ended", UNFINISHED, ids=["no finish reason", "nothing in it"])
def test_a_stream_that_the_server_itself_ended_too_soon_ends_so_again(
    recording: Recording, ended: dict[str, Any]
) -> None:
    recording.add(asking("x"), STREAM[:70] % b"x", server_status=200, **ended)
    assert replayed(ReplayServer(recording.close()), (asking("x"), headers())) == [
        (200, "text/event-stream", STREAM[:70] % b"x")
    ]


CUT: list[dict[str, Any]] = [
    {"status": 499, "error": "client_gone"},
    {"status": 200, "error": "stage_closed"},
    {"status": 200, "error": "cap", "mends": ("cut",)},
]


@pytest.mark.parametrize("ended", CUT, ids=lambda ended: str(ended["error"]))
@pytest.mark.parametrize("body", [STREAM[:66] % b"x", None], ids=["answering", "nothing yet"])
def test_a_call_that_was_cut_off_is_held_open_until_it_is_cut_again(
    recording: Recording, ended: dict[str, Any], body: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_server, "_BEAT", 0.01)
    recording.add(asking("x"), body, server_status=None if body is None else 200, **ended)
    server = ReplayServer(recording.close())

    async def ask() -> None:
        async with server:
            async with posting(server, asking("x"), headers()) as response:
                got = await read_until(response, b": held\n\n" * 3)
                assert (response.status, got.replace(b": held\n\n", b"")) == (200, body or b"")
            await hung_up_on(server)

    asyncio.run(ask())
    assert server.differences() == ()


def test_an_answer_in_one_piece_that_was_cut_off_is_held_open_too(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_server, "_BEAT", 0.01)
    recording.add(asking("x", stream=False), None, status=499, error="client_gone")
    server = ReplayServer(recording.close())

    async def ask() -> None:
        async with server:
            async with posting(server, asking("x", stream=False), headers()) as response:
                assert response.content_type == "application/json"
                assert (await read_until(response, b"\n\n\n")).strip() == b""
            await hung_up_on(server)

    asyncio.run(ask())


@pytest.mark.parametrize("ending", ["stage_timeout", "wall_time"])
def test_a_stage_that_time_ended_may_ask_for_more_than_was_recorded_and_waits(
    recording: Recording, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its model took its time then and answers at once now."""
    monkeypatch.setattr(replay_server, "_BEAT", 0.01)
    recording.began("1-build-1")
    recording.add(asking("a"), STREAM % b"x")
    recording.ended("1-build-1", ending)
    server = ReplayServer(recording.close(), strict=True)

    async def ask() -> None:
        async with server:
            async with posting(server, asking("more"), headers(ordinal=1)) as response:
                assert await read_until(response, b": held\n\n" * 3)
            await hung_up_on(server)

    asyncio.run(ask())
    assert [d.asked for d in server.differences()] == ["nothing"]


def test_a_stage_that_ended_for_want_of_a_sign_of_life_gets_none_again(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_server, "_BEAT", 0.001)
    recording.began("1-build-1")
    recording.add(asking("x"), STREAM[:66] % b"x", status=499, error="client_gone")
    recording.ended("1-build-1", "idle_timeout")
    server = ReplayServer(recording.close())

    async def ask() -> bytes:
        async with server, posting(server, asking("x"), headers()) as response:
            got = await read_until(response, STREAM[:66] % b"x")
            for _ in range(100):
                await asyncio.sleep(0.001)
            return got + response.content.read_nowait()

    assert asyncio.run(ask()) == STREAM[:66] % b"x"


def test_a_stage_that_a_fault_ended_before_it_had_asked_meets_the_fault(recording: Recording) -> None:
    recording.began("1-build-1")
    recording.ended("1-build-1", "model_load")
    recording.began("1-build-2")
    recording.add(asking("x"), STREAM % b"x", stage="1-build-2")
    recording.ended("1-build-2", "done")
    server = ReplayServer(recording.close(), strict=True)

    async def ask() -> str | None:
        async with server, posting(server, asking("x"), headers()) as response:
            return response.headers.get(RECORDED_FAULT)

    assert asyncio.run(ask()) == "model_load"
    assert replayed(server, (asking("x"), headers("1-build-2")))[0][0] == 200


def test_what_was_done_anew_after_a_cut_is_found_where_it_would_have_stood(recording: Recording) -> None:
    recording.began("1-build-1")
    recording.add(asking("x"), STREAM % b"undone", stage="1-build-1")
    recording.events.append(EventKind.ATTEMPT_RESUMED, process=2)
    recording.began("1-build-2")
    recording.add(asking("x"), STREAM % b"anew", stage="1-build-2")
    recording.ended("1-build-2", "done")
    server = ReplayServer(recording.close())
    assert replayed(server, (asking("x"), headers("1-build-1"))) == [(200, "text/event-stream", STREAM % b"anew")]
    assert server.differences() == ()


def test_a_stages_end_tells_what_it_asked_otherwise_and_what_it_did_not_ask(recording: Recording) -> None:
    for ordinal, text in enumerate("abc"):
        recording.add(asking(text), STREAM % b"x", ordinal=ordinal)
    recording.add(asking("v"), STREAM % b"x", stage="1-verify-1")
    server = ReplayServer(recording.close())
    replayed(server, (asking("a"), headers()), (asking("B"), headers(ordinal=1)))
    compared = server.stage_over("1-build-1")
    assert compared.differences == (
        "stage 1-build-1, call 1 at messages[0].content: recorded 'b', asked 'B'",
        "stage 1-build-1, call 2: recorded a call, asked nothing",
    )
    assert compared.failed is None
    assert server.stage_over("7-build-1").differences == ()


def test_strict_fails_on_a_call_that_nobody_asked_for_too(recording: Recording) -> None:
    recording.add(asking("a"), STREAM % b"x")
    recording.add(asking("b"), STREAM % b"x", ordinal=1)
    server = ReplayServer(recording.close(), strict=True)
    replayed(server, (asking("a"), headers()))
    said = "not as it was recorded: stage 1-build-1, call 1: recorded a call, asked nothing"
    assert server.stage_over("1-build-1").failed == said


def test_after_a_difference_a_strict_replay_gives_no_other_answer_than_that(recording: Recording) -> None:
    """What is tried again ends with the same words; and the first difference is why."""
    recording.add(asking("a"), STREAM % b"x")
    recording.add(asking("a"), STREAM % b"x", stage="1-build-2")
    server = ReplayServer(recording.close(), strict=True)
    got = replayed(server, (asking("b"), headers()), (asking("a"), headers("1-build-2")))
    assert [status for status, _, _ in got] == [400, 400]
    assert got[0][2] == got[1][2]
    assert b"recorded 'a', asked 'b'" in got[0][2]
