from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.hand_clock import HandClock

from ralphbench.control import ChannelError, ChannelServer
from ralphbench.errors import EndpointDown, GatewayLost, Interrupted
from ralphbench.model import EndpointSpec, ModelRef, Pause, StageModel, codec
from ralphbench.schedule import Leases, serve_leases
from ralphbench.trial import LeaseClient
from ralphbench.trial.stop import StopRequest


@pytest.fixture
def leases() -> Leases:
    return Leases(
        {
            "box": EndpointSpec("box", "openai", base_url="http://127.0.0.1:9/v1"),
            "cloud": EndpointSpec("cloud", "openai", base_url="http://127.0.0.1:9/v1", slots=2),
        }
    )


@pytest.fixture
def server(leases: Leases, tmp_path: Path) -> Iterator[ChannelServer]:
    server = serve_leases(tmp_path / "leases.sock", leases)
    yield server
    server.close()


def model(endpoint: str) -> StageModel:
    return StageModel(ModelRef(endpoint, "m"), "tiny")


def wait_until(condition: object, seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.01)
    return False


def test_a_free_slot_is_granted_at_once(server: ChannelServer, leases: Leases) -> None:
    client = LeaseClient(server.path)
    asked = time.time()
    with client.lease(model("box")) as pauses:
        assert leases.held() == {"box": 1, "cloud": 0}
        assert [p.what for p in pauses] == ["queue"]
        assert asked <= pauses[0].start <= pauses[0].end <= time.time()
    assert leases.held()["box"] == 0
    client.close()


def test_the_second_waits_for_the_first_and_is_told_how_long(server: ChannelServer, leases: Leases) -> None:
    first, second = LeaseClient(server.path), LeaseClient(server.path)
    waited: list[Pause] = []

    def take() -> None:
        with second.lease(model("box")) as pauses:
            waited.extend(pauses)

    with first.lease(model("box")):
        thread = threading.Thread(target=take)
        thread.start()
        assert wait_until(lambda: leases.waiting()["box"] == 1)
        seen, on_the_clock = time.time(), time.monotonic()
        time.sleep(0.05)
        assert not waited
        given_back = time.time()
    thread.join()
    assert waited[0].start <= seen < given_back <= waited[0].end
    assert waited[0].since <= on_the_clock < on_the_clock + 0.05 <= waited[0].until <= time.monotonic()
    first.close()
    second.close()


def test_as_many_at_once_as_there_are_slots(server: ChannelServer, leases: Leases) -> None:
    one, two = LeaseClient(server.path), LeaseClient(server.path)
    with one.lease(model("cloud")), two.lease(model("cloud")):
        assert leases.held()["cloud"] == 2
    one.close()
    two.close()


def test_a_killed_holder_gives_its_lease_back(server: ChannelServer, leases: Leases) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom ralphbench.trial import LeaseClient\n"
        "client = LeaseClient(Path(sys.argv[1]))\n"
        "from ralphbench.model import ModelRef, StageModel\n"
        "with client.lease(StageModel(ModelRef('box', 'm'), 'tiny')):\n    print('held', flush=True)\n    time.sleep(600)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(server.path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == "held\n"
        assert leases.held()["box"] == 1
        holder.kill()
        holder.wait()
    assert wait_until(lambda: leases.held()["box"] == 0)


def test_an_endpoint_that_the_run_lacks_is_refused(server: ChannelServer) -> None:
    client = LeaseClient(server.path)
    with pytest.raises(ChannelError, match="no endpoint 'moon'"), client.lease(model("moon")):
        pass
    client.close()


def test_who_waits_for_a_lease_can_be_stopped_softly(server: ChannelServer, leases: Leases) -> None:
    def stop_who_waits() -> None:
        if wait_until(lambda: leases.waiting()["box"] == 1):
            os.kill(os.getpid(), signal.SIGTERM)

    holder, waiter = LeaseClient(server.path), LeaseClient(server.path)
    stop = StopRequest()
    before = signal.signal(signal.SIGTERM, stop._on_signal)
    try:
        with holder.lease(model("box")):
            threading.Thread(target=stop_who_waits).start()
            with pytest.raises(Interrupted), stop.breakable(), waiter.lease(model("box")):
                pass
    finally:
        signal.signal(signal.SIGTERM, before)
    waiter.close()
    with holder.lease(model("box")):  # whoever gave up waiting holds up nobody
        pass
    holder.close()


