"""The four tools of the built-in agent, under the names and arguments that opencode gives them."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ralphbench.sandbox.processes import end_tree

_LINES = 2_000
_LINE = 2_000
_LONGEST_TIMEOUT = 600.0
_LARGEST = 20_000_000
"""Bytes of a file that is shown or edited whole."""
_FLOOD = 256_000_000
"""Bytes of output at which a command is ended."""
_LOOK = 0.2
"""Seconds between two looks at how much a command has put out."""


@dataclass(frozen=True, slots=True)
class Result:
    text: str
    failed: bool = False
    exit: int | None = None


class ToolError(Exception):
    """What the model is told in place of a result."""


def _schema(name: str, description: str, required: list[str], /, **properties: dict[str, Any]) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"name": name, "description": description, "parameters": parameters}


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _number(description: str) -> dict[str, Any]:
    return {"type": "integer", "description": description}


SCHEMAS = (
    _schema(
        "bash",
        "Run a shell command. Returns its output, both streams, and its exit code if it is not 0. "
        "The working directory does not persist between calls.",
        ["command"],
        command=_text("The command."),
        timeout=_number("Milliseconds it may take."),
        workdir=_text("Directory to run it in; the working directory if left out."),
        description=_text("What it does, in a few words."),
    ),
    _schema(
        "read",
        "Read a text file, with line numbers, or list a directory. Only inside the working directory.",
        ["filePath"],
        filePath=_text("Path, absolute or relative to the working directory."),
        offset=_number("First line, from 1."),
        limit=_number(f"Lines at most; {_LINES} if left out."),
    ),
    _schema(
        "write",
        "Write a file, over the one that is there. Only inside the working directory.",
        ["filePath", "content"],
        filePath=_text("Path, absolute or relative to the working directory."),
        content=_text("The whole new content."),
    ),
    _schema(
        "edit",
        "Replace a text in a file. oldString must occur exactly once, with its whitespace, unless replaceAll is true.",
        ["filePath", "oldString", "newString"],
        filePath=_text("Path, absolute or relative to the working directory."),
        oldString=_text("The text to replace, without line numbers."),
        newString=_text("What to put in its place."),
        replaceAll={"type": "boolean", "description": "Replace every occurrence."},
    ),
)
_REQUIRED = {schema["name"]: schema["parameters"]["required"] for schema in SCHEMAS}
_TYPES: dict[str, tuple[type, str]] = {"string": (str, "text"), "integer": (int, "a whole number")}


class Tools:
    """`env`: what commands get; `bash_timeout`: seconds, where the model says none."""

    def __init__(self, cwd: Path, env: Mapping[str, str], bash_timeout: float) -> None:
        self._cwd = cwd
        self._allowed = tuple(Path(folder).resolve() for folder in (cwd, env.get("TMPDIR") or cwd))
        self._env = dict(env)
        self._bash_timeout = bash_timeout
        self._tools: dict[str, Callable[[dict[str, Any]], Result]] = {
            "bash": self._bash,
            "read": self._read,
            "write": self._write,
            "edit": self._edit,
        }

    def call(self, name: str, arguments: Any) -> Result:
        """Run one tool; whatever goes wrong is told to the model."""
        try:
            if name not in self._tools:
                raise ToolError(f"there is no tool {name!r}; there are {', '.join(self._tools)}")
            return self._tools[name](_checked(name, arguments))
        except (ToolError, ValueError) as error:
            return Result(str(error), failed=True)
        except OSError as error:
            return Result(f"{error.filename or name}: {error.strerror or error}", failed=True)

    def _path(self, given: str) -> Path:
        """Inside the working directory or the temporary one, links followed: what is outside is nobody's business here."""
        path = self._cwd / given
        if not any(path.resolve().is_relative_to(folder) for folder in self._allowed):
            raise ToolError(f"{given} is outside the working directory: not allowed")
        return path

    def _data(self, path: Path) -> bytes:
        """All of a plain file: a pipe would wait for a writer, a device has no end."""
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ToolError(f"{path} is not a file")
        if found.st_size > _LARGEST:
            raise ToolError(f"{path} has {found.st_size} bytes, too many; use bash to look at parts of it")
        return path.read_bytes()

    def _bash(self, given: dict[str, Any]) -> Result:
        """Output goes to a file: what is left running in the background holds nothing up."""
        seconds = given["timeout"] / 1000 if "timeout" in given else self._bash_timeout
        seconds = min(seconds, max(_LONGEST_TIMEOUT, self._bash_timeout))
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                ["bash", "-c", given["command"]],
                cwd=self._path(given.get("workdir", ".")),
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            status, why = _attended(process, output.fileno(), seconds)
            text = _both_ends(output.fileno())
        if status is None:
            return Result(f"{text}\n[{why}]", True)
        return Result(f"{text}\n[exit {status}]" if status else text or "[no output]", exit=status)

    def _read(self, given: dict[str, Any]) -> Result:
        path = self._path(given["filePath"])
        if path.is_dir():
            names = sorted(entry.name + ("/" if entry.is_dir() else "") for entry in path.iterdir())
            return Result("\n".join(names[:_LINES]) or "[an empty directory]")
        data = self._data(path)
        if b"\0" in data[:8192]:
            raise ToolError(f"{path} is not a text file")
        lines = data.decode(errors="replace").splitlines()
        first = max(1, given.get("offset", 1))
        count = max(1, given.get("limit", _LINES))
        shown = [f"{number}: {line[:_LINE]}" for number, line in enumerate(lines, 1)][first - 1 : first - 1 + count]
        rest = len(lines) - (first - 1) - len(shown)
        if rest > 0:
            shown.append(f"[{rest} more lines; read on with offset {first + count}]")
        return Result("\n".join(shown) or f"[nothing from line {first} on; the file has {len(lines)} lines]")

    def _write(self, given: dict[str, Any]) -> Result:
        path = self._path(given["filePath"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(given["content"].encode())
        return Result(f"wrote {path}")

    def _edit(self, given: dict[str, Any]) -> Result:
        path, old, new = self._path(given["filePath"]), given["oldString"], given["newString"]
        if old == new:
            raise ToolError("oldString and newString are the same")
        if not old:
            raise ToolError("oldString is empty; use write to make a file")
        text = self._data(path).decode(errors="surrogateescape")
        if "\r\n" in text and "\n" in old and "\r\n" not in old:
            old, new = old.replace("\n", "\r\n"), new.replace("\n", "\r\n")
        found = text.count(old)
        if found == 0:
            raise ToolError(f"oldString does not occur in {path}")
        if found > 1 and not given.get("replaceAll", False):
            raise ToolError(f"oldString occurs {found} times in {path}; give more of what is around it, or replaceAll")
        path.write_bytes(text.replace(old, new).encode(errors="surrogateescape"))
        return Result(f"replaced {found} in {path}" if found > 1 else f"edited {path}")


def _checked(name: str, arguments: Any) -> dict[str, Any]:
    """Arguments of the kinds that the schema says. Raises ToolError."""
    if not isinstance(arguments, dict):
        raise ToolError(f"{name}: the arguments are not a JSON object: {str(arguments)[:500]}")
    missing = [key for key in _REQUIRED[name] if key not in arguments]
    if missing:
        raise ToolError(f"{name}: missing {', '.join(missing)}")
    properties = next(schema for schema in SCHEMAS if schema["name"] == name)["parameters"]["properties"]
    given = {key: value for key, value in arguments.items() if key in properties and value is not None}
    for key, value in given.items():
        kind, words = _TYPES.get(properties[key]["type"], (bool, "true or false"))
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ToolError(f"{name}: {key} must be {words}, found {str(value)[:200]!r}")
    return given


def _attended(process: subprocess.Popen[bytes], output: int, seconds: float) -> tuple[int | None, str]:
    """Wait for a command; (None, why) where it was ended."""
    deadline = time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        try:
            return process.wait(max(0.0, min(_LOOK, left))), ""
        except subprocess.TimeoutExpired:
            if (size := os.fstat(output).st_size) > _FLOOD:
                why = f"ended: it had put out {size} bytes"
            elif left <= 0:
                why = f"ended after {seconds:g} s; ask for a longer timeout if it needs one"
            else:
                continue
        end_tree(process.pid, 0.5)
        process.wait()
        return None, why


def _both_ends(file: int, limit: int = 100_000) -> str:
    """Head and tail of a file of any size."""
    size = os.fstat(file).st_size
    head = os.pread(file, limit // 2 if size > limit else limit, 0)
    if size <= limit:
        return head.decode(errors="replace").rstrip("\n")
    tail = os.pread(file, limit // 2, size - limit // 2)
    left_out = f"\n[... {size - limit} bytes left out ...]\n"
    return (head.decode(errors="replace") + left_out + tail.decode(errors="replace")).rstrip("\n")
