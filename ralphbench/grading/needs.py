"""The tools that a task needs: looked for where its gates run. For want of one nothing can be judged, good work neither."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ralphbench.errors import ToolMissing
from ralphbench.grading.place import place_to_judge
from ralphbench.grading.tools import packages_of
from ralphbench.sandbox import Sandbox, SandboxSpec, open_sandbox

_FIND = 'for tool in "$@"; do command -v "$tool" >/dev/null 2>&1 || printf "%s\\n" "$tool"; done'
_TIMEOUT = 30.0


def require_tools(needs: Mapping[str, Sequence[str]], *, sandbox_kind: str, scratch: Path) -> None:
    """By task, what it needs, all looked for at once. `scratch`: as for `grade`. Raises ToolMissing, SandboxError, DiskError."""
    tools = sorted({tool for of_task in needs.values() for tool in of_task})
    if not tools:
        return
    with place_to_judge(scratch) as place:
        (place / "tree").mkdir()
        marker = os.environ.get("RALPHBENCH_OWNER", f"needs-{os.getpid()}:")
        spec = SandboxSpec(worktree=place / "tree", home=place / "home", marker=marker)
        with open_sandbox(sandbox_kind, spec) as sandbox:
            missing = missing_tools(tools, sandbox, sandbox.base_env(), place / "needs.log")
    if missing:
        tasks = sorted(task for task, of_task in needs.items() if set(of_task) & set(missing))
        raise _missing(
            " and ".join([", ".join(tasks[:5]), *([f"{len(tasks) - 5} more"] if tasks[5:] else [])]), missing
        )


def require_in(sandbox: Sandbox, task: str, needs: Sequence[str], env: Mapping[str, str], log: Path) -> None:
    """The same, for one task in a sandbox that is open. Raises ToolMissing."""
    if missing := missing_tools(needs, sandbox, env, log):
        raise _missing(task, missing)


def missing_tools(needs: Sequence[str], sandbox: Sandbox, env: Mapping[str, str], log: Path) -> tuple[str, ...]:
    """Those of the tools that are not there in the sandbox. `log`: a file that is made, read and removed."""
    if not needs:
        return ()
    sandbox.run(["sh", "-c", _FIND, "sh", *needs], env=env, timeout=_TIMEOUT, log=log)
    missing = tuple(log.read_text("utf-8", "replace").split("\n")[:-1])
    log.unlink()
    return missing


def _missing(task: str, missing: Sequence[str]) -> ToolMissing:
    return ToolMissing(f"{task} needs {', '.join(missing)}, missing here", remedy=packages_of(missing))
