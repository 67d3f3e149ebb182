"""All mistakes of a reading are told together: nobody wants to mend a file one error a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

from ralphbench.errors import ConfigError, UsageError


class ConfigErrors(ConfigError):
    """Several mistakes, found in one reading. `problems` holds each with its own file, line and key."""

    def __init__(self, problems: Iterable[UsageError]) -> None:
        self.problems = tuple(problems)
        listed = "\n".join(f"  - {_indented(str(problem))}" for problem in self.problems)
        super().__init__(f"{len(self.problems)} mistakes:\n{listed}")
        files = {problem.file for problem in self.problems if isinstance(problem, ConfigError)}
        self.file = files.pop() if len(files) == 1 else None


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")


class Problems:
    """Collects mistakes, so that reading can go on as far as it makes sense, and raises them at the end."""

    def __init__(self) -> None:
        self._found: dict[str, UsageError] = {}

    def add(self, error: UsageError) -> None:
        """Keep an error; one that was said already (a shared file read twice) is not said again."""
        for problem in error.problems if isinstance(error, ConfigErrors) else (error,):
            self._found.setdefault(str(problem), problem)

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Keep a UsageError of the block, and go on behind it."""
        try:
            yield
        except UsageError as error:
            self.add(error)

    def raise_if_any(self) -> None:
        """Raise what was found: one mistake as itself, several as ConfigErrors."""
        found = list(self._found.values())
        if len(found) == 1:
            raise found[0]
        if found:
            raise ConfigErrors(found)


def describe(value: object) -> str:
    """What was found, in the words of the file: `'abc'`, `3`, `true`, `a list`, `a map`, `nothing`."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...")
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, (list, tuple)):
        return "a list"
    return str(value)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'a' or 'b'?`, or nothing where nothing is near."""
    choices = list(known)
    near = get_close_matches(word, choices, n=2, cutoff=0.6)
    if not near:
        lower = {choice.lower(): choice for choice in choices}
        near = [lower[word.lower()]] if word.lower() in lower else []
    return f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
