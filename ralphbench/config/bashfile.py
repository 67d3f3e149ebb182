"""A file of bash assignments, read without a shell: quotes, line continuations and `$HOME`, and nothing else.

What a shell would run or look up is refused with its line, never guessed at: `$(...)`, backticks, other variables, commands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ralphbench.config.problems import Problems
from ralphbench.errors import ConfigError

_ASSIGNMENT = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)(\+?=)", re.ASCII)
_HOME = re.compile(r"\$(?:HOME(?![A-Za-z0-9_])|\{HOME\})", re.ASCII)
_LITERAL_DOLLAR = re.compile(r"\$(?![A-Za-z0-9_({*@#?!$\-\[])", re.ASCII)
_SHELL_WORDS = {"$(": "a command substitution", "${": "a parameter expansion", "`": "a command substitution"}


class _Home:
    """Stands for `$HOME` inside a value."""


HOME = _Home()


@dataclass(frozen=True, slots=True)
class Value:
    """A value in parts: text, and HOME where the file says `$HOME`."""

    parts: tuple[str | _Home, ...]

    def text(self, home: str) -> str:
        """As the shell would have it."""
        return "".join(part if isinstance(part, str) else home for part in self.parts)

    @property
    def portable(self) -> str:
        """For a field that expands variables itself: `$HOME` stays, and any other dollar sign is doubled."""
        return "".join(part.replace("$", "$$") if isinstance(part, str) else "$HOME" for part in self.parts)


@dataclass(frozen=True, slots=True)
class Assignment:
    """`NAME=value`; several values where it is an array `NAME=(a b)`."""

    name: str
    values: tuple[Value, ...]
    line: int
    append: bool = False


def read_assignments(file: Path) -> tuple[Assignment, ...]:
    """Every assignment of a file, in order. Raises ConfigError; ConfigErrors with each line that only a shell could read."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=file) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not UTF-8 at byte {error.start}", file=file) from error
    return parse_assignments(text, file)


def parse_assignments(text: str, file: Path) -> tuple[Assignment, ...]:
    """The same, of a text."""
    scanner = _Scanner(text.replace("\r\n", "\n"), file)
    problems = Problems()
    found: list[Assignment] = []
    while scanner.skip():
        try:
            found.append(scanner.assignment())
        except ConfigError as error:
            problems.add(error)
            scanner.next_line()
    problems.raise_if_any()
    return tuple(found)


class _Scanner:
    def __init__(self, text: str, file: Path) -> None:
        self.text, self.file, self.at = text, file, 0

    @property
    def line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def error(self, message: str, key: str | None = None) -> ConfigError:
        return ConfigError(message, file=self.file, line=self.line, key=key)

    def peek(self, length: int = 1) -> str:
        return self.text[self.at : self.at + length]

    def next_line(self) -> None:
        end = self.text.find("\n", self.at)
        self.at = len(self.text) if end < 0 else end + 1

    def skip(self) -> bool:
        """Over blanks and comments. Returns whether anything is left."""
        while self.at < len(self.text):
            if self.peek() in " \t\n":
                self.at += 1
            elif self.peek(2) == "\\\n":
                self.at += 2
            elif self.peek() == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            else:
                return True
        return False

    def assignment(self) -> Assignment:
        line = self.line
        found = _ASSIGNMENT.match(self.text, self.at)
        if found is None:
            word = self.text[self.at :].split("\n", 1)[0].strip()[:60]
            raise self.error(f"expected NAME=value, found {word!r}; the file is read, not run")
        name = found[1]
        self.at = found.end()
        values = self._array(name) if self.peek() == "(" else (self._word(name),)
        self._end(name)
        return Assignment(name, values, line, found[2] == "+=")

    def _end(self, name: str) -> None:
        """After a value: the end of the line. `A=b command` would set A for a command."""
        while self.peek() in (" ", "\t"):
            self.at += 1
        if self.peek() not in ("", "\n", ";", "#"):
            rest = self.text[self.at :].split("\n", 1)[0][:60]
            raise self.error(f"found {rest!r} after the value; put the value into quotes if it is part of it", name)
        if self.peek() == ";":
            self.at += 1

    def _array(self, name: str) -> tuple[Value, ...]:
        start = self.at
        self.at += 1
        values: list[Value] = []
        while self.skip():
            if self.peek() == ")":
                self.at += 1
                return tuple(values)
            if self.peek() == ";":
                raise self.error("';' in an array is for a shell; put the value into quotes", name)
            # In an array a shell looks for files and alternatives too.
            values.append(self._word(name, special="&|<>(*?[{"))
        self.at = start
        raise self.error("the array has no closing ')'", name)

    def _word(self, name: str, special: str = "&|<>(") -> Value:
        parts: list[str | _Home] = []
        if self.peek() == "~":
            raise self.error("'~' is for a shell to expand; write $HOME", name)
        while (char := self.peek()) not in ("", " ", "\t", "\n", ";", ")"):
            if char == "'":
                parts.append(self._single(name))
            elif char == '"':
                parts += self._double(name)
            elif char == "\\":
                parts.append("" if self.peek(2) == "\\\n" else self.peek(2)[1:])
                self.at += 2
            elif char in special:
                raise self.error(f"{char!r} outside quotes is for a shell; put the value into quotes", name)
            else:
                parts.append(self._plain(name))
        return Value(tuple(parts))

    def _single(self, name: str) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise self.error("the single quote is not closed", name)
        inside = self.text[self.at + 1 : end]
        self.at = end + 1
        return inside

    def _double(self, name: str) -> list[str | _Home]:
        start = self.at
        self.at += 1
        parts: list[str | _Home] = []
        while (char := self.peek()) != '"':
            if char == "":
                self.at = start
                raise self.error("the double quote is not closed", name)
            if char == "\\":
                pair = self.peek(2)
                # Inside double quotes a backslash is only special before these.
                parts.append("" if pair == "\\\n" else pair[1:] if pair[1:] in ("$", "`", '"', "\\") else pair)
                self.at += 2
            else:
                parts.append(self._plain(name, quoted=True))
        self.at += 1
        return parts

    def _plain(self, name: str, *, quoted: bool = False) -> str | _Home:
        """One character, or `$HOME`."""
        char = self.peek()
        if not quoted and self.peek(2) in ("$'", '$"'):
            raise self.error(f"{self.peek(2)} is a quote that only bash knows; use plain quotes", name)
        if home := _HOME.match(self.text, self.at):
            self.at = home.end()
            return HOME
        if char == "`" or (char == "$" and not _LITERAL_DOLLAR.match(self.text, self.at)):
            start = char if char == "`" else self.peek(2)
            what = _SHELL_WORDS.get(start, "a variable")
            shown = self.text[self.at :].split("\n", 1)[0][:30]
            raise self.error(f"{what} {shown!r}: only $HOME is read here, nothing is run; write the value itself", name)
        self.at += 1
        return char
