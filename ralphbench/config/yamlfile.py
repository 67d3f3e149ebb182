"""YAML as this program reads it: every key knows its line, and nothing is guessed.

The safe loader's tree is turned into plain values here, since what PyYAML makes of some plain words surprises people who
write names and times: `1:30` would be 90, `010` would be 8, `no` would be false, a date would be an object. Here they are
text, which a field that expects something else then refuses with the line. Keys are text as it stands, each once in a map.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ralphbench.config.problems import Problems
from ralphbench.errors import ConfigError

if TYPE_CHECKING:
    import yaml

KeyPath = tuple[str | int, ...]

MAX_BYTES = 4 * 1024 * 1024
MAX_NODES = 100_000
_TAG = "tag:yaml.org,2002:"
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*(?:_[0-9]+)*)")
_FLOAT = re.compile(r"[-+]?[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?|[-+]?\.[0-9]+(?:[eE][-+]?[0-9]+)?")
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


@dataclass(frozen=True, slots=True)
class Document:
    """A file's values and where each of them stands."""

    file: Path
    data: Any
    lines: Mapping[KeyPath, int]
    label: str
    """How the file is called in origins: `experiment.yaml`, `profiles.yaml`."""

    def line(self, path: KeyPath) -> int:
        """The line of a key, or of the nearest one above it that the file holds."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def origin(self, path: KeyPath) -> str:
        return f"{self.label}:{self.line(path)}"

    def where(self, path: KeyPath) -> str:
        """`<file>:<line>: <key>`, for errors that are told by name and not by key."""
        return f"{self.file}:{self.line(path)}: {dotted(path)}"

    def error(self, path: KeyPath, message: str, *, remedy: str | None = None) -> ConfigError:
        return ConfigError(message, file=self.file, line=self.line(path), key=dotted(path) or None, remedy=remedy)


def dotted(path: KeyPath) -> str:
    """`gates[2].run`"""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_yaml(file: Path, *, label: str | None = None) -> Document:
    """Read a file. Raises ConfigError (ConfigErrors for several mistakes) with the line."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=file, remedy=f"ls -l {file.parent}") from error
    if len(raw) > MAX_BYTES:
        raise ConfigError(
            f"is {len(raw):,} bytes long; expected a file that somebody wrote, at most {MAX_BYTES:,}", file=file
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"byte {raw[error.start]:#04x} is not UTF-8; save the file as UTF-8", file=file, line=line
        ) from error
    return parse_yaml(text, file, label=label)


def parse_yaml(text: str, file: Path, *, label: str | None = None) -> Document:
    """The same, of a text that was read already; `file` is only named."""
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error, text, file) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"the character U+{ord(text[error.position]):04X} cannot stand in YAML"
        raise ConfigError(message, file=file, line=line) from error
    except (RecursionError, ValueError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ConfigError(f"is not YAML: {reason}", file=file) from error
    reader = _Reader(file)
    try:
        data = None if node is None else reader.value(node, ())
    except RecursionError as error:
        raise ConfigError("is nested too deeply", file=file) from error
    reader.problems.raise_if_any()
    return Document(file, data, reader.lines, label or file.name)


def _not_yaml(error: yaml.MarkedYAMLError, text: str, file: Path) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return ConfigError(f"is not YAML: {error.problem}", file=file)
    lines = text.splitlines() or [""]
    row = min(mark.line, len(lines) - 1)
    # The scanner often complains a line after the one with the tab.
    for number in (row, row - 1):
        if number >= 0 and "\t" in lines[number][: len(lines[number]) - len(lines[number].lstrip())]:
            return ConfigError("is indented with a tab; YAML is indented with spaces", file=file, line=number + 1)
    if "\\t" in (error.problem or ""):
        return ConfigError("holds a tab where only spaces may stand", file=file, line=mark.line + 1)
    context = f" {error.context}" if error.context else ""
    return ConfigError(f"is not YAML: {error.problem}{context}", file=file, line=mark.line + 1)


class _Reader:
    """Turns nodes into values, and notes the lines and the mistakes on the way."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lines: dict[KeyPath, int] = {}
        self.problems = Problems()
        self._open: set[int] = set()
        self._count = 0

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        import yaml

        self.lines.setdefault(path, node.start_mark.line + 1)
        self._count += 1
        if self._count > MAX_NODES:
            # Aliases of aliases: a small text that means gigabytes.
            raise ConfigError(f"holds more than {MAX_NODES:,} values", file=self.file)
        if id(node) in self._open:
            raise ConfigError("an alias holds itself", file=self.file, line=node.start_mark.line + 1, key=dotted(path))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
                return self._map(node, path)
            if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
                return [self.value(item, (*path, n)) for n, item in enumerate(node.value)]
        finally:
            self._open.discard(id(node))
        self._refuse_tag(node, path)
        return None

    def _map(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == f"{_TAG}merge":
                merged.append(value_node)
                continue
            key = self._key(key_node, path, result)
            if key is not None:
                self.lines[(*path, key)] = key_node.start_mark.line + 1
                result[key] = self.value(value_node, (*path, key))
        for value_node in merged:
            self._merge(value_node, path, result)
        return result

    def _key(self, node: yaml.Node, path: KeyPath, known: Mapping[str, Any]) -> str | None:
        """A key is the text that stands there: `7:` and `no:` are names like any other."""
        import yaml

        line = node.start_mark.line + 1
        if not isinstance(node, yaml.ScalarNode):
            message = "expected a name before the colon, found a list or a map"
            self.problems.add(ConfigError(message, file=self.file, line=line, key=dotted(path) or None))
            return None
        key = str(node.value)
        if key in known:
            message = f"stands a second time; the first one is in line {self.lines[(*path, key)]}"
            self.problems.add(ConfigError(message, file=self.file, line=line, key=dotted((*path, key))))
            return None
        return key

    def _merge(self, node: yaml.Node, path: KeyPath, result: dict[str, Any]) -> None:
        """`<<: *anchor`, as the YAML that people know has it: what is written here wins."""
        import yaml

        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for item in nodes:
            if not isinstance(item, yaml.MappingNode):
                line = item.start_mark.line + 1
                message = "expected an alias of a map after '<<'"
                self.problems.add(ConfigError(message, file=self.file, line=line, key=dotted((*path, "<<"))))
                continue
            under = _Reader(self.file)
            under._open, under._count = self._open, self._count
            values = under.value(item, path)
            self._count = under._count
            for key, value in values.items():
                if key not in result:
                    result[key] = value
                    here = {p: line for p, line in under.lines.items() if p[: len(path) + 1] == (*path, key)}
                    self.lines.update(here)

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        kind, text = node.tag.removeprefix(_TAG), str(node.value)
        if kind in ("str", "timestamp", "value", "merge"):
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return _BOOL.get(text, text)
        if kind == "int":
            # Python refuses to read integers of thousands of digits.
            return int(text) if _INT.fullmatch(text) and len(text) < 1000 else text
        if kind == "float":
            number = float(text) if _FLOAT.fullmatch(text) else math.inf
            return number if math.isfinite(number) else text
        self._refuse_tag(node, path)
        return None

    def _refuse_tag(self, node: yaml.Node, path: KeyPath) -> None:
        message = f"the tag {node.tag.replace(_TAG, '!!')} is not used here; write plain values"
        line = node.start_mark.line + 1
        self.problems.add(ConfigError(message, file=self.file, line=line, key=dotted(path) or None))
