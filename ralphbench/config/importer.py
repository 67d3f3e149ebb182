"""An experiment of the predecessor as one of ours: `experiment.conf` and its TOML profiles, read without running anything.

Written below the new experiment's folder: experiment.yaml, profiles.yaml and endpoints.yaml (as far as the shared ones do
not say it already), and the task as `specs/<task>/`, where it is found before any other task of its name.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ralphbench.config import units
from ralphbench.config.legacy_conf import DROPPED, Conf, ImportReport, read_conf
from ralphbench.config.legacy_profiles import LegacyProfiles, read_profiles
from ralphbench.config.names import EXPERIMENT_FILE, TASK_FILE, as_name, profile_names
from ralphbench.config.yamlfile import read_yaml
from ralphbench.errors import UsageError
from ralphbench.record import atomic_write, make_folder

BUILD_TIMEOUT = 1800.0
_QUESTION = re.compile(r"^##\s+Question\s*\n+(.+?)(?:\n\s*\n|\n#|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(slots=True)
class _Draft:
    conf: Conf
    out: Path
    home: str
    task: str
    files: dict[Path, str] = field(default_factory=dict)
    carried: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def import_conf(conf: Path, out: Path, *, profiles: Path | None = None) -> ImportReport:
    """Turn `conf` into the experiment folder `out`.

    `profiles`: the predecessor's TOML file; by default the user's own, where there is one. Nothing is written where anything
    cannot be read: ConfigError (ConfigErrors) then names every line. UsageError where `out` holds an experiment already,
    DiskError where it cannot be written.
    """
    home = os.environ.get("HOME") or str(Path.home())
    if (out / EXPERIMENT_FILE).exists():
        raise UsageError(
            f"{out / EXPERIMENT_FILE} is there already", remedy=f"ralphbench import {conf} -o <another folder>"
        )
    read = read_conf(conf, home)
    draft = _Draft(read, out, home, as_name(Path(read.text("SPEC", home)).stem))
    draft.carried += read.notes
    _task(draft)
    _profiles(draft, profiles or Path(home) / ".config" / "ralph" / "config.toml", given=profiles is not None)
    _experiment(draft)
    for key, why in DROPPED.items():
        if key in read.lines:
            draft.lost.append(f"{key} (line {read.lines[key]}): {why}")
    for path, text in draft.files.items():
        make_folder(path.parent)
        atomic_write(path, text.encode("utf-8"))
    return ImportReport(out.name, tuple(draft.files), tuple(draft.carried), tuple(draft.lost))


def _yaml(data: Any, head: str) -> str:
    import yaml

    lines = "".join(f"# {line}\n" for line in head.splitlines())
    return lines + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)


def _task(draft: _Draft) -> None:
    conf, folder = draft.conf, draft.out / "specs" / draft.task
    spec, source = _spec(draft)
    if spec is None:
        draft.lost.append(f"the spec {source}: not found; write it to {folder / 'spec.md'}")
    else:
        draft.files[folder / "spec.md"] = spec
        draft.carried.append(f"the spec, as it is in {source}")
    heading = next((line[2:].strip() for line in (spec or "").splitlines() if line.startswith("# ")), "")
    data = {
        "title": heading or draft.task,
        "spec": "spec.md",
        "target": {"repo": _repo(draft), "base": conf.text("BASE_REF", draft.home)},
        "gates": _gates(draft),
    }
    head = f"Imported from {conf.file.name}. `ralphbench task check` proves that the gates tell a solved task from the base."
    draft.files[folder / TASK_FILE] = _yaml(data, head)
    draft.carried.append(f"TARGET_REPO, BASE_REF, SPEC, BUILD_CMD, TEST_CMD and GATE_CHECKS as the task {draft.task!r}")


def _repo(draft: _Draft) -> str:
    """The target as task.yaml says it: `$HOME` stays, a relative path is taken from the old file's folder."""
    value = draft.conf.values["TARGET_REPO"]
    text = value.text(draft.home)
    if text.startswith("/") or "://" in text:
        return value.portable
    path = (draft.conf.file.parent / text).resolve()
    draft.carried.append(f"TARGET_REPO {text!r} as {path}: a shell would have taken it from wherever it was called")
    return str(path).replace("$", "$$")