def test_a_scheduler_that_dies_is_noticed(server: ChannelServer) -> None:
    client = LeaseClient(server.path)
    assert client.alive()
    server.close()
    assert wait_until(lambda: not client.alive())
    with pytest.raises(GatewayLost), client.lease(model("box")):
        pass
    client.close()


def test_a_model_that_must_be_loaded_is_loaded_under_the_lease(tmp_path: Path) -> None:
    from ralphbench.endpoints.embedded import serve_in_thread
    from ralphbench.endpoints.fake_lmstudio import Downloaded, FakeLMStudio

    script = {"models": ["small"], "rules": [{"turns": ["hello"]}]}
    with serve_in_thread(FakeLMStudio(script, downloaded=[Downloaded("small")], loaded={})) as url:
        spec = EndpointSpec("box", "lmstudio", base_url=url.removesuffix("/v1"), options={"load": True})
        server = serve_leases(tmp_path / "l.sock", Leases({"box": spec}))
        client = LeaseClient(server.path)
        wanted = StageModel(ModelRef("box", "small"), "tiny", context=8192)
        with client.lease(wanted) as pauses:
            assert [p.what for p in pauses] == ["queue", "load"]
        with client.lease(wanted) as pauses:
            assert [p.what for p in pauses] == ["queue"]
        missing = StageModel(ModelRef("box", "large"), "tiny", context=8192)
        for _ in range(2):  # who was refused holds nothing: the second try does not wait for the first
            with pytest.raises(ChannelError, match="large"), client.lease(missing):
                pass
        with client.lease(wanted):
            pass
        client.close()
        server.close()


def test_nothing_is_loaded_for_who_died_while_waiting(tmp_path: Path) -> None:
    from ralphbench.endpoints.embedded import serve_in_thread
    from ralphbench.endpoints.fake_lmstudio import Downloaded, FakeLMStudio

    script = {"models": ["small", "other"], "rules": [{"turns": ["hello"]}]}
    fake = FakeLMStudio(script, downloaded=[Downloaded("small"), Downloaded("other")], loaded={})
    with serve_in_thread(fake) as url:
        spec = EndpointSpec("box", "lmstudio", base_url=url.removesuffix("/v1"), options={"load": True})
        leases = Leases({"box": spec})
        server = serve_leases(tmp_path / "l.sock", leases)
        client = LeaseClient(server.path)
        small, other = (StageModel(ModelRef("box", name), "tiny", context=8192) for name in ("small", "other"))
        with client.lease(small), socket.socket(socket.AF_UNIX) as dead:
            dead.connect(str(server.path))
            dead.sendall(codec.dumps({"op": "lease", "endpoint": "box", "model": other}) + b"\n")
            assert wait_until(lambda: leases.waiting()["box"] == 1)
            dead.close()
        with client.lease(small) as pauses:  # behind the dead one in the queue, which would have put `small` out
            assert [p.what for p in pauses] == ["queue"]
        client.close()
        server.close()


class Away:
    """An endpoint that loads models, and is not there the first few times."""

    def __init__(self, times: int) -> None:
        self.times = times

    def prepare(self, model: StageModel) -> float | None:
        self.times -= 1
        if self.times >= 0:
            raise EndpointDown("nobody answers")
        return None


@pytest.mark.parametrize("away", [0, 1, 5])
def test_a_server_that_is_away_for_a_while_is_waited_for_off_the_clock(
    leases: Leases, monkeypatch: pytest.MonkeyPatch, away: int
) -> None:
    hand = HandClock()
    monkeypatch.setattr("ralphbench.schedule.leases.time", hand)
    monkeypatch.setattr("ralphbench.schedule.leases.load_endpoint", lambda spec: server)
    server = Away(away)
    began = hand.monotonic()
    waited = leases.load(model("box"))
    assert (waited or 0.0) == hand.monotonic() - began
    assert (waited is None) is (away == 0)


@pytest.mark.parametrize("gone", [False, True])
def test_a_server_that_stays_away_or_that_nobody_waits_for_is_given_up(
    leases: Leases, monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    hand = HandClock()
    monkeypatch.setattr("ralphbench.schedule.leases.time", hand)
    monkeypatch.setattr("ralphbench.schedule.leases.load_endpoint", lambda spec: server)
    server = Away(1000)
    began = hand.monotonic()
    with pytest.raises(EndpointDown):
        leases.load(model("box"), lambda: gone)
    assert (hand.monotonic() - began > 100) is (not gone)
