"""A command on the host: what it gets, what it says, and that nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.hand_clock import ClockUntil

from ralphbench.errors import DiskError, SandboxError
from ralphbench.model import GatewayAddress
from ralphbench.sandbox import SandboxSpec
from ralphbench.sandbox.host import HostSandbox, Process
from ralphbench.sandbox.processes import find_marked

PYTHON = os.path.realpath(sys.executable)
DAEMON = """
import os, sys, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
open(sys.argv[1], "w").write(str(os.getpid()))
while True:
    open(sys.argv[2], "a").write("x")
    time.sleep(0.01)
"""
STUBBORN = """
import signal, sys, time, os
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(600)
"""
BOMB = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
births, deaths = (os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT) for path in sys.argv[1:])
stop = time.monotonic() + 60
while time.monotonic() < stop:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]: os.write(deaths, b"x")
    except ChildProcessError: pass
    if os.fstat(births).st_size - os.fstat(deaths).st_size >= 200: time.sleep(0.01)
    elif os.write(births, b"x") and os.fork() == 0: os.setsid()
"""
"""Is 200 processes, and more as soon as some have ended: a byte for each birth and each death, whoever else is there."""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def holds_something(file: Path) -> bool:
    return file.exists() and file.read_text().strip() != ""


def pid_in(file: Path) -> int:
    until(lambda: holds_something(file))
    return int(file.read_text().split()[0])


def start(box: HostSandbox, *argv: str, stdin: Path | None = None, env: dict[str, str] | None = None) -> Process:
    return box.start(argv, env=env or box.base_env(), stdin=stdin, stderr=box.spec.home / "err")


def sh(box: HostSandbox, script: str, timeout: float = 20.0, limit: int = 10_000_000) -> tuple[int | None, str]:
    log = box.spec.home / "log"
    done = box.run(["sh", "-c", script], env=box.base_env(), timeout=timeout, log=log, limit=limit)
    return done.exit, log.read_text()


# --- what a command gets


def test_environment_holds_nothing_of_the_users_own(box: HostSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    _, text = sh(box, "env; pwd")
    given = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    home = str(box.spec.home)
    assert "sk-secret" not in text
    assert given["RALPHBENCH_OWNER"] == box.spec.marker
    assert given["HOME"] == home
    assert set(given) - {"PWD", "SHLVL", "_", "OLDPWD"} == {*box.base_env(), "RALPHBENCH_OWNER"}
    for name in ("TMPDIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        assert given[name].startswith(home)
        assert Path(given[name]).stat().st_mode & 0o777 == 0o700
    assert text.splitlines()[-1] == str(box.spec.worktree)


def test_path_leaves_out_our_own_environment_and_relative_places(
    kept: HostSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = str(Path(sys.prefix, "bin"))
    monkeypatch.setattr(sys, "base_prefix", "/elsewhere")
    monkeypatch.setenv("PATH", os.pathsep.join([own, ".", "", "/usr/bin", "/opt/x/bin"]))
    assert kept.base_env()["PATH"] == "/usr/bin:/opt/x/bin"


def test_standard_input_is_a_file_or_nothing(box: HostSandbox, tmp_path: Path) -> None:
    prompt = tmp_path / "prompt"
    prompt.write_text("the prompt\n" * 30_000)
    given = start(box, "wc", "-c", stdin=prompt)
    assert given.stdout.read().strip() == str(prompt.stat().st_size).encode()
    nothing = start(box, "wc", "-c")
    assert nothing.stdout.read().strip() == b"0"


def test_streams_are_kept_apart_and_the_exit_is_told(box: HostSandbox) -> None:
    process = start(box, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert process.stdout.read() == b"out\n"
    until(lambda: process.poll() is not None)
    assert process.poll() == 7
    assert process.end() == 0
    assert process.poll() == 7
    assert (box.spec.home / "err").read_text() == "err\n"


def test_a_signal_is_a_negative_exit(box: HostSandbox) -> None:
    process = start(box, "sh", "-c", "kill -SEGV $$")
    until(lambda: process.poll() is not None)
    assert process.poll() == -signal.SIGSEGV


def test_signals_are_as_a_shell_would_give_them(box: HostSandbox) -> None:
    """A harness in Python ignores SIGPIPE; a command that inherits that behaves oddly."""
    status, text = sh(box, "grep SigIgn /proc/self/status; (yes; echo yes went on >&2) 2>&1 | head -1")
    assert status == 0
    assert int(text.splitlines()[0].split()[1], 16) == 0
    assert "Broken pipe" not in text


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["no-such-command"], "cannot start no-such-command"),
        (["/etc/passwd"], "Permission denied"),
        (["echo", "a\0b"], "cannot start echo"),
    ],
)
def test_a_command_that_cannot_start_says_so(box: HostSandbox, argv: list[str], message: str) -> None:
    with pytest.raises(SandboxError, match=message):
        start(box, *argv)
    assert find_marked(box.spec.marker) == []


def test_a_missing_prompt_a_missing_folder_and_a_missing_worktree_are_told(
    box: HostSandbox, spec: SandboxSpec, tmp_path: Path
) -> None:
    with pytest.raises(SandboxError, match="nowhere"):
        start(box, "cat", stdin=tmp_path / "nowhere")
    with pytest.raises(SandboxError, match="cannot start cat"):
        box.start(["cat"], env=box.base_env(), stdin=None, stderr=tmp_path / "e", cwd=tmp_path / "nowhere")
    with pytest.raises(SandboxError, match="no worktree"):
        HostSandbox(SandboxSpec(tmp_path / "nowhere", tmp_path / "home", spec.marker))
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match="cannot make"):
        HostSandbox(SandboxSpec(spec.worktree, tmp_path / "file" / "home", spec.marker))


