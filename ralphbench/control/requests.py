"""Requests to a running experiment: a file each, that the scheduler polls, journals and removes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ralphbench.errors import UnknownName
from ralphbench.model import codec
from ralphbench.record import set_aside

OPS = ("pause", "resume", "stop")


@dataclass(frozen=True, slots=True)
class Request:
    """`pause`: start no further cell; `resume`: go on; `stop`: as Ctrl-C does."""

    op: str
    reason: str = ""
    by: str = ""
    t: float = 0.0


def send_request(folder: Path, op: str, *, reason: str = "") -> Path:
    """Ask whoever runs the experiment whose control folder this is. Raises UnknownName for a request that is none."""
    if op not in OPS:
        raise UnknownName("request", op, OPS)
    folder.mkdir(parents=True, exist_ok=True)
    request = Request(op, reason, by=f"pid {os.getpid()}", t=time.time())
    path = folder / f"{time.time_ns()}-{op}.json"
    hidden = path.with_name(f".{path.name}")
    hidden.write_bytes(codec.dumps(request))
    hidden.rename(path)
    return path


def pending_requests(folder: Path) -> Iterator[Request]:
    """Oldest first; each is removed as it is given. One that cannot be read is set aside beside it, and not heard."""
    for path in _files(folder):
        try:
            request = codec.loads(path.read_bytes(), Request)
        except FileNotFoundError:
            continue  # taken back by whoever asked
        except ValueError as error:
            set_aside(path, f"is no request: {error}")
            continue
        path.unlink(missing_ok=True)
        yield request


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".json" and not path.name.startswith("."))
    except FileNotFoundError:
        return []
