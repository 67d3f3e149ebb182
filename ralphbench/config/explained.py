"""Every effective value and where it came from: what `--dry-run` prints."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from ralphbench.config import units
from ralphbench.config.names import TASK_FILE
from ralphbench.config.yamlfile import Document, KeyPath, read_yaml
from ralphbench.model import EndpointSpec, Experiment, Gate, Limits, Profile, Sampling, StageModel, Task
from ralphbench.model.codec import dumps


@dataclass(frozen=True, slots=True)
class Explained:
    """One row. `key` is dotted; `value` is text; `origin` is `experiment.yaml:7`, `default`, `--repeats`."""

    key: str
    value: str
    origin: str


def explain(experiment: Experiment) -> tuple[Explained, ...]:
    """All effective values, ordered: the experiment, limits, tasks, profiles by stage, endpoints, agents. No key is read."""
    rows = [*_head(experiment), *_limits(experiment, experiment.limits, "limits", None)]
    for name, limits in experiment.unequal_limits.items():
        rows += _limits(experiment, limits, f"profiles.{name}.limits", "limits")
    for task in experiment.tasks:
        rows += _task(task)
    planner = experiment.planner
    extra = (planner,) if planner and planner not in experiment.profiles else ()
    for profile in (*experiment.profiles, *extra):
        rows += _profile(experiment, profile)
    for spec in experiment.endpoints.values():
        rows += _endpoint(experiment, spec)
    for name, command in experiment.agents.items():
        rows.append(Explained(f"agents.{name}", _json(command), _origin(experiment, f"agents.{name}")))
    return tuple(rows)


def _origin(experiment: Experiment, key: str) -> str:
    return experiment.origins.get(key, "default")


def _json(value: Any) -> str:
    return dumps(value).decode()


def _head(experiment: Experiment) -> Iterator[Explained]:
    plan = experiment.plan
    values = {
        "question": experiment.question,
        "why": experiment.why or "not said",
        "tasks": ", ".join(task.name for task in experiment.tasks),
        "profiles": ", ".join(profile.name for profile in experiment.profiles),
        "baseline": experiment.baseline or "none",
        "repeats": str(experiment.repeats),
        "plan": "own" if plan.source is None else f"shared, {plan.kind.value} {plan.source}",
        "sandbox": experiment.sandbox,
        "void_retries": str(experiment.void_retries),
        "unequal_limits": "true" if experiment.unequal_limits else "false",
        "seed": str(experiment.seed),
        "order": experiment.order,
        "results": str(experiment.results / experiment.name),
    }
    for key, value in values.items():
        yield Explained(key, value, _origin(experiment, key))


_LIMIT_TEXT = {
    "wall_time": units.format_duration,
    "stage_timeout": units.format_duration,
    "idle_timeout": units.format_duration,
    "tokens": units.format_tokens,
    "cost": units.format_money,
    "context": units.format_ratio,
}


def _limits(experiment: Experiment, limits: Limits, prefix: str, below: str | None) -> Iterator[Explained]:
    """`below`: where a value comes from that is not said at `prefix`."""
    for field in fields(Limits):
        key, value = f"{prefix}.{field.name}", getattr(limits, field.name)
        origin = experiment.origins.get(key) or _origin(experiment, f"{below}.{field.name}")
        yield Explained(key, "no cap" if value is None else _LIMIT_TEXT.get(field.name, str)(value), origin)


def _task(task: Task) -> Iterator[Explained]:
    file, target = task.folder / TASK_FILE, task.target
    # None: the task comes from a record, which keeps what the file said and not the file.
    document = read_yaml(file, label=f"{task.folder.name}/{TASK_FILE}") if file.is_file() else None
    data = {} if document is None else document.data
    values: dict[KeyPath, str] = {
        ("title",): task.title,
        ("spec",): str(data.get("spec", "spec.md")),
        ("target",): str(target.path or target.repo),
        ("target", "base"): target.base or "the folder as it is",
        ("phases",): task.phase or ", ".join(task.phases) or "none",
        ("protected",): ", ".join(task.protected) or "none",
        ("replaced",): ", ".join(task.replaced) or "none",
    }
    prefix = f"tasks.{task.name}"
    yield Explained(f"{prefix}.folder", str(task.folder), "found")
    for path, value in values.items():
        yield Explained(f"{prefix}.{path[-1]}", value, _written(document, path))
    yield Explained(
        f"{prefix}.references", ", ".join(path.name for path in task.references) or "none", task.folder.name
    )
    written = {gate.get("id"): n for n, gate in enumerate(data.get("gates", ()))}
    for gate in task.gates:
        origin = _RECORDED if document is None else document.origin(("gates", written.get(gate.id, 0)))
        yield Explained(f"{prefix}.gates.{gate.id}", _gate(gate), origin)
    yield Explained(f"{prefix}.digest", task.digest, "computed")
    yield Explained(f"{prefix}.gates_digest", task.gates_digest, "computed")


_RECORDED = "the record"


def _written(document: Document | None, path: KeyPath) -> str:
    if document is None:
        return _RECORDED
    return document.origin(path) if path in document.lines else "default"


def _gate(gate: Gate) -> str:
    parts = [gate.kind.value]
    parts += [f"phase {gate.phase}"] if gate.phase else []
    parts += [f"weight {gate.weight:g}"] if gate.kind.value == "goal" else []
    parts.append(units.format_duration(gate.timeout))
    if gate.report:
        parts.append(f"{gate.report.format} {gate.report.path} of at least {gate.report.min_tests} tests")
    return f"{', '.join(parts)}: {gate.run}"


def _profile(experiment: Experiment, profile: Profile) -> Iterator[Explained]:
    for stage, model in profile.stages.items():
        for key, value in _stage(model):
            row = f"profiles.{profile.name}.{stage.value}.{key}"
            yield Explained(row, value, _origin(experiment, row))


def _stage(model: StageModel) -> Iterator[tuple[str, str]]:
    yield "model", str(model.model)
    yield "agent", model.agent
    yield "context", "not stated" if model.context is None else units.format_tokens(model.context)
    yield "output", "not stated" if model.output is None else units.format_tokens(model.output)
    yield "variant", model.variant or "not stated"
    for field in fields(Sampling):
        value = getattr(model.sampling, field.name)
        if value is not None and value != {}:
            yield f"sampling.{field.name}", _json(value) if isinstance(value, dict) else str(value)
    if model.sampling == Sampling():
        yield "sampling", "the server's own"
    if model.agent_options:
        yield "agent_options", _json(model.agent_options)


def _endpoint(experiment: Experiment, spec: EndpointSpec) -> Iterator[Explained]:
    values = {
        "kind": spec.kind,
        "base_url": spec.base_url or "the kind's own",
        "auth": spec.auth,
        "api_key_env": _key(spec),
        "slots": str(spec.slots),
        "local": "by its address and kind" if spec.local is None else str(spec.local).lower(),
    }
    values |= {"script": spec.script} if spec.script else {}
    values |= {
        f"price.{key}": f"{units.format_money(value)} a million tokens" for key, value in (spec.price or {}).items()
    }
    values |= {"options": _json(spec.options)} if spec.options else {}
    for key, value in values.items():
        row = f"endpoints.{spec.name}.{key}"
        yield Explained(row, value, _origin(experiment, row))


def _key(spec: EndpointSpec) -> str:
    """The variable's name and whether it is set; never what is in it."""
    if spec.api_key_env is None:
        return "none"
    return f"{spec.api_key_env} ({'set' if os.environ.get(spec.api_key_env) else 'not set'})"
