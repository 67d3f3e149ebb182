"""The predecessor's experiment.conf: its keys, their defaults, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ralphbench.config.bashfile import Assignment, Value, read_assignments
from ralphbench.config.problems import Problems, did_you_mean
from ralphbench.errors import ConfigError

REQUIRED = ("TARGET_REPO", "BASE_REF", "SPEC", "PROFILES")
NUMBERS = {"MAX_ITERATIONS": 25, "MAX_WALL_TIME": 7200, "MAX_FAILURES": 3, "TEST_TIMEOUT": 300}
COMMANDS = {"BUILD_CMD": "make build", "TEST_CMD": "make test"}
DROPPED = {
    "WORKTREE_BASE": "worktrees are made and removed in a place of the program's own",
    "RALPH_LOG_DIR": "the record lies under results/; old runs: ralphbench import <it>/runs.jsonl --experiment <name>",
    "RESULTS_DIR": "results lie under results/<experiment>/",
}
KEYS = (*REQUIRED, *NUMBERS, *COMMANDS, *DROPPED, "GATE_CHECKS")


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import wrote, what it carried over, and what it could not, each with its reason."""

    experiment: str
    written: tuple[Path, ...]
    carried: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GateCheck:
    """`Label|command`"""

    label: str
    command: str
    line: int


@dataclass(frozen=True, slots=True)
class Conf:
    """What an experiment.conf says, its defaults filled in."""

    file: Path
    values: dict[str, Value]
    numbers: dict[str, int]
    profiles: tuple[str, ...]
    gates: tuple[GateCheck, ...]
    lines: dict[str, int]
    """Where each key stands; without an entry it has its default."""
    notes: tuple[str, ...]

    def text(self, key: str, home: str) -> str:
        return self.values[key].text(home)


def read_conf(file: Path, home: str) -> Conf:
    """Read, never run. Raises ConfigError (ConfigErrors) with every line that cannot be understood."""
    problems = Problems()
    notes: list[str] = []
    values = {key: Value((text,)) for key, text in COMMANDS.items()}
    lines: dict[str, int] = {}
    checks: list[GateCheck] = []
    for one in read_assignments(file):
        with problems.collected():
            _check_key(file, one)
            if one.name == "GATE_CHECKS":
                checks += _checks(file, one, home)
                continue
            if one.name in lines:
                notes.append(
                    f"{one.name} is set in lines {lines[one.name]} and {one.line}; the last one counts, as in bash"
                )
            values[one.name], lines[one.name] = _joined(one), one.line
    for key in REQUIRED:
        if key not in values or not values[key].text(home).strip():
            problems.add(ConfigError("is missing or empty", file=file, key=key))
    base = values["BASE_REF"].text(home) if "BASE_REF" in values else ""
    if base.startswith("-") or any(char.isspace() for char in base):
        message = f"expected a tag, branch or commit, found {base!r}"
        problems.add(ConfigError(message, file=file, line=lines["BASE_REF"], key="BASE_REF"))
    numbers = dict(NUMBERS)
    for key in NUMBERS.keys() & values.keys():
        with problems.collected():
            numbers[key] = _number(file, key, lines[key], values[key].text(home))
    problems.raise_if_any()
    profiles = tuple(dict.fromkeys(values["PROFILES"].text(home).split()))
    return Conf(file, values, numbers, profiles, tuple(checks), lines, tuple(notes))


def _check_key(file: Path, one: Assignment) -> None:
    if one.name not in KEYS:
        message = f"there is no such key{did_you_mean(one.name, KEYS)} (keys: {', '.join(KEYS)})"
        raise ConfigError(message, file=file, line=one.line, key=one.name)
    if one.append and one.name != "GATE_CHECKS":
        raise ConfigError("is appended to; write the whole value once", file=file, line=one.line, key=one.name)


def _joined(one: Assignment) -> Value:
    """An array of profiles is the same as a list with spaces."""
    parts = list(one.values[0].parts) if one.values else []
    for value in one.values[1:]:
        parts += [" ", *value.parts]
    return Value(tuple(parts))


def _checks(file: Path, one: Assignment, home: str) -> list[GateCheck]:
    """One check a line: several assignments, an array, and lines inside one value are all meant the same way."""
    found: list[GateCheck] = []
    for line in (line for value in one.values for line in value.text(home).splitlines() if line.strip()):
        # The command may hold bars of its own: only the first one parts it from the label.
        label, bar, command = line.partition("|")
        if not bar or not label.strip() or not command.strip():
            raise ConfigError(
                f"expected 'Label|command', found {line.strip()!r}", file=file, line=one.line, key=one.name
            )
        found.append(GateCheck(label.strip(), command.strip(), one.line))
    return found


def _number(file: Path, key: str, line: int, text: str) -> int:
    if not text.strip().isascii() or not text.strip().isdigit() or not 0 < int(text[:20]) < 10**9:
        raise ConfigError(f"expected a whole number above 0, found {text!r}", file=file, line=line, key=key)
    return int(text)
