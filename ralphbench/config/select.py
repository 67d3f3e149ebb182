"""Which tasks an experiment means: names, suites, tags, globs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ralphbench.config.names import TASK_FILE, task_folder, task_names
from ralphbench.config.yamlfile import read_yaml
from ralphbench.errors import UnknownName

_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Labels:
    """What a task can be chosen by, beside its name."""

    name: str
    suite: str | None
    tags: tuple[str, ...]


def select_tasks(words: Iterable[str], specs: Sequence[Path], *, where: str) -> tuple[str, ...]:
    """Names of the tasks that `words` mean, each once, in the order of the words.

    A word is a task's name (`<task>` or `<task>/<phase>`), else a suite, else a tag; `suite:x` and `tag:x` say which; with
    `*`, `?` or `[` it is a glob, in which `*` stops at the slash: `x/*` is every phase of x, in their order. Raises
    UnknownName for a word that means nothing, and ConfigError where a task.yaml has to be read for it and cannot.
    """
    names: tuple[str, ...] | None = None
    labels: list[Labels] | None = None
    found: dict[str, None] = {}
    for word in words:
        if task_folder(word.partition("/")[0], specs) is not None and not _GLOB.search(word):
            found[word] = None  # whether the phase exists is for `load_task` to say
            continue
        names = task_names(specs) if names is None else names
        if _GLOB.search(word):
            chosen = [name for name in names if _matches(word, name)]
        else:
            labels = [_labels(n, specs) for n in task_names(specs, phases=False)] if labels is None else labels
            chosen = _labelled(word, labels)
        if not chosen:
            raise _unknown(word, names, labels or [], where)
        found |= dict.fromkeys(chosen)
    return tuple(found)


def select_among(words: Iterable[str], names: Sequence[str], *, where: str) -> tuple[str, ...]:
    """The same for `--task`: out of the tasks that an experiment has, by name or glob, in the experiment's order."""
    chosen: set[str] = set()
    for word in words:
        hit = {name for name in names if name == word or (_GLOB.search(word) and _matches(word, name))}
        if not hit:
            raise UnknownName("task", word, tuple(names), where=where)
        chosen |= hit
    return tuple(name for name in names if name in chosen)


def _matches(pattern: str, name: str) -> bool:
    from fnmatch import fnmatchcase

    wanted, parts = pattern.split("/"), name.split("/")
    return len(wanted) == len(parts) and all(fnmatchcase(p, w) for p, w in zip(parts, wanted, strict=True))


def _labels(name: str, specs: Sequence[Path]) -> Labels:
    folder = task_folder(name, specs)
    assert folder is not None
    data = read_yaml(folder / TASK_FILE, label=f"{name}/{TASK_FILE}").data
    data = data if isinstance(data, dict) else {}
    tags, suite = data.get("tags"), data.get("suite")
    return Labels(name, suite if isinstance(suite, str) else None, tuple(tags) if isinstance(tags, list) else ())


def _labelled(word: str, labels: Sequence[Labels]) -> list[str]:
    kind, colon, label = word.partition(":")
    by: dict[str, Callable[[Labels], bool]] = {
        "suite": lambda task: task.suite == (label if colon else word),
        "tag": lambda task: (label if colon else word) in task.tags,
    }
    if colon:
        return [task.name for task in labels if by[kind](task)] if kind in by else []
    for test in by.values():
        chosen = [task.name for task in labels if test(task)]
        if chosen:
            return chosen
    return []


def _unknown(word: str, names: Sequence[str], labels: Sequence[Labels], where: str) -> UnknownName:
    suites = sorted({task.suite for task in labels if task.suite})
    tags = sorted({tag for task in labels for tag in task.tags if isinstance(tag, str)})
    known = (*names, *(f"suite:{suite}" for suite in suites), *(f"tag:{tag}" for tag in tags))
    return UnknownName("task, suite or tag", word, known, where=where)
