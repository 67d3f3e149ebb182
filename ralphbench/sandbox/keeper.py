"""The first process of every command on the host: what `init` is in a container.

It is a child subreaper: whatever the command starts, in sessions of its own, forked twice, with an environment of
its own, comes back to it when orphaned. So the tree is dead exactly when the kernel says that the keeper has no
child left, and the caller's own children are never touched. It outlives whatever the command does, and it ends the
tree when its owner is gone, however the owner died: the socket between them closes.

Run as a script by `python -I -S`, a few milliseconds; hence only the standard library, and little of it.

    owner to keeper:  4 bytes length + marshal((argv, env, cwd)), then lines: `end <grace seconds>`
    keeper to owner:  lines: `started <pid>` or `failed <errno>`; `exit <status>`; `stuck <pids>`; `ended <count>`
"""

from __future__ import annotations

import errno
import marshal
import os
import resource
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
SETTLE = 0.05
"""Seconds that the children of a command which has ended are given to end of themselves before they count as left."""
STUCK_AFTER = 10.0
"""Seconds after KILL before the owner is told that something does not die. Trying goes on."""
Job = tuple[list[str], dict[str, str], str]
"""argv, the whole environment, working directory."""
_IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE)
_RESTORED = (*_IGNORED, signal.SIGXFSZ, signal.SIGCHLD)


def prctl(option: int, value: int) -> None:
    """Linux only. Raises OSError."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl({option}): {os.strerror(error)}")


def scan() -> dict[int, tuple[int, bool]]:
    """Every process that /proc shows: pid -> (parent, is a zombie)."""
    found: dict[int, tuple[int, bool]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = stat(int(name))
            if fields is not None:
                found[int(name)] = (int(fields[1]), fields[0] in (b"Z", b"X"))
    return found


def stat(pid: int) -> list[bytes] | None:
    """/proc/<pid>/stat from its third field (the state) on; None: no such process. The name may hold anything."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            data = file.read(4096)
    except OSError:
        return None
    return data[data.rindex(b")") + 2 :].split() if b")" in data else None


def below(roots: set[int], processes: dict[int, tuple[int, bool]]) -> set[int]:
    """Descendants of `roots`, zombies included: a leader that has ended may have threads that go on."""
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in processes.items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    todo = list(roots)
    while todo:
        for child in children.get(todo.pop(), ()):
            if child not in found:
                found.add(child)
                todo.append(child)
    return found


