"""What makes two attempts comparable, as one hash: a cell counts as done only where its attempt's identity is today's.

In it: the task's base and spec, the effective profile, agents and their versions, prompts, limits, plan, kind of sandbox.
Not in it: the gates (old attempts can be judged by new ones) and operational settings: addresses, keys, slots, prices,
patience. Every field of the types below stands in exactly one of the two tables, and so does every option of an endpoint;
a test fails for a new one that stands in none.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ralphbench.model import EndpointSpec, Experiment, Limits, PlanModeKind, Profile, Sampling, StageModel, Task
from ralphbench.model.codec import builtins, canonical

VERSION = 1
"""Of the identity's own make-up: a change of it makes every older attempt stale."""

IDENTITY: Mapping[type, frozenset[str]] = {
    StageModel: frozenset(("model", "agent", "context", "output", "variant", "sampling", "agent_options")),
    Sampling: frozenset(("temperature", "top_p", "top_k", "min_p", "seed", "reasoning_effort", "extra")),
    Limits: frozenset(
        ("iterations", "wall_time", "failures", "stage_timeout", "idle_timeout", "tokens", "cost", "calls", "context")
    ),
    # The digest covers the rest of what the contender is given.
    Task: frozenset(("digest",)),
    EndpointSpec: frozenset(("kind", "options", "script")),
}
OPERATIONAL: Mapping[type, frozenset[str]] = {
    StageModel: frozenset(),
    Sampling: frozenset(),
    Limits: frozenset(),
    Task: frozenset(
        (
            # Covered by the digest.
            *("title", "spec", "target", "protected", "replaced", "phases", "phase", "start"),
            # Of the judges, and for finding and showing.
            *("gates", "gates_digest", "references", "name", "folder"),
            *("tags", "languages", "needs", "meta"),
            # In the identity as the plan's hash, where it is used.
            "plan",
        )
    ),
    # The name is part of the model's reference.
    EndpointSpec: frozenset(("name", "base_url", "api_key_env", "auth", "slots", "local", "price")),
}

IDENTITY_OPTIONS = frozenset(("dialect", "output_field", "strict"))
"""Of an endpoint's `options`: what changes the requests that the model gets. An option that nobody here knows, of a third
party's kind, counts as one of these.
"""
OPERATIONAL_OPTIONS = frozenset(
    (
        # How long is waited, and how often is tried again: a fault voids an attempt, it is no part of one.
        *("retries", "retry_max_seconds", "retry_base_seconds", "load_max_seconds", "connect_seconds", "stall_seconds"),
        # Of the checks before a run.
        *("tool_check", "timeout", "served_as"),
        *("load", "price_provider"),
    )
)


def identity(
    experiment: Experiment,
    task: Task,
    profile: Profile,
    *,
    agent_versions: Mapping[str, str],
    prompts_hash: str,
    sandbox: str,
    base_commit: str,
    plan_hash: str | None,
) -> str:
    """SHA-256 of the canonical JSON of `identity_parts`, in hex."""
    parts = identity_parts(
        experiment,
        task,
        profile,
        agent_versions=agent_versions,
        prompts_hash=prompts_hash,
        sandbox=sandbox,
        base_commit=base_commit,
        plan_hash=plan_hash,
    )
    return hashlib.sha256(canonical(parts)).hexdigest()


def identity_parts(
    experiment: Experiment,
    task: Task,
    profile: Profile,
    *,
    agent_versions: Mapping[str, str],
    prompts_hash: str,
    sandbox: str,
    base_commit: str,
    plan_hash: str | None,
) -> dict[str, Any]:
    """What the identity is made of, as plain values: kept in the manifest, it says what made an attempt stale.

    `agent_versions`: by agent, at least those of the profile. `sandbox`: the kind that was chosen, never `auto`.
    `plan_hash`: of a shared plan; None where the contender plans for itself. Raises KeyError for a missing version.
    """
    agents = sorted({model.agent for model in profile.stages.values()})
    endpoints = sorted({model.model.endpoint for model in profile.stages.values()})
    return {
        "version": VERSION,
        "task": _fields(task) | {"base": base_commit},
        "stages": {stage.value: _stage(model) for stage, model in profile.stages.items()},
        "endpoints": {name: _endpoint(experiment.endpoints[name]) for name in endpoints},
        "agents": {name: {"version": agent_versions[name], "command": experiment.agents.get(name)} for name in agents},
        "prompts": prompts_hash,
        "limits": _fields(experiment.limits_of(profile.name)),
        "plan": "own" if experiment.plan.kind is PlanModeKind.OWN else f"shared {plan_hash}",
        "sandbox": sandbox,
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> tuple[str, ...]:
    """Dotted keys at which two identities differ, each with both values: `limits.iterations: 25 -> 40`."""
    found: list[str] = []
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += differences(old, new, f"{prefix}{key}.")
        elif old != new:
            found.append(f"{prefix}{key}: {old} -> {new}")
    return tuple(found)


def _fields(value: Any) -> dict[str, Any]:
    return {name: builtins(getattr(value, name)) for name in IDENTITY[type(value)]}


def _stage(model: StageModel) -> dict[str, Any]:
    return _fields(model) | {"model": str(model.model), "sampling": _fields(model.sampling)}


def _endpoint(spec: EndpointSpec) -> dict[str, Any]:
    """A script is the model, so its content counts and not where it lies."""
    options = {key: value for key, value in spec.options.items() if key not in OPERATIONAL_OPTIONS}
    script = None if spec.script is None else _content(Path(spec.script))
    return _fields(spec) | {"options": builtins(options), "script": script}


def _content(path: Path) -> str:
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    # A recorded attempt: committed, so its files do not change, and too large to read for each cell.
    sizes = {
        os.path.relpath(Path(folder) / name, path): (Path(folder) / name).stat().st_size
        for folder, _, names in os.walk(path)
        for name in names
    }
    return hashlib.sha256(canonical(sizes)).hexdigest()
