"""Python processes of ours that end with the one that started them: they hold nothing that would have to be put away first."""

from __future__ import annotations

import json
import os
import sys
import threading


def python_argv(function: str, *arguments: str) -> list[str]:
    """The command line of a Python that finds modules where this one does, and calls `module:function` with `arguments`.

    Its standard input must be a pipe that this process holds open; see `end_with_parent`.
    """
    module, _, name = function.partition(":")
    code = (
        f"import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {module} import {name}; {name}(*sys.argv[2:])"
    )
    return [sys.executable, "-P", "-c", code, json.dumps(sys.path), *arguments]


def end_with_parent() -> None:
    """In such a process: end with the one that started it, also where that is killed. Then standard input ends."""
    threading.Thread(target=_wait_for_the_end, daemon=True).start()


def _wait_for_the_end() -> None:
    os.read(0, 1)  # nothing ever comes
    os._exit(1)
