"""What is there by name: experiments, tasks, profiles. No checking and no pydantic, so that a shell can ask at every Tab."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ralphbench.config.problems import describe
from ralphbench.errors import ConfigError, UnknownName

EXPERIMENT_FILE = "experiment.yaml"
TASK_FILE = "task.yaml"
NO_PROFILES = ("defaults", "models")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*", re.ASCII)


def name_problem(name: str) -> str | None:
    """Why a name cannot be one. Names become folders and parts of git branches."""
    if not _NAME.fullmatch(name) or ".." in name or name.endswith((".", ".lock")) or len(name) > 80:
        return f"expected a name of letters, digits, '-', '_' and '.', beginning with a letter or digit, found {describe(name)}"
    return None


def as_name(text: str) -> str:
    """The text where it can be a name, else the nearest that can."""
    if name_problem(text) is None:
        return text
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-_").lower()[:60] or "unnamed"


def list_experiments(root: Path) -> tuple[str, ...]:
    """Names of the folders of `root` that hold an experiment.yaml, in order."""
    return _folders_with(root, EXPERIMENT_FILE)


def find_experiment(name_or_path: str, root: Path) -> Path:
    """The experiment's folder: by its name in `root`, by the number that its name begins with, or by a path.

    Raises UnknownName, also where a number begins several names.
    """
    names = list_experiments(root)
    if name_or_path in names:
        return root / name_or_path
    if name_or_path.isascii() and name_or_path.isdigit():
        numbered = [name for name in names if name.split("-")[0] == name_or_path]
        if len(numbered) == 1:
            return root / numbered[0]
        if numbered:
            raise UnknownName("single experiment with the number", name_or_path, tuple(numbered), where=str(root))
    path = Path(name_or_path)
    if path.name == EXPERIMENT_FILE and path.is_file():
        return path.resolve().parent
    if (path / EXPERIMENT_FILE).is_file():
        return path.resolve()
    if path.is_dir() and len(path.parts) > 1:
        raise ConfigError(f"holds no {EXPERIMENT_FILE}", file=path)
    raise UnknownName("experiment", name_or_path, names, where=str(root))


def task_folder(name: str, specs: Iterable[Path]) -> Path | None:
    """The folder of a whole task in the first of the folders that holds it."""
    if "/" in name or name in ("", ".", ".."):
        return None
    return next((folder / name for folder in specs if (folder / name / TASK_FILE).is_file()), None)


def task_names(specs: Sequence[Path], *, phases: bool = True) -> tuple[str, ...]:
    """Every task, in order, each followed by its one-phase tasks `<task>/<phase>` (where `phases`)."""
    names = sorted({name for folder in specs for name in _folders_with(folder, TASK_FILE)})
    if not phases:
        return tuple(names)
    found: list[str] = []
    for name in names:
        folder = task_folder(name, specs)
        listed = _phases(folder / TASK_FILE) if folder else ()
        found += [name, *(f"{name}/{phase}" for phase in listed)]
    return tuple(found)


def profile_names(root: Path, experiment: Path | None = None) -> tuple[str, ...]:
    """Profiles of `root`; of an experiment's folder, where one is given: those that it compares."""
    if experiment is not None:
        chosen = _glance(experiment / EXPERIMENT_FILE).get("profiles")
        return tuple(str(name) for name in chosen) if isinstance(chosen, (list, dict)) else ()
    return tuple(name for name in _glance(root / "profiles.yaml") if name not in NO_PROFILES)


def _phases(file: Path) -> list[Any]:
    # Most tasks have none, and YAML is slow: a thousand tasks should not make a Tab wait.
    if b"phases" not in file.read_bytes():
        return []
    listed = _glance(file).get("phases")
    return listed if isinstance(listed, list) else []


def _folders_with(root: Path, file: str) -> tuple[str, ...]:
    if not root.is_dir():
        return ()
    return tuple(sorted(path.name for path in root.iterdir() if (path / file).is_file()))


def _glance(file: Path) -> dict[str, Any]:
    """A file's map, or an empty one: names are offered as far as they can be read; `load_experiment` tells what is wrong."""
    from ralphbench.config.yamlfile import read_yaml

    if not file.is_file():
        return {}
    try:
        data = read_yaml(file).data
    except ConfigError:
        return {}
    return data if isinstance(data, dict) else {}
