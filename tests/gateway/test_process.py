"""The gateway's process: who owns it, how it ends, what it keeps to itself. Each test has a process of its own."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected
from pathlib import Path
from typing import Any

import pytest
from support.waiting import until

from ralphbench.errors import EndpointError, GatewayLost, RunError
from ralphbench.gateway import GatewayClient
from ralphbench.gateway.process import GatewayProcess
from ralphbench.gateway.secrets import Redactor
from ralphbench.record import read_calls

KEY = "sk-real-key-of-the-user-123456"


def in_background(one: Any) -> threading.Thread:
    def ask() -> None:
        with contextlib.suppress(OSError, IncompleteRead, RemoteDisconnected):
            one.ask()

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


@pytest.fixture
def own(tmp_path: Path) -> Any:
    processes: list[GatewayProcess] = []

    def start(**more: Any) -> GatewayProcess:
        processes.append(GatewayProcess.start(tmp_path / f"gateway{len(processes)}", **more))
        return processes[-1]

    yield start
    for process in processes:
        process.close()


def test_a_kill_leaves_a_readable_record_with_the_call_unfinished(
    own: Any, stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    upstream.gives(answer(tongue.stream("hi")), answer(tongue.broken(tongue.stream("Hel")), end="stall"))
    gateway = own()
    one = stage(client=gateway.client)
    one.ask()
    asking = in_background(one)
    until(lambda: len(upstream.seen) == 2)
    os.kill(gateway.pid, signal.SIGKILL)
    asking.join()
    first, second = read_calls(one.grant.folder)
    assert first.ended is not None
    assert second.ended is None
    assert (first.ended.usage.input, second.started.id) == (10, "c2")
    until(lambda: upstream.seen[1].hung_up)
    with pytest.raises(GatewayLost):
        one.poll()


def test_a_termination_gives_every_call_its_end(own: Any, stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    upstream.gives(answer(tongue.broken(tongue.stream("Hel")), end="stall"))
    gateway = own()
    one = stage(client=gateway.client)
    asking = in_background(one)
    until(lambda: one.calls() and one.poll().activity > 100)
    os.kill(gateway.pid, signal.SIGTERM)
    until(lambda: not gateway.alive())
    asking.join()
    [call] = one.calls()
    assert (call.ended.error, call.ended.served) == ("gateway_closed", "model-one")
    assert one.body(call.ended.response) == b"".join(tongue.broken(tongue.stream("Hel")))
    assert one.body(call.started.request)
    assert not gateway.control.exists()
    assert not gateway.socket.exists()
    assert gateway._process.returncode == 0


def test_it_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from ralphbench.gateway.process import GatewayProcess\n"
            "g = GatewayProcess.start(Path(sys.argv[1])); print(g.pid, flush=True); time.sleep(600)",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
    )
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    owner.stdout.close()
    until(
        lambda: not Path(f"/proc/{pid}").exists() or b"Z" in Path(f"/proc/{pid}/stat").read_bytes().split(b")")[1][:3]
    )
    assert not (tmp_path / "control" / "gateway.sock").exists()


def test_grants_die_with_the_connection_that_made_them(
    own: Any, stage: Any, upstream: Any, chat: Any, answer: Any
) -> None:
    upstream.gives(answer(chat.broken(chat.stream("Hel")), end="stall"))
    gateway = own()
    trial = GatewayClient(gateway.control)
    one = stage(chat, client=trial)
    asking = in_background(one)
    until(lambda: upstream.seen)
    trial.close()
    asking.join()
    until(lambda: one.calls()[0].ended is not None)
    assert one.calls()[0].ended.error == "owner_gone"
    until(lambda: upstream.seen[0].hung_up)
    assert one.ask().status == 404
    stage(chat, client=gateway.client, attempt=one.grant.attempt)


def test_a_second_owner_is_refused(own: Any) -> None:
    gateway = own()
    with GatewayClient(gateway.control) as other, pytest.raises(RunError, match="has an owner"):
        other.own()


def test_only_its_opener_may_watch_or_close_a_stage(own: Any, stage: Any, chat: Any) -> None:
    gateway = own()
    one = stage(chat, client=gateway.client)
    with GatewayClient(gateway.control) as other:
        for ask in (other.poll, other.close_stage):
            with pytest.raises(RunError, match="no such stage"):
                ask(one.address.token)


def test_an_agent_that_hangs_up_ends_its_call_at_the_server(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    upstream.gives(answer(tongue.broken(tongue.stream("Hel")), end="stall"))
    one = stage()
    port = int(one.address.url.split(":")[2].split("/")[0])
    connection = HTTPConnection("127.0.0.1", port)
    path = one.address.url.split(str(port))[1] + tongue.path
    connection.request("POST", path, json.dumps(tongue.ask()), {"content-type": "application/json"})
    connection.getresponse().read(10)
    assert one.poll().open_calls == 1
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
    until(lambda: upstream.seen[0].hung_up)
    ended = one.call()
    assert (ended.status, ended.error) == (499, "client_gone")
    assert one.poll().open_calls == 0
    assert one.poll().stop is None
    assert one.poll().spent.unknown_calls == 1


def test_an_agent_that_hangs_up_while_the_server_thinks(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    upstream.gives(answer([], end="stall"))
    one = stage()
    with socket.create_connection(("127.0.0.1", int(one.address.url.split(":")[2].split("/")[0]))) as agent:
        body = json.dumps(tongue.ask()).encode()
        path = "/t/" + one.address.token + "/v1" + tongue.path
        agent.sendall(f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        until(lambda: upstream.seen)
    until(lambda: upstream.seen[0].hung_up)
    assert one.call().status == 499


def test_a_call_waits_until_something_of_its_answer_comes(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    """The head of an answer says nothing: some servers send it before they read the prompt."""
    upstream.gives(answer([], end="stall"), answer(tongue.broken(tongue.stream("Hel")), end="stall"))
    one = stage()
    asking = [in_background(one)]
    until(lambda: upstream.seen)
    assert (one.poll().open_calls, one.poll().waiting) == (1, 1)
    asking.append(in_background(one))
    until(lambda: one.poll().activity > 100)
    assert (one.poll().open_calls, one.poll().waiting) == (2, 1)
    closed = one.close()
    assert (closed.open_calls, closed.waiting) == (0, 0)
    for thread in asking:
        thread.join()


def test_closing_a_stage_waits_for_its_calls(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    upstream.gives(answer(chat.stream("Hel", "lo"), gap=0.1))
    one = stage(chat)
    asking = in_background(one)
    until(lambda: upstream.seen)
    traffic = one.close()
    asking.join()
    assert (traffic.open_calls, traffic.spent.input) == (0, 10)
    assert one.calls()[0].ended.error is None
    assert one.body(one.calls()[0].ended.response) == b"".join(chat.stream("Hel", "lo"))


@pytest.mark.slow
def test_closing_a_stage_does_not_wait_for_ever(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    upstream.gives(answer(chat.broken(chat.stream("Hel")), end="stall"))
    one = stage(chat)
    asking = in_background(one)
    until(lambda: upstream.seen)
    one.close()
    asking.join()
    ended = one.calls()[0].ended
    assert ended.error == "stage_closed"
    assert ended.timing.total >= 4, "it had no time to end of itself"


def test_a_token_that_ended_and_one_that_never_was_look_alike(
    stage: Any, upstream: Any, chat: Any, answer: Any
) -> None:
    upstream.gives(answer(chat.stream("hi")))
    one = stage(chat)
    one.close()
    ended = one.ask()
    one.address = type(one.address)(one.address.url[:-8] + "XXXXX/v1", one.address.socket, "", "chat")
    never = one.ask()
    assert (ended.status, ended.body) == (never.status, never.body)
    assert ended.status == 404
    assert upstream.seen == []


@pytest.mark.parametrize("path", ["/", "/t", "/t/", "/v1/models", "/t//v1/models", "/t/x/../../v1/models"])
def test_other_addresses_have_nothing(path: str, gateway: GatewayProcess) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(gateway.describe()["url"] + path)
    with caught.value as error:
        assert error.code == 404


def test_the_unix_socket_is_the_same_road(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    events = tongue.stream("hi")
    upstream.gives(answer(events))
    one = stage()
    body = json.dumps(tongue.ask()).encode()
    path = "/t/" + one.address.token + "/v1" + tongue.path
    with socket.socket(socket.AF_UNIX) as agent:
        agent.connect(str(one.address.socket))
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
        agent.sendall(head.encode() + body)
        data = b""
        while piece := agent.recv(65536):
            data += piece
    assert b" 200 " in data[:16]
    for event in events:
        assert event in data


def test_large_bodies_may_ask_first(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    upstream.gives(answer(chat.stream("hi")))
    one = stage(chat)
    body = json.dumps(chat.ask()).encode()
    path = "/t/" + one.address.token + "/v1/chat/completions"
    with socket.socket(socket.AF_UNIX) as agent:
        agent.settimeout(60)
        agent.connect(str(one.address.socket))
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {len(body)}\r\n\r\n"
        agent.sendall(head.encode())
        assert agent.recv(100).startswith(b"HTTP/1.1 100 ")
        agent.sendall(body)
        assert b" 200 " in agent.recv(100)[:16]


def test_the_control_socket_is_private_and_apart(gateway: GatewayProcess) -> None:
    assert stat.S_IMODE(gateway.control.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(gateway.control.stat().st_mode) == 0o600
    assert gateway.control.parent != gateway.socket.parent
    done = subprocess.run(
        [sys.executable, "-m", "ralphbench.gateway", "--control", "/tmp/x/c", "--socket", "/tmp/x/a"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "different folders" in done.stderr


def test_the_control_socket_does_not_answer_agents(gateway: GatewayProcess) -> None:
    code = (
        "import sys; from pathlib import Path; from ralphbench.gateway import GatewayClient; "
        "print(GatewayClient(Path(sys.argv[1])).describe())"
    )
    argv = [sys.executable, "-c", code, str(gateway.control)]
    agent = subprocess.run(argv, env={**os.environ, "RALPHBENCH_STAGE": "1-build-1"}, capture_output=True, text=True)
    assert "GatewayLost" in agent.stderr
    assert agent.stdout == ""
    other = subprocess.run(argv, capture_output=True, text=True)
    assert "genai-prices" in other.stdout


def test_nonsense_on_the_control_socket_is_answered_with_an_error(gateway: GatewayProcess) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(gateway.control))
        reader = client.makefile("rb")
        for line in (b"nonsense\n", b"[]\n", b"{}\n", b'{"op":"dance"}\n', b'{"op":"open_stage","grant":{}}\n'):
            client.sendall(line)
            assert "error" in json.loads(reader.readline())
        reader.close()


def test_describe_says_what_a_manifest_wants(gateway: GatewayProcess) -> None:
    described = gateway.describe()
    assert described["pid"] == gateway.pid
    assert described["prices"].startswith("genai-prices 0.")
    assert described["url"].startswith("http://127.0.0.1:")


def test_the_key_goes_to_the_server_and_nowhere_else(
    own: Any, stage: Any, upstream: Any, tongue: Any, answer: Any, tmp_path: Path
) -> None:
    echo = json.dumps({"error": {"message": f"the key {KEY} is not valid here"}}).encode()
    upstream.gives(answer(tongue.stream("hi")), answer([echo], status=401, chunked=False))
    gateway = own(env={**os.environ, "MY_KEY": KEY})
    one = stage(client=gateway.client, auth="key", api_key_env="MY_KEY")
    assert one.ask(headers={"authorization": "Bearer agents-own", "x-api-key": "agents-own"}).status == 200
    sent = upstream.seen[0].headers
    assert KEY in sent["x-api-key" if tongue.name == "messages" else "authorization"]
    assert "agents-own" not in json.dumps(sent)
    refused = one.ask()
    assert refused.status == 402
    detail = one.poll().detail
    assert "[key]" in detail
    one.close()
    gateway.close()
    told = refused.body.decode() + detail + json.dumps(refused.headers)
    # The body of the server's answer is kept as it came, by the record's promise; nothing else has the key.
    kept = [p for p in tmp_path.rglob("*") if p.is_file() and p.suffix != ".bin"]
    assert len(kept) >= 3
    for text in (told, *(p.read_text() for p in kept)):
        assert KEY not in text


def test_a_missing_key_is_named(own: Any, stage: Any, chat: Any) -> None:
    gateway = own(env={k: v for k, v in os.environ.items() if k != "NO_SUCH_KEY"})
    with pytest.raises(EndpointError, match="NO_SUCH_KEY"):
        stage(chat, client=gateway.client, auth="key", api_key_env="NO_SUCH_KEY")


def test_a_record_that_cannot_be_written_stops_the_stage(
    own: Any, stage: Any, upstream: Any, chat: Any, answer: Any, tmp_path: Path
) -> None:
    upstream.gives(answer(chat.stream("hi")))
    folder = tmp_path / "full"
    folder.mkdir()
    (folder / "bodies").write_text("in the way of the folder")
    one = stage(chat, client=own().client, folder=folder)
    one.ask()
    until(lambda: one.poll().stop == "disk")
    assert one.ask().status == 402
    assert len(upstream.seen) == 1


def test_a_control_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "control").mkdir(mode=0o755)
    with pytest.raises(GatewayLost, match="must be private: chmod 700"):
        GatewayProcess.start(tmp_path)


def test_it_ends_where_nobody_owns_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from ralphbench.gateway.server import Gateway

    monkeypatch.setattr("ralphbench.gateway.server.ORPHAN", 0.2)
    asyncio.run(asyncio.wait_for(Gateway(tmp_path / "control" / "c", tmp_path / "agents" / "a").run(), 10))
    assert not (tmp_path / "control" / "c").exists()


def test_a_mistake_of_our_own_ends_the_stage_and_not_in_a_loop(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    """An agent tries again on a plain 500 for a minute, some for ever."""
    one = stage(options={"served_as": {"model-one": 7}})
    upstream.gives(answer(tongue.stream("hi", model="other")))
    reply = one.ask()
    assert reply.status == 402
    assert (reply.json.get("type") == "error") == (tongue.name == "messages"), "in the dialect's shape"
    assert one.poll().stop == "harness"
    assert one.calls()[0].ended is not None


def test_a_gateway_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "agents").write_text("a file where the folder should be")
    with pytest.raises(GatewayLost, match=r"ended at its start.*cannot serve on.*File exists"):
        GatewayProcess.start(tmp_path)


def test_keys_are_taken_out_of_log_records() -> None:
    redactor = Redactor()
    redactor.learn({"Authorization": f"Bearer {KEY}", "X-Api-Key": "another-secret", "Accept": "text/plain"})
    try:
        raise ValueError(f"sent {KEY}")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "key %s, %s", (KEY, "another-secret"), sys.exc_info())
    assert redactor.filter(record)
    text = logging.Formatter().format(record)
    assert KEY not in text
    assert "another-secret" not in text
    assert redactor.clean("text/plain") == "text/plain"


@pytest.mark.slow
def test_ten_thousand_calls_do_not_make_it_grow(own: Any, stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    import psutil

    upstream.gives(answer([chat.whole("hi")], chunked=False))
    gateway = own()
    one = stage(chat, client=gateway.client)
    port = int(one.address.url.split(":")[2].split("/")[0])
    body = json.dumps(chat.ask("x" * 500, stream=False))

    def ask(count: int) -> None:
        connection = HTTPConnection("127.0.0.1", port)
        for _ in range(count):
            connection.request("POST", f"/t/{one.address.token}/v1/chat/completions", body)
            connection.getresponse().read()
        connection.close()

    threads = [threading.Thread(target=ask, args=(1250,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert one.poll().spent.calls == 10_000
    assert psutil.Process(gateway.pid).memory_info().rss < 120e6
