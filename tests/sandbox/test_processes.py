"""Trees and leftovers, seen from outside them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ralphbench.sandbox.processes import (
    OWNER,
    descendants,
    end_marked,
    end_tree,
    find_marked,
    owners,
)


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended since
        return b""


@pytest.fixture(params=["proc", "psutil"])
def source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """From /proc, and as on systems without it."""
    if request.param == "psutil":
        monkeypatch.setattr("ralphbench.sandbox.processes.LINUX", False)


@pytest.fixture
def tree(marker: str) -> Iterator[subprocess.Popen[bytes]]:
    """A shell, a child in a session of its own that ignores TERM, and a child of that one without our mark."""
    inner = "env -i sleep 601 & trap : TERM; while :; do sleep 0.05; done"
    process = subprocess.Popen(
        ["sh", "-c", f'setsid sh -c "{inner}" & sleep 602'],
        env={"PATH": os.environ["PATH"], OWNER: marker},
        start_new_session=True,
    )
    until(lambda: len(descendants(process.pid)) >= 4)
    yield process
    for pid in descendants(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.kill()
    process.wait()


def test_marked_processes_are_found_by_prefix(source: None, tree: subprocess.Popen[bytes], marker: str) -> None:
    assert tree.pid in find_marked(marker)
    assert tree.pid in find_marked(marker.split(":")[0] + ":")
    assert owners()[tree.pid] == marker
    assert find_marked(marker + "y") == []
    assert tree.pid in find_marked(marker.split(":")[0]), "a colon follows"
    assert find_marked(marker[:-3]) == [], "a1 is not a10"


def test_we_and_our_ancestors_are_never_among_them(marker: str) -> None:
    """A run inside a marked process (ralphbench on itself) must not end itself."""
    script = f"""
from ralphbench.sandbox.processes import end_marked, find_marked
assert find_marked({marker!r}) == [], find_marked({marker!r})
print(end_marked({marker!r}))
"""
    inside = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -c "$0"; echo $?', script],
        env={**os.environ, OWNER: marker},
        capture_output=True,
        text=True,
    )
    assert inside.stdout.split() == ["0", "0"], inside.stderr


def test_end_marked_leaves_nothing_also_what_dropped_the_mark(
    source: None, tree: subprocess.Popen[bytes], marker: str
) -> None:
    below = descendants(tree.pid)
    assert end_marked(marker, 0.2) >= 4
    assert find_marked(marker) == []
    tree.wait()
    until(lambda: not any(Path(f"/proc/{pid}/cwd").exists() for pid in below))
    assert end_marked(marker) == 0


def test_end_tree_ends_all_below(source: None, tree: subprocess.Popen[bytes]) -> None:
    below = descendants(tree.pid)
    assert end_tree(tree.pid, 0.2) >= 4
    assert tree.wait() != 0
    until(lambda: not any(Path(f"/proc/{pid}/cwd").exists() for pid in below))
    assert end_tree(tree.pid) == 0


def test_what_a_dead_owner_and_a_dead_keeper_leave_is_found_by_its_mark(tmp_path: Path, marker: str) -> None:
    owner = f"""
import time
from pathlib import Path
from ralphbench.sandbox import SandboxSpec, open_sandbox
box = open_sandbox("host", SandboxSpec(Path({str(tmp_path)!r}), Path({str(tmp_path / "home")!r}), {marker!r}))
box.start(["sh", "-c", "setsid -f sh -c 'trap : TERM; echo $$ > pid; while :; do sleep 1; done'; sleep 600"],
          env=box.base_env(), stdin=None, stderr=Path("{tmp_path}/err"))
time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", owner])
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    (keeper,) = [pid for pid in find_marked(marker) if b"keeper.py" in command_of(pid)]
    os.kill(keeper, signal.SIGSTOP)
    process.kill()
    process.wait()
    os.kill(keeper, signal.SIGKILL)
    left = int((tmp_path / "pid").read_text())
    until(lambda: keeper not in find_marked(marker))
    assert left in find_marked(marker)
    assert end_marked(marker, 0.1) >= 1
    assert find_marked(marker) == []