def _gates(draft: _Draft) -> list[dict[str, Any]]:
    """Build and test guard what works at base; the gate checks are the goals."""
    conf, home = draft.conf, draft.home
    seconds = float(conf.numbers["TEST_TIMEOUT"])
    gates = [
        {
            "id": "build",
            "kind": "guard",
            "run": conf.text("BUILD_CMD", home),
            "timeout": units.format_duration(BUILD_TIMEOUT),
        },
        {"id": "test", "kind": "guard", "run": conf.text("TEST_CMD", home), "timeout": units.format_duration(seconds)},
    ]
    draft.carried.append("the build had no time limit and has 30m now; gate checks had none and have 5m")
    for check in conf.gates:
        taken = {gate["id"] for gate in gates}
        base = name = as_name(check.label).lower()
        n = 2
        while name in taken:
            name, n = f"{base}-{n}", n + 1
        gates.append({"id": name, "kind": "goal", "run": check.command, "timeout": "5m"})
    if not conf.gates:
        draft.lost.append(
            "a goal: the file has no GATE_CHECKS, so nothing tells a solved task from an untouched one; "
            f"add a gate of kind goal to {draft.out / 'specs' / draft.task / TASK_FILE}"
        )
    return gates


def _spec(draft: _Draft) -> tuple[str | None, str]:
    """(text, where it was found or looked for): as it is at the base, else as it lies in the checkout."""
    repo = draft.conf.file.parent / draft.conf.text("TARGET_REPO", draft.home)
    name, base = draft.conf.text("SPEC", draft.home), draft.conf.text("BASE_REF", draft.home)
    for path in (f"ralph/specs/{name}", name):
        if (text := _blob(repo, f"{base}:{path}")) is not None:
            return text, f"{base}:{path}"
        if (repo / path).is_file():
            return (repo / path).read_text(encoding="utf-8", errors="replace"), f"{repo / path} (not in {base})"
    return None, f"{repo}/ralph/specs/{name}"


def _blob(repo: Path, name: str) -> str | None:
    """A file of a commit; None where repository, commit or file are not there."""
    if not repo.is_dir():
        return None
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    argv = ["git", "-C", str(repo), "cat-file", "blob", name]
    try:
        done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def _profiles(draft: _Draft, toml: Path, *, given: bool) -> None:
    conf, root = draft.conf, draft.out.parent
    known = _keys(root / "endpoints.yaml")
    found = LegacyProfiles()
    if given or toml.is_file():
        found = read_profiles(toml, conf.profiles, known)
    draft.carried += found.carried
    draft.lost += found.lost
    shared = profile_names(root)
    for name in map(as_name, conf.profiles):
        if name in found.profiles:
            continue
        if name in shared:
            draft.carried.append(f"profile {name!r}: not in {toml}, taken from {root / 'profiles.yaml'}")
        else:
            draft.lost.append(
                f"profile {name!r}: neither in {toml} nor in {root / 'profiles.yaml'} (the predecessor would have run its "
                f"default model under that name); add it to {draft.out / 'profiles.yaml'}"
            )
    head = f"Imported from {toml.name}."
    if found.profiles:
        draft.files[draft.out / "profiles.yaml"] = _yaml(found.profiles, head)
    if found.endpoints:
        draft.files[draft.out / "endpoints.yaml"] = _yaml(found.endpoints, f"{head} The addresses are the usual ones.")


def _keys(file: Path) -> tuple[str, ...]:
    if not file.is_file():
        return ()
    data = read_yaml(file).data
    return tuple(data) if isinstance(data, dict) else ()


def _experiment(draft: _Draft) -> None:
    conf = draft.conf
    notes = conf.file.parent / "PLAN.md"
    words = notes.read_text(encoding="utf-8", errors="replace") if notes.is_file() else ""
    asked = _QUESTION.search(words)
    data = {
        "question": " ".join(asked[1].split()) if asked else f"Imported from {conf.file}: what was to be found out?",
        "tasks": [draft.task],
        "profiles": [as_name(name) for name in conf.profiles],
        "baseline": as_name(conf.profiles[0]),
        "repeats": 1,
        "plan": {"mode": "own"},
        "limits": {
            "iterations": conf.numbers["MAX_ITERATIONS"],
            "wall_time": units.format_duration(conf.numbers["MAX_WALL_TIME"]),
            "failures": conf.numbers["MAX_FAILURES"],
            "stage_timeout": "15m",
        },
        "sandbox": "auto",
    }
    if words and (draft.out / "PLAN.md").resolve() != notes.resolve():
        draft.files[draft.out / "PLAN.md"] = words
    draft.files[draft.out / EXPERIMENT_FILE] = _yaml(data, f"Imported from {conf.file.name}.")
    draft.carried.append(
        "PROFILES, MAX_ITERATIONS, MAX_WALL_TIME and MAX_FAILURES; they are enforced here, inside a stage"
    )
    draft.lost.append(
        "the plan: it was made by hand in one worktree and copied to the others; here each profile plans for itself. "
        "To share one: plan: {shared: {by: <profile>}}"
    )
