"""What took part in an attempt, and what the experiment was resolved to."""

from __future__ import annotations

import functools
import os
import platform
import sys
from pathlib import Path
from typing import Any

from ralphbench import __version__
from ralphbench.config import explain
from ralphbench.loop import prompts_hash
from ralphbench.model import AttemptSpec, Experiment, codec
from ralphbench.schedule.prepare import Prepared


@functools.cache
def machine() -> dict[str, Any]:
    """The hardware and system, as far as it can be told without a probe. Asked once: a driver may take a second to answer."""
    import psutil

    return {
        "host": platform.node(),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "gpus": _gpus(),
    }


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # no /proc: another system
    return platform.processor() or platform.machine()


def _gpus() -> list[str] | None:
    """As the driver lists them; None: no driver that could be asked."""
    import shutil
    import subprocess

    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    query = [tool, "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return [line.strip() for line in done.stdout.splitlines() if line.strip()] if done.returncode == 0 else None


def lock_of(prepared: Prepared) -> dict[str, Any]:
    """`lock.json`: everything that was resolved, once an experiment and run."""
    experiment = prepared.experiment
    return {
        "schema": "ralphbench.lock/1",
        "ralphbench": __version__,
        "experiment": codec.builtins(_plain(experiment)),
        "explained": [codec.builtins(row) for row in explain(experiment)],
        "sandbox": {"kind": prepared.sandbox, "why": prepared.sandbox_reason},
        "agents": prepared.agents,
        "prompts": prompts_hash(),
        "bases": {name: {"commit": m.base, "tree": m.tree} for name, m in prepared.mirrors.items()},
        "digests": {t.name: {"task": t.digest, "gates": t.gates_digest} for t in experiment.tasks},
        "models": {name: codec.builtins(info) for name, info in prepared.models.items()},
        "servers": {name: codec.builtins(info) for name, info in prepared.servers.items()},
        "machine": machine(),
        "warnings": prepared.warnings,
    }


def _plain(experiment: Experiment) -> dict[str, Any]:
    """The experiment without the tasks' texts, which are in the attempts' own files."""
    plain: dict[str, Any] = codec.builtins(experiment)
    plain["tasks"] = [t.name for t in experiment.tasks]
    plain.pop("origins")
    return plain


def manifest_of(prepared: Prepared, spec: AttemptSpec, plan_hash: str | None) -> dict[str, Any]:
    """`manifest.json` of an attempt."""
    profile = spec.profile
    models = {str(m.model) for m in profile.stages.values()}
    mirror = prepared.mirrors[spec.task.name]
    return {
        "schema": "ralphbench.manifest/1",
        "ralphbench": __version__,
        "identity": spec.identity,
        "identity_parts": prepared.identity_parts(spec.task, profile, plan_hash),
        "attempt": spec.id,
        "mode": spec.mode,
        "started_by": spec.started_by,
        "base": {"commit": mirror.base, "tree": mirror.tree},
        "digests": {"task": spec.task.digest, "gates": spec.task.gates_digest},
        "profile": codec.builtins(profile),
        "limits": codec.builtins(spec.limits),
        "agents": {name: prepared.agents.get(name) for name in sorted({m.agent for m in profile.stages.values()})},
        "prompts": prompts_hash(),
        "models": {name: codec.builtins(prepared.models[name]) for name in models if name in prepared.models},
        "servers": {name: codec.builtins(info) for name, info in prepared.servers.items()},
        "sandbox": {"kind": prepared.sandbox, "why": prepared.sandbox_reason},
        "machine": machine(),
    }
