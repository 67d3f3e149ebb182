"""Small tasks on real repositories, judged by real processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ralphbench.config import gates_digest
from ralphbench.grading import grade
from ralphbench.model import Gate, GateKind, GateResult, Target, Task, Verdict
from ralphbench.workspace import Workspace, prepare_mirror


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            path.symlink_to(text[3:])
        else:
            path.write_text(text)


def goal(run: str, **more: object) -> Gate:
    return Gate(**{"id": "goal", "kind": GateKind.GOAL, "run": run, "timeout": 20.0, **more})  # type: ignore[arg-type]


def guard(run: str, **more: object) -> Gate:
    return Gate(**{"id": "guard", "kind": GateKind.GUARD, "run": run, "timeout": 20.0, **more})  # type: ignore[arg-type]


def judged(task: Task) -> Task:
    """With the digest of what judges it now."""
    references = [path for path in task.references if path.is_file()]
    return replace(task, gates_digest=gates_digest(task.gates, references, task.hidden))


@pytest.fixture(name="judged")
def _judged() -> Callable[[Task], Task]:
    return judged


@dataclass
class Bench:
    """A task's folder, an attempt at it, and its judge."""

    root: Path
    task: Task
    workspace: Workspace
    told: list[GateResult]

    def attempt(self, files: Mapping[str, str], *, gone: tuple[str, ...] = ()) -> str:
        """Commit what an agent did."""
        for name in gone:
            os.unlink(self.workspace.worktree / name)
        write(self.workspace.worktree, files)
        return self.workspace.commit("attempt") or self.workspace.head

    def grade(self, commit: str | None = None, **more: object) -> Verdict:
        return grade(
            **{  # type: ignore[arg-type]
                "gitdir": self.workspace.gitdir,
                "commit": commit or self.workspace.head,
                "base": self.workspace.base,
                "task": self.task,
                "sandbox_kind": "host",
                "out": self.root / "attempt/grading",
                "scratch": self.root / "scratch",
                "emit": self.told.append,
                **more,
            }
        )


@pytest.fixture
def make_task(tmp_path: Path) -> Callable[..., Task]:
    def make(*gates: Gate, target: Mapping[str, str], hidden: Mapping[str, str] | None = None, **more: object) -> Task:
        folder = tmp_path / "spec"
        write(folder / "target", target)
        write(folder / "hidden", hidden or {})
        values = {"name": "sum", "folder": folder, "title": "", "spec": "", "target": Target(path=Path("target"))}
        return judged(Task(**{**values, "gates": gates, "digest": "d" * 64, **more}))  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_bench(tmp_path: Path, make_task: Callable[..., Task]) -> Callable[..., Bench]:
    def make(*gates: Gate, target: Mapping[str, str] | None = None, **more: object) -> Bench:
        task = make_task(*gates, target=target or {"code": "old\n"}, **more)
        mirror = prepare_mirror(task, tmp_path / "cache")
        return Bench(tmp_path, task, Workspace.create(tmp_path / "w", mirror, "exp/a1"), [])

    return make
