"""A small project to run experiments in: one task judged by `sh`, a scripted model, an agent that starts at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent

SCRIPT: dict[str, Any] = {
    "models": ["good", "idle"],
    "rules": [
        {
            "when": {"stage": "plan"},
            "turns": [
                {
                    "json": {
                        "tickets": [
                            {
                                "id": "t1",
                                "title": "Write one",
                                "detail": "Write the word one into one.txt.",
                                "acceptance": {"run": "grep -qx one one.txt", "expect": {"exit": 0}},
                                "depends_on": [],
                                "priority": 1,
                            },
                            {
                                "id": "t2",
                                "title": "Write two",
                                "detail": "Write the word two into two.txt.",
                                "acceptance": {"run": "grep -qx two two.txt", "expect": {"exit": 0}},
                                "depends_on": ["t1"],
                                "priority": 2,
                            },
                        ]
                    }
                }
            ],
        },
        *(
            {
                "when": {"stage": "build", "ticket": ticket, "model": "good"},
                "turns": [
                    {"tools": [{"name": "bash", "arguments": {"command": f"echo {word} > {word}.txt"}}]},
                    {"json": {"status": "done", "summary": f"wrote {word}", "issues": []}},
                ],
            }
            for ticket, word in (("t1", "one"), ("t2", "two"))
        ),
        {
            "when": {"stage": "build", "model": "idle"},
            "turns": [{"json": {"status": "done", "summary": "nothing to do", "issues": []}}],
        },
        {
            "when": {"stage": "verify", "ticket": "t1"},
            "turns": [{"json": {"accept": True, "reason": "fine", "issues": [], "complete": {"task": False}}}],
        },
        {
            "when": {"stage": "verify"},
            "turns": [{"json": {"accept": True, "reason": "fine", "issues": [], "complete": {"task": True}}}],
        },
        {"when": {"stage": "decompose"}, "turns": [{"json": {"parts": []}}]},
        {"turns": ["ok"]},
    ],
}
TASK: dict[str, Any] = {
    "title": "Write two words",
    "spec": "spec.md",
    "target": {"path": "target"},
    "gates": [
        {"id": "readme", "kind": "guard", "run": "test -f README", "timeout": "20s"},
        {"id": "one", "kind": "goal", "run": "grep -qx one one.txt", "timeout": "20s"},
        {"id": "two", "kind": "goal", "run": "grep -qx two two.txt", "timeout": "20s", "weight": 2},
    ],
}
REFERENCE = """\
diff --git a/one.txt b/one.txt
new file mode 100644
--- /dev/null
+++ b/one.txt
@@ -0,0 +1 @@
+one
diff --git a/two.txt b/two.txt
new file mode 100644
--- /dev/null
+++ b/two.txt
@@ -0,0 +1 @@
+two
"""


@dataclass(frozen=True, slots=True)
class Project:
    """`<root>/experiments/001-words`, `<root>/specs/words`; results and caches lie beside them."""

    root: Path

    @property
    def experiment(self) -> Path:
        return self.root / "experiments" / "001-words"

    @property
    def record(self) -> Path:
        return self.root / "results" / "001-words"

    def write(self, path: str, data: Any) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(data if isinstance(data, str) else yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
        return file

    def env(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        env = {**os.environ, "RALPHBENCH_CACHE": str(self.root / "cache"), "XDG_RUNTIME_DIR": str(self.root / "run")}
        return {**env, **(more or {})}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "ralphbench", *arguments]

    def ralphbench(
        self, *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 280
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.root,
            env=self.env(env),
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return self.ralphbench("run", "001-words", "--yes", *arguments, env=env)


def make_project(root: Path, *, script: Any = None, **experiment: Any) -> Project:
    """Write all files. `experiment`: keys of experiment.yaml over the defaults."""
    project = Project(root)
    (root / "run").mkdir(mode=0o700, parents=True)
    agent = f"{{python}} {HERE / 'tiny_agent.py'} {{base_url}} {{model}}".split()
    project.write(
        "experiments/agents.yaml",
        {"tiny": {"argv": agent, "version": {"argv": ["{python}", "--version"]}}},
    )
    project.write("experiments/001-words/script.yaml", script or SCRIPT)
    project.write(
        "experiments/001-words/endpoints.yaml", {"box": {"kind": "scripted", "script": "script.yaml", "slots": 4}}
    )
    project.write(
        "experiments/001-words/profiles.yaml",
        {
            name: {"agent": "tiny", "model": f"box/{name}", "context": "32k", "output": "2k"}
            for name in ("good", "idle")
        },
    )
    project.write(
        "experiments/001-words/experiment.yaml",
        {
            "question": "Can it write two words?",
            "tasks": ["words"],
            "profiles": ["good"],
            "limits": {"iterations": 5, "wall_time": "2m", "failures": 2, "stage_timeout": "30s"},
            "sandbox": "host",
            **experiment,
        },
    )
    project.write("specs/words/task.yaml", TASK)
    project.write("specs/words/spec.md", "Write `one` into one.txt and `two` into two.txt, each a line of its own.\n")
    project.write("specs/words/target/README", "Words.\n")
    project.write("specs/words/reference.patch", REFERENCE)
    return project
