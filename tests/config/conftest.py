"""A small world to load from: experiments, shared files and two tasks, one of them in phases."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from ralphbench.config import Overrides, load_experiment
from ralphbench.model import Experiment

PROFILES = """
small: {agent: builtin, model: box/tiny, context: 32k}
large: {agent: builtin, model: cloud/huge}
mixed: {agent: builtin, model: cloud/huge, stages: {build: box/tiny}}
"""
ENDPOINTS = """
box: {kind: llamacpp, base_url: http://127.0.0.1:8080}
cloud: {kind: openai, base_url: https://example.invalid/v1, api_key_env: CLOUD_KEY}
"""
EXPERIMENT = """
question: Which one?
tasks: [single]
profiles: [small, large]
"""
SINGLE = """
title: One thing
target: {path: target}
tags: [python, quick]
suite: basics
protected: [tests/**]
gates:
  - {id: build, kind: guard, run: make}
  - {id: works, kind: goal, run: sh hidden/works.sh, timeout: 2m, weight: 2, report: {tap: out.tap, min_tests: 3}}
"""
PHASED = """
title: Three things
target: {path: target}
tags: [c, quick]
phases: [first, second, third]
gates:
  - {id: build, kind: guard, run: make}
  - {id: one, kind: goal, run: sh hidden/one.sh, phase: first}
  - {id: two, kind: goal, run: sh hidden/two.sh, phase: second, weight: 3}
  - {id: three, kind: goal, run: sh hidden/three.sh, phase: third}
"""


@dataclass(frozen=True)
class World:
    """Writes files below a folder and loads experiments from it."""

    top: Path

    @property
    def root(self) -> Path:
        return self.top / "experiments"

    @property
    def specs(self) -> Path:
        return self.top / "specs"

    def write(self, path: str, text: str) -> Path:
        file = self.top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        return file

    def experiment(self, text: str = EXPERIMENT, name: str = "001-first") -> Path:
        return self.write(f"experiments/{name}/experiment.yaml", text)

    def load(self, name: str = "001-first", **overrides: object) -> Experiment:
        return load_experiment(name, root=self.root, overrides=Overrides(**overrides))  # type: ignore[arg-type]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world in which `001-first` loads as it is."""
    made = World(tmp_path)
    made.write("experiments/profiles.yaml", PROFILES)
    made.write("experiments/endpoints.yaml", ENDPOINTS)
    made.experiment()
    for name, text in (("single", SINGLE), ("phased", PHASED)):
        made.write(f"specs/{name}/task.yaml", text)
        made.write(f"specs/{name}/spec.md", f"# {name}\n\nDo it.\n")
        made.write(f"specs/{name}/target/Makefile", "all:\n")
        made.write(f"specs/{name}/hidden/works.sh", "exit 1\n")
    for phase in ("first", "second", "third"):
        made.write(f"specs/phased/reference/{phase}.patch", f"patch of {phase}\n")
    return made
