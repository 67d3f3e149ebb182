from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.hand_clock import ClockUntil

from ralphbench.sandbox import Sandbox, SandboxSpec, open_sandbox
from ralphbench.trial import checking
from ralphbench.trial.checking import Checked, run_check


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    (tmp_path / "tree").mkdir()
    with open_sandbox("host", SandboxSpec(tmp_path / "tree", tmp_path / "home", f"test-{os.getpid()}:c")) as opened:
        yield opened


@pytest.fixture
def check(sandbox: Sandbox, tmp_path: Path) -> object:
    def run(command: str, timeout: float = 3000.0) -> Checked:
        return run_check(sandbox, command, timeout=timeout, folder=tmp_path / "checks")

    return run


def test_the_two_streams_are_kept_apart(check) -> None:  # type: ignore[no-untyped-def]
    done = check("echo out; echo err >&2; exit 3")
    assert (done.exit, done.stdout, done.stderr) == (3, "out\n", "err\n")


def test_a_later_check_does_not_see_what_an_earlier_one_said(check) -> None:  # type: ignore[no-untyped-def]
    check("echo old >&2")
    assert check("true").stderr == ""


def test_a_check_that_takes_too_long_is_ended_with_what_it_started(  # type: ignore[no-untyped-def]
    check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time is up as soon as it has said something and has started something."""
    started = tmp_path / "pids"
    monkeypatch.setattr(
        checking, "time", ClockUntil(lambda: started.exists() and len(started.read_text().split()) == 2)
    )
    done = check(f"sleep 3600 & echo first; echo $! $$ > {started}; sleep 3600")
    assert (done.exit, done.stdout) == (None, "first\n")
    assert not any(Path("/proc", pid).exists() for pid in started.read_text().split())


def test_a_daemon_that_holds_the_pipe_holds_up_nothing(check) -> None:  # type: ignore[no-untyped-def]
    done = check("sleep 3600 & echo done")
    assert (done.exit, done.stdout) == (0, "done\n")


def test_of_a_flood_the_end_is_kept(check, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(checking, "KEPT", 1000)
    done = check("seq 1 100000; echo last")
    assert len(done.stdout) == 1000
    assert done.stdout.endswith("last\n")


def test_a_flood_of_errors_is_ended_before_it_fills_the_disk(check, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(checking, "FLOOD", 1_000_000)
    assert check("head -c 20000000 /dev/zero >&2; sleep 3600").exit is None


def test_a_link_that_an_agent_left_in_its_home_is_not_written_through(check, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    precious = tmp_path / "precious"
    precious.write_text("mine")
    for name in ("check.out", "check.err"):
        (tmp_path / "home" / name).symlink_to(precious)
    check("echo yours; echo yours >&2")
    assert precious.read_text() == "mine"
