"""The servers that come along: as a process that ends with its owner, and in a thread."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from ralphbench.endpoints.embedded import serve_in_thread
from ralphbench.endpoints.scripted import ScriptedServer

SCRIPT = "rules:\n  - turns: [hello]\n"


def started(path: Path, *more: str, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-m", "ralphbench.endpoints.scripted", str(path), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload, no-any-return]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "script.yaml"
    file.write_text(SCRIPT)
    return file


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_says_where_it_listens_and_ends_when_told_to(script: Path, number: signal.Signals) -> None:
    with started(script) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with urllib.request.urlopen(f"{url}/models", timeout=60) as response:
            assert b'"scripted"' in response.read()
        process.send_signal(number)
        assert process.wait(60) == 0


def test_the_process_ends_with_its_owner_even_when_that_is_killed(script: Path) -> None:
    owner_code = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-m', 'ralphbench.endpoints.scripted', sys.argv[1], '--until-eof'],"
        " stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)\n"
        "print(p.pid, p.stdout.readline().strip(), flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", owner_code, str(script)], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline().split()[0])
        owner.kill()
    deadline = 1200
    while deadline and _runs(pid):
        deadline -= 1
        signal.sigtimedwait([], 0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_a_bad_script_and_a_taken_port_are_said_and_fail(tmp_path: Path, script: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("rulez: []\n")
    with started(bad) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"{bad}:1: rulez: unknown key" in err
    with serve_in_thread(ScriptedServer(script)) as url:
        port = url.rpartition(":")[2].removesuffix("/v1")
        with started(script, "--port", port) as process:
            _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert f"cannot listen on 127.0.0.1:{port}" in err


def test_a_server_in_a_thread_is_gone_afterwards(script: Path) -> None:
    with serve_in_thread(ScriptedServer(script)) as url:
        urllib.request.urlopen(f"{url}/models", timeout=60).close()
        before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{url}/models", timeout=60)
    assert len(os.listdir("/proc/self/fd")) < before
