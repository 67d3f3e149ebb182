"""How the processes of one run talk: one JSON value a line over a unix socket, answers in the order of the questions.

A connection is an ownership: what was granted on it is released when it closes, however its owner died.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from ralphbench.errors import GatewayLost, RalphbenchError
from ralphbench.model import codec

MAX_LINE = 16 * 1024 * 1024


class ChannelError(RalphbenchError):
    """The other side answered with an error; `kind` is its class name."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Channel:
    """The asking side, blocking. Raises GatewayLost where nobody listens or the other side is gone."""

    def __init__(self, path: Path, *, timeout: float = 30.0) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            connect(self._socket, path)
        except OSError as error:
            self._socket.close()
            raise GatewayLost(f"nobody listens at {path}: {error.strerror or error}") from error
        self._reader = self._socket.makefile("rb")

    def call(self, op: str, /, **fields: Any) -> Any:
        """One question, one answer. Raises ChannelError where the other side refused."""
        with self._lock:
            try:
                self._socket.sendall(codec.dumps({"op": op, **fields}) + b"\n")
                line = self._reader.readline(MAX_LINE)
            except OSError as error:
                raise GatewayLost(f"no answer from {self.path}: {error}") from error
        if not line.endswith(b"\n"):
            raise GatewayLost(f"{self.path} closed the connection")
        return _unpack(codec.loads_any(line))

    def settimeout(self, seconds: float | None) -> None:
        self._socket.settimeout(seconds)

    def alive(self) -> bool:
        """Whether the other side still holds the connection; asks nothing of it."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._reader.close()
        with contextlib.suppress(OSError):
            self._socket.close()

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _unpack(answer: Any) -> Any:
    if isinstance(answer, dict) and "error" in answer:
        error = answer["error"]
        raise ChannelError(str(error["kind"]), str(error["message"]))
    return answer["ok"]


def connect(sock: socket.socket, path: Path) -> None:
    """Connect by a short name: a socket's path may be longer than the 107 bytes that the kernel takes."""
    with _short(path) as name:
        sock.connect(name)


def bind(sock: socket.socket, path: Path) -> None:
    """Bind with mode 0600, over a dead socket of the same name."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    with _short(path) as name:
        sock.bind(name)
    path.chmod(0o600)


@contextlib.contextmanager
def _short(path: Path) -> Any:
    import os

    if len(os.fsencode(path)) < 100 or not Path("/proc/self/fd").exists():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class Peer:
    """The asking side of one connection, as the answering side sees it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def gone(self) -> bool:
        """Whether nobody is there any more to hear an answer; reads nothing."""
        try:
            return self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


class Session(Protocol):
    """The answering side of one connection."""

    def handle(self, op: str, fields: dict[str, Any]) -> Any:
        """Answer one question. A RalphbenchError becomes the other side's ChannelError."""

    def closed(self) -> None:
        """The connection is gone: release what was granted on it."""


class ChannelServer:
    """The answering side: a thread a connection. Few connections, each of them a process of ours."""

    def __init__(self, path: Path, session: Callable[[Peer], Session]) -> None:
        self.path = path
        self._session = session
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        bind(self._socket, path)
        self._socket.listen(64)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._accept, name=f"channel {path.name}", daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with self._lock:
                if self._stopping:  # `close` has gone through the open ones already
                    connection.close()
                    return
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        session = self._session(Peer(connection))
        try:
            with connection, connection.makefile("rb") as reader:
                for line in reader:
                    connection.sendall(_answer(session, line) + b"\n")
        except OSError:
            pass  # the other side is gone: what it held is released below
        finally:
            with self._lock:
                self._open.discard(connection)
            session.closed()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with self._lock:
            self._stopping = True
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(2.0)
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()


def _answer(session: Session, line: bytes) -> bytes:
    try:
        question = codec.loads_any(line)
        op = question.pop("op")
        return codec.dumps({"ok": session.handle(op, question)})
    except RalphbenchError as error:
        return codec.dumps({"error": {"kind": type(error).__name__, "message": str(error)}})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return codec.dumps({"error": {"kind": "BadQuestion", "message": f"{type(error).__name__}: {error}"}})
