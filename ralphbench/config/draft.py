"""An experiment in the making: what was written, what the command line changes, and what was found on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ralphbench.config.layers import Catalog
from ralphbench.config.problems import Problems
from ralphbench.config.yamlfile import Document

if TYPE_CHECKING:
    from ralphbench.config.words import ExperimentWords


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line changes. Empty and None: nothing. Each change is recorded as the origin `--<flag>`."""

    profiles: tuple[str, ...] = ()
    """`--profile`: only these of the experiment's."""
    tasks: tuple[str, ...] = ()
    """`--task`: only these of the experiment's, by name or glob."""
    repeats: int | None = None
    sandbox: str | None = None
    void_retries: int | None = None
    seed: int | None = None
    limits: Mapping[str, object] = field(default_factory=dict)
    """By key of `limits`, as text like in the file (`wall_time: 2h`) or as a number of iterations, failures, calls."""
    specs: tuple[Path, ...] = ()
    """`--specs`: further folders of tasks; they win over `specs/` beside `experiments/`."""
    results: Path | None = None
    """`--results`; else `results/` in the working directory."""


@dataclass(slots=True)
class Draft:
    """An experiment in the making."""

    document: Document
    words: ExperimentWords
    overrides: Overrides
    specs: tuple[Path, ...]
    root: Path
    catalog: Catalog = field(default_factory=Catalog)
    problems: Problems = field(default_factory=Problems)
    origins: dict[str, str] = field(default_factory=dict)
    other_tasks: tuple[str, ...] = ()

    def origin(self, key: str) -> str:
        path = tuple(key.split("."))
        return self.document.origin(path) if path in self.document.lines else "default"
