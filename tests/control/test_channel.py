from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ralphbench.control import Channel, ChannelError, ChannelServer
from ralphbench.errors import GatewayLost, RunError


class Recorder:
    """Answers with what it was asked; remembers who left."""

    closed_sessions = 0

    def handle(self, op: str, fields: dict[str, Any]) -> Any:
        if op == "refuse":
            raise RunError("not that")
        if op == "need":
            return fields["missing"]
        return {"op": op, **fields}

    def closed(self) -> None:
        type(self).closed_sessions += 1


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChannelServer]:
    Recorder.closed_sessions = 0
    server = ChannelServer(tmp_path / "s.sock", lambda peer: Recorder())
    yield server
    server.close()


def test_a_question_gets_its_answer(server: ChannelServer) -> None:
    with Channel(server.path) as channel:
        assert channel.call("hello", number=1, text="ü\n") == {"op": "hello", "number": 1, "text": "ü\n"}


def test_a_refusal_keeps_its_kind_and_the_connection(server: ChannelServer) -> None:
    with Channel(server.path) as channel:
        with pytest.raises(ChannelError, match="not that") as caught:
            channel.call("refuse")
        assert caught.value.kind == "RunError"
        assert channel.call("hello") == {"op": "hello"}


def test_a_bad_question_is_answered_not_fatal(server: ChannelServer) -> None:
    with Channel(server.path) as channel:
        with pytest.raises(ChannelError, match="KeyError") as caught:
            channel.call("need")
        assert caught.value.kind == "BadQuestion"


def test_the_server_is_told_when_a_connection_ends(server: ChannelServer) -> None:
    Channel(server.path).close()
    deadline = time.monotonic() + 60
    while Recorder.closed_sessions == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert Recorder.closed_sessions == 1


def test_nobody_listening_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(GatewayLost, match="nobody listens"):
        Channel(tmp_path / "none.sock")


def test_a_server_that_goes_is_noticed_without_asking(server: ChannelServer) -> None:
    channel = Channel(server.path)
    channel.call("hello")
    assert channel.alive()
    server.close()
    deadline = time.monotonic() + 60
    while channel.alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not channel.alive()
    with pytest.raises(GatewayLost):
        channel.call("hello")
    channel.close()


def test_a_path_longer_than_the_kernel_takes_works(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 30)
    folder.mkdir()
    server = ChannelServer(folder / "s.sock", lambda peer: Recorder())
    try:
        with Channel(server.path) as channel:
            assert channel.call("hello") == {"op": "hello"}
    finally:
        server.close()


def test_the_socket_is_for_its_owner_alone(server: ChannelServer) -> None:
    assert server.path.stat().st_mode & 0o077 == 0


def test_two_connections_are_answered_at_once(server: ChannelServer) -> None:
    answers: list[Any] = []

    def ask() -> None:
        with Channel(server.path) as channel:
            answers.extend(channel.call("hello") for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 200