def test_paths_and_the_gateway_have_their_own_names(kept: HostSandbox) -> None:
    address = GatewayAddress("http://127.0.0.1:1/t/x/v1", Path("/s"), "x", "chat")
    assert kept.inside(kept.spec.worktree) == str(kept.spec.worktree)
    assert kept.gateway_url(address) == address.url
    assert not kept.isolated


# --- that nothing is left


def test_end_reaches_what_ignores_sigterm(box: HostSandbox, tmp_path: Path) -> None:
    process = start(box, PYTHON, "-c", STUBBORN, str(tmp_path / "pid"))
    pid = pid_in(tmp_path / "pid")
    assert process.end(0.2) == 0
    assert not alive(pid)
    assert process.poll() == -signal.SIGKILL
    assert process.end() == 0


def test_end_is_gentle_first(box: HostSandbox, tmp_path: Path) -> None:
    process = start(
        box, "sh", "-c", f"trap 'echo bye; exit 3' TERM; echo up > {tmp_path}/up; while :; do sleep 0.02; done"
    )
    until((tmp_path / "up").exists)
    process.end(60.0)
    assert process.poll() == 3
    assert b"bye" in process.stdout.read()


def test_end_reaches_sessions_of_their_own_and_counts_them(box: HostSandbox, tmp_path: Path) -> None:
    script = f"setsid sh -c 'echo $$ > {tmp_path}/a; sleep 600' & setsid -f sleep 601; sleep 602"
    process = start(box, "sh", "-c", script)
    pid_in(tmp_path / "a")
    until(lambda: len(find_marked(box.spec.marker)) >= 4)
    assert process.end(1.0) >= 3
    assert find_marked(box.spec.marker) == []


def test_a_daemon_writes_nothing_after_the_end(box: HostSandbox, tmp_path: Path) -> None:
    process = start(box, PYTHON, "-c", DAEMON, str(tmp_path / "pid"), str(tmp_path / "out"))
    pid = pid_in(tmp_path / "pid")
    until(lambda: process.poll() is not None)
    until((tmp_path / "out").exists)
    assert alive(pid)
    assert process.end() == 1
    size = (tmp_path / "out").stat().st_size
    time.sleep(0.1)
    assert (tmp_path / "out").stat().st_size == size
    assert not alive(pid)
    assert process.poll() == 0


def test_a_daemon_without_our_mark_is_ended_too(kept: HostSandbox, tmp_path: Path) -> None:
    """It clears its environment, leaves its session and is orphaned: only its keeper still knows it."""
    process = start(kept, "sh", "-c", f"env -i setsid -f {PYTHON} -c '{DAEMON}' {tmp_path}/pid {tmp_path}/out; exit 5")
    pid = pid_in(tmp_path / "pid")
    until(lambda: process.poll() is not None)
    assert alive(pid)
    assert process.end() == 1
    assert not alive(pid)


