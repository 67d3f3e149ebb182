"""Path patterns of a task (`protected`, `replaced`), and what they mean.

A pattern is matched against the whole path from the root of the tree, with `/` between names:

- `*` is any run of characters within one name, `?` one of them, `[abc]`, `[a-z]` and `[!abc]` a set;
- `**` as a whole name is any number of names, also none: `**/conftest.py` is that file at any depth, `tests/**`
  everything under `tests`;
- a pattern that names a folder names all that is in it: `tests`, `tests/` and `tests/**` are the same;
- a pattern without a slash is no exception: `*.lock` is only at the root; write `**/*.lock` for any depth;
- a leading dot is a character like any other; case counts; `\\` takes the next character as it is.

Names that are not UTF-8 match by their bytes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from ralphbench.errors import TaskError


class Globs:
    """A set of patterns. Raises TaskError for one that could never match, or that would leave the tree."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(patterns)
        parts = [_translate(pattern) for pattern in self.patterns]
        self._regex = re.compile("|".join(f"(?:{part})" for part in parts), re.DOTALL) if parts else None

    def match(self, path: str | bytes) -> bool:
        """Whether a path, relative to the root of the tree, is meant by any of the patterns."""
        if self._regex is None:
            return False
        return self._regex.fullmatch(os.fsdecode(path)) is not None

    def __bool__(self) -> bool:
        return bool(self.patterns)


def _translate(pattern: str) -> str:
    names = pattern.rstrip("/").split("/")
    if not pattern or pattern.startswith(("/", "!")) or any(name in ("", ".", "..") for name in names):
        raise TaskError(
            f"the pattern {pattern!r} cannot be used: a pattern is a path from the root of the tree, "
            "such as 'tests/**', 'Makefile' or '**/conftest.py', without '.', '..', '!' or a leading '/'"
        )
    regex = ""
    for n, name in enumerate(names):
        last = n == len(names) - 1
        if name == "**":
            regex += ".+" if last else "(?:[^/]+/)*"
        else:
            regex += _name(name, pattern) + ("" if last else "/")
    return regex if names[-1] == "**" else f"{regex}(?:/.+)?"


def _name(name: str, pattern: str) -> str:
    regex, n = "", 0
    while n < len(name):
        char = name[n]
        n += 1
        if char == "*":
            regex += "[^/]*"
        elif char == "?":
            regex += "[^/]"
        elif char == "[":
            end = name.find("]", n + 2 if name[n : n + 1] in ("!", "^") else n + 1)
            if end < 0:
                raise TaskError(f"the pattern {pattern!r} has a '[' without its ']'")
            regex += _set(name[n:end], pattern)
            n = end + 1
        elif char == "\\" and n < len(name):
            regex += re.escape(name[n])
            n += 1
        else:
            regex += re.escape(char)
    return regex


def _set(inside: str, pattern: str) -> str:
    negated = inside.startswith(("!", "^"))
    chars = inside[1:] if negated else inside
    escaped = re.sub(r"([\\\[\]^&~|])", r"\\\1", chars)
    regex = f"(?!/)[{'^' if negated else ''}{escaped}]"
    try:
        re.compile(regex)
    except re.error as error:
        raise TaskError(f"the pattern {pattern!r} has a set that cannot be read: {error}") from error
    return regex
