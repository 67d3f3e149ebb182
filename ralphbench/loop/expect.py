"""Whether a command's outcome is what an acceptance expects."""

from __future__ import annotations

import re
import subprocess
import sys

from ralphbench.model import Acceptance

SEARCH_SECONDS = 5
OUTPUT_LIMIT = 1_000_000
"""Characters of standard output that a pattern is searched in: the last ones."""

# The pattern was written by a model: one like (a+)+$ would keep the harness busy for ever. So it is searched in a process
# of its own, which the kernel ends by its alarm even when nobody is left to end it.
_SEARCH = """
import re, signal, sys
signal.alarm({seconds})
pattern, _, text = sys.stdin.buffer.read().decode("utf-8", "replace").partition("\\0")
sys.exit(0 if re.search(pattern, text, re.MULTILINE) else 1)
"""


def met(acceptance: Acceptance, exit_code: int | None, stdout: str) -> bool:
    """Whether exit status and standard output (without standard error) are as expected. None: it had to be ended."""
    if exit_code is None or exit_code != acceptance.exit:
        return False
    return acceptance.stdout is None or found(acceptance.stdout, stdout)


def found(pattern: str, text: str, *, seconds: int = SEARCH_SECONDS) -> bool:
    """Whether the regular expression is found; `^` and `$` match at lines. One that takes too long is not found."""
    if pattern == re.escape(pattern):
        return pattern in text
    given = f"{pattern}\0{text[-OUTPUT_LIMIT:]}".encode("utf-8", "replace")
    command = [sys.executable, "-I", "-S", "-c", _SEARCH.format(seconds=seconds)]
    ran = subprocess.run(command, input=given, capture_output=True, check=False)
    return ran.returncode == 0


def problem(pattern: str) -> str | None:
    """Why this is not a regular expression that can be used; None: it is one."""
    if "\0" in pattern:
        return "holds a NUL character"
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"is not a regular expression: {error}"
    return None