def test_each_command_ends_its_own_tree_only(box: HostSandbox) -> None:
    first = start(box, "sleep", "600")
    second = start(box, "sleep", "601")
    ours = subprocess.Popen(["sleep", "602"], start_new_session=True)
    try:
        second.end(1.0)
        assert first.poll() is None
        assert ours.poll() is None
    finally:
        ours.kill()
        ours.wait()
    first.end(0.0)


def test_a_fork_bomb_is_ended(box: HostSandbox, tmp_path: Path) -> None:
    births, deaths = tmp_path / "births", tmp_path / "deaths"
    process = start(box, PYTHON, "-c", BOMB, str(births), str(deaths))
    until(lambda: births.exists() and births.stat().st_size >= 200)
    assert process.end(0.2) > 50
    assert find_marked(box.spec.marker) == []


def test_leaving_the_sandbox_ends_everything(spec: SandboxSpec) -> None:
    with HostSandbox(spec) as sandbox:
        start(sandbox, "sh", "-c", "setsid -f sleep 600; sleep 601")
        until(lambda: len(find_marked(spec.marker)) >= 4)
    assert find_marked(spec.marker) == []


def test_zombies_are_buried_while_the_command_runs(kept: HostSandbox) -> None:
    process = start(kept, "sh", "-c", "for i in 1 2 3 4 5; do setsid -f true; done; sleep 600")
    keeper = next(pid for pid in find_marked(kept.spec.marker) if pid != process.pid)

    def zombies() -> int:
        return sum(
            1
            for name in filter(str.isdigit, os.listdir("/proc"))
            if (text := _stat(int(name))) is not None and text.split()[0] == "Z" and int(text.split()[1]) == keeper
        )

    time.sleep(0.2)
    until(lambda: zombies() == 0)
    assert process.poll() is None


def _stat(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1]
    except OSError:
        return None