def send_signal(pids: set[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except OSError:
            continue  # gone, or another user's: the latter shows as stuck


def freeze(family: Callable[[], set[int]], rounds: int = 100) -> set[int]:
    """STOP a family of processes, again and again until nothing new appears: what is stopped cannot fork, and still
    holds its place where the number of processes is limited. Returns what was seen.
    """
    frozen: set[int] = set()
    for _ in range(rounds):
        fresh = family() - frozen
        if not fresh:
            break
        send_signal(fresh, signal.SIGSTOP)
        frozen |= fresh
    return frozen


class Keeper:
    """One command and all that comes of it."""

    def __init__(self, owner: int) -> None:
        self.owner = owner
        self.pid = 0
        self.status: int | None = None
        self.buffer = b""
        self.wake, wake_end = os.pipe()
        for end in (self.wake, wake_end):
            os.set_blocking(end, False)
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
        self.poll = select.poll()
        self.poll.register(owner, select.POLLIN)
        self.poll.register(self.wake, select.POLLIN)

    def main(self) -> None:
        job = self.receive()
        if job is None or not self.start(job):
            return
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)  # the command alone holds the pipes: they end when it ends
        grace = self.serve()
        self.end(grace)

    def receive(self) -> Job | None:
        """What to run; None: the owner died first."""
        size = self.exactly(4)
        data = None if size is None else self.exactly(int.from_bytes(size, "big"))
        if data is None:
            return None
        argv, env, cwd = marshal.loads(data)
        return argv, env, cwd

    def exactly(self, size: int) -> bytes | None:
        data = b""
        while len(data) < size:
            more = os.read(self.owner, size - len(data))
            if not more:
                return None
            data += more
        return data

    def tell(self, line: str) -> None:
        try:
            os.write(self.owner, line.encode() + b"\n")
        except OSError:
            return  # the owner is gone: what is to be done is the same

    def start(self, job: Job) -> bool:
        """Fork and exec; exec's errno comes back over a pipe that a successful exec closes."""
        error, error_end = os.pipe()
        keeper = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                execute(job, keeper)
            except (OSError, ValueError) as failure:
                os.write(error_end, str(getattr(failure, "errno", errno.EINVAL)).encode())
            finally:
                os._exit(127)
        os.close(error_end)
        number = os.read(error, 16)
        os.close(error)
        if number:
            os.waitpid(self.pid, 0)
            self.tell(f"failed {number.decode()}")
            return False
        self.tell(f"started {self.pid}")
        return True

    def serve(self) -> float:
        """Wait for the order to end, or for the owner's death. Returns the grace in seconds."""
        while True:
            ready = dict(self.poll.poll(1000))
            self.reap()
            if self.owner in ready:
                data = os.read(self.owner, 4096) if ready[self.owner] & select.POLLIN else b""
                if not data:
                    return 0.0
                self.buffer += data
                if b"\n" in self.buffer:
                    return float(self.buffer.split()[1])

    def reap(self) -> bool:
        """Bury the dead. True: no child is left, so the whole tree is dead."""
        try:
            while os.read(self.wake, 4096):
                pass
        except BlockingIOError:
            pass
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == self.pid and self.status is None:
                self.status = os.waitstatus_to_exitcode(status)
                self.tell(f"exit {self.status}")

    def gone(self, seconds: float) -> bool:
        """Wait so long at most for the whole tree to be dead."""
        deadline = time.monotonic() + seconds
        while not self.reap():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            select.select([self.wake], [], [], min(left, 0.1))
        return True

    def family(self) -> set[int]:
        return below({os.getpid()}, scan())

    def others(self) -> int:
        """How many live, beside the command itself."""
        processes = scan()
        return sum(not processes[pid][1] for pid in below({os.getpid()}, processes) - {self.pid})

    def end(self, grace: float) -> None:
        """TERM, then STOP and KILL, until the kernel says that no child is left."""
        if self.status is not None and self.gone(SETTLE):
            self.tell("ended 0")
            return
        count = self.others()
        asked: set[int] = set()
        deadline = time.monotonic() + grace
        while grace > 0 and time.monotonic() < deadline:
            fresh = self.family() - asked
            send_signal(fresh, signal.SIGTERM)
            send_signal(fresh, signal.SIGCONT)
            asked |= fresh
            if self.gone(min(0.05, max(0.0, deadline - time.monotonic()))):
                self.tell(f"ended {count}")
                return
        count = max(count, self.others())
        self.kill()
        self.tell(f"ended {count}")

    def kill(self) -> None:
        pause, deadline = 0.01, time.monotonic() + STUCK_AFTER
        while True:
            send_signal(freeze(self.family), signal.SIGKILL)
            if self.gone(pause):
                return
            pause = min(pause * 2, 0.5)
            if time.monotonic() > deadline:
                self.tell("stuck " + ",".join(map(str, sorted(self.family()))))
                deadline = time.monotonic() + STUCK_AFTER


def execute(job: Job, keeper: int) -> None:
    """In the child: a session of its own, signals as they were, dead with the keeper. Raises OSError."""
    os.setsid()
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != keeper:
        os._exit(127)
    signal.set_wakeup_fd(-1)
    for number in _RESTORED:
        signal.signal(number, signal.SIG_DFL)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("500")  # when memory runs out it is the contender that has used it up, not the harness
    except OSError:
        pass  # a harder limit is set already
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file in the worktree is no work
    argv, env, cwd = job
    os.chdir(cwd)
    os.execvpe(argv[0], argv, env)


def main(owner: int) -> None:
    os.set_inheritable(owner, False)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    Keeper(owner).main()
    os._exit(0)  # nothing is left to be tidied: the interpreter's own end would cost as much as its start


if __name__ == "__main__":
    main(int(sys.argv[1]))
