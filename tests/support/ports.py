"""Ports for servers that must be where they were, or must not be there."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def reserved_port() -> Iterator[int]:
    """A port of 127.0.0.1 that the system gives to nobody else meanwhile: refused until a server of the test listens there,
    and again when that one is gone. A port that is only looked up may be somebody else's a moment later.
    """
    with socket.socket() as held:
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):  # as servers set them: one of them, or both
            held.setsockopt(socket.SOL_SOCKET, option, 1)
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])