def test_our_own_children_keep_their_exit_codes(kept: HostSandbox) -> None:
    ours = subprocess.Popen(["sh", "-c", "sleep 0.1; exit 42"])
    process = start(kept, "sh", "-c", "setsid -f sleep 0.05; exit 1")
    until(lambda: process.poll() is not None)
    process.end()
    assert ours.wait() == 42


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_command_that_strikes_its_keeper_is_ended_all_the_same(
    kept: HostSandbox, tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ralphbench.sandbox.kept._ANSWER_WITHIN", 0.3)
    script = f"setsid -f {PYTHON} -c '{DAEMON}' {tmp_path}/pid {tmp_path}/out; kill -{number.value} $PPID; sleep 600"
    process = start(kept, "sh", "-c", script)
    daemon = pid_in(tmp_path / "pid")
    if number is signal.SIGKILL:
        until(lambda: process.poll() is not None)
        assert process.poll() == -signal.SIGKILL
    process.end(0.1)
    assert not alive(daemon)
    assert find_marked(kept.spec.marker) == []


def test_the_tree_dies_with_its_owner(tmp_path: Path, marker: str) -> None:
    """kill -9 of the owner: the keeper ends the tree at once, without a reaper, also what has dropped our mark."""
    owner = f"""
import time
from pathlib import Path
from ralphbench.sandbox import SandboxSpec
from ralphbench.sandbox.host import HostSandbox
box = HostSandbox(SandboxSpec(Path({str(tmp_path)!r}), Path({str(tmp_path / "home")!r}), {marker!r}))
box.start(["sh", "-c", "env -i setsid -f sh -c 'trap : TERM; echo $$ > pid; while :; do sleep 1; done'; sleep 600"],
          env=box.base_env(), stdin=None, stderr=Path("{tmp_path}/err"))
time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", owner])
    try:
        unmarked = pid_in(tmp_path / "pid")
        assert len(find_marked(marker)) >= 2
    finally:
        process.kill()
        process.wait()
    until(lambda: not alive(unmarked))
    until(lambda: find_marked(marker) == [])


# --- CPU time


WORK = """
import sys, time
while time.process_time() < 0.3: pass
open(sys.argv[1], "w").write(str(time.process_time()))
open(sys.argv[2]).read()
"""
"""Works, says how much, and waits until somebody opens a pipe."""


def test_cpu_time_counts_the_tree_and_never_falls(
    box: HostSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ralphbench.sandbox.kept._CPU_EVERY", 0.0)
    (tmp_path / "work.py").write_text(WORK)
    for pipe in ("go", "never"):
        os.mkfifo(tmp_path / pipe)
    work, told, seen = f"{PYTHON} {tmp_path}/work.py {tmp_path}", [tmp_path / "one", tmp_path / "two"], [0.0]
    process = start(box, "sh", "-c", f"{work}/one {tmp_path}/go; setsid {work}/two {tmp_path}/never")

    def counted(seconds: float) -> bool:
        seen.append(process.cpu_seconds() or 0.0)
        return seen[-1] >= seconds

    until(lambda: counted(0.25))
    (tmp_path / "go").write_text("")
    until(lambda: counted(0.5))
    until(lambda: all(map(holds_something, told)))
    assert all(counted(0.5) for _ in range(20))
    assert seen == sorted(seen)
    assert seen[-1] < sum(float(file.read_text()) for file in told) + 0.2, "more than they themselves have used"
    process.end(0.0)
    assert (process.cpu_seconds() or 0.0) >= seen[-1]


# --- run


def test_run_tells_how_it_ended(box: HostSandbox) -> None:
    argv = ["sh", "-c", "echo a; sleep 0.2; echo b >&2; exit 3"]
    began = time.monotonic()
    done = box.run(argv, env=box.base_env(), timeout=3000, log=box.spec.home / "log")
    around = time.monotonic() - began
    assert (done.exit, done.timed_out, done.leftovers, done.output_truncated) == (3, False, 0, False)
    assert 0.2 <= done.seconds <= around
    assert (box.spec.home / "log").read_text() == "a\nb\n"


def test_run_ends_what_takes_too_long(box: HostSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its hour is over as soon as it is deaf to signals, however long that took."""
    log = tmp_path / "log"
    argv = [PYTHON, "-u", "-c", "print('begun')\n" + STUBBORN, str(tmp_path / "pid")]
    monkeypatch.setattr("ralphbench.sandbox.host.time", ClockUntil(lambda: holds_something(tmp_path / "pid")))
    done = box.run(argv, env=box.base_env(), timeout=3600, log=log)
    assert (done.exit, done.timed_out, done.seconds) == (None, True, 3600)
    assert log.read_text() == "begun\n"
    assert not alive(pid_in(tmp_path / "pid"))


def test_run_waits_for_nobody_who_holds_the_pipe(box: HostSandbox) -> None:
    argv = ["sh", "-c", "setsid -f sleep 3600; echo done"]
    done = box.run(argv, env=box.base_env(), timeout=3000, log=box.spec.home / "log")
    assert (done.exit, done.timed_out, done.leftovers) == (0, False, 1)
    assert (box.spec.home / "log").read_text() == "done\n"


def test_run_goes_on_when_the_command_closes_its_output(box: HostSandbox) -> None:
    assert sh(box, "echo a; exec >&- 2>&-; sleep 0.3; exit 4") == (4, "a\n")


def test_run_keeps_head_and_tail_of_a_flood(box: HostSandbox) -> None:
    log = box.spec.home / "log"
    flood = "echo first; head -c 5000000 /dev/zero | tr '\\0' x; echo; echo last"
    done = box.run(["sh", "-c", flood], env=box.base_env(), timeout=60, log=log, limit=10_000)
    text = log.read_bytes()
    assert done.output_truncated
    assert len(text) <= 10_000
    assert text.startswith(b"first\n")
    assert text.endswith(b"last\n")
    assert b"bytes left out" in text


def test_run_refuses_a_log_that_cannot_be_written(box: HostSandbox, tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="cannot write"):
        box.run(["true"], env=box.base_env(), timeout=5, log=tmp_path / "no" / "log")
    assert find_marked(box.spec.marker) == []


def test_run_stops_when_the_disk_is_full(box: HostSandbox) -> None:
    with pytest.raises(DiskError, match="No space left"):
        box.run(["yes"], env=box.base_env(), timeout=30, log=Path("/dev/full"))
    assert find_marked(box.spec.marker) == []


def test_commands_may_be_run_from_several_threads(kept: HostSandbox, tmp_path: Path) -> None:
    exits: dict[int, int | None] = {}

    def one(number: int) -> None:
        script = f"setsid -f sleep 600; sleep 0.{number}; exit {number}"
        done = kept.run(["sh", "-c", script], env=kept.base_env(), timeout=30, log=tmp_path / f"log{number}")
        exits[number] = done.exit

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert exits == {number: number for number in range(6)}
    assert find_marked(kept.spec.marker) == []
