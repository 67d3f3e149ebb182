"""Everything that is made sure of before a token is spent: targets, gates, agents, models, prices, disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ralphbench.agents import load_agent
from ralphbench.config import identity, identity_parts
from ralphbench.endpoints import Embedded, Endpoint, ModelInfo, load_endpoint, price_terms
from ralphbench.errors import (
    DiskFull,
    EndpointError,
    EnvironmentProblem,
    RalphbenchError,
    TaskError,
    UsageError,
    WorkspaceError,
)
from ralphbench.gateway.prices import find_price
from ralphbench.grading import Proof, keep_gates, prove_task, require_tools
from ralphbench.loop import prompts_hash
from ralphbench.model import Experiment, ModelRef, PlanModeKind, Profile, Stage, StageModel, Task
from ralphbench.record import ExperimentFolder, Quarantine, require_room
from ralphbench.sandbox import choose
from ralphbench.schedule.places import Places
from ralphbench.workspace import Mirror, prepare_mirror, refuse_inside

Say = Callable[[str], None]


@dataclass(slots=True)
class Prepared:
    """What was found out, by name."""

    experiment: Experiment
    places: Places
    sandbox: str
    sandbox_reason: str
    mirrors: dict[str, Mirror] = field(default_factory=dict)
    proofs: dict[str, Proof] = field(default_factory=dict)
    gates: dict[str, Path] = field(default_factory=dict)
    """Task to where what judges it is kept."""
    agents: dict[str, str] = field(default_factory=dict)
    """Agent to version."""
    models: dict[str, ModelInfo] = field(default_factory=dict)
    """`endpoint/model` to what its server says of it."""
    servers: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def identity(self, task: Task, profile: Profile, plan_hash: str | None) -> str:
        return identity(self.experiment, task, profile, **self._facts(task, plan_hash))

    def identity_parts(self, task: Task, profile: Profile, plan_hash: str | None) -> Mapping[str, Any]:
        return identity_parts(self.experiment, task, profile, **self._facts(task, plan_hash))

    def _facts(self, task: Task, plan_hash: str | None) -> dict[str, Any]:
        return {
            "agent_versions": self.agents,
            "prompts_hash": prompts_hash(),
            "sandbox": self.sandbox,
            "base_commit": self.mirrors[task.name].base,
            "plan_hash": plan_hash,
        }


def prepare(experiment: Experiment, places: Places, say: Say) -> Prepared:
    """Check what can be checked without a server: places, disk, agents, targets, gates. It is known
    then what identities are made of.

    Raises the first kind of problem found, with all of its kind in one message.
    """
    sandbox, reason = choose(experiment.sandbox)
    prepared = Prepared(experiment, places, sandbox, reason)
    prepared.warnings += experiment.warnings
    check_place(experiment, places)
    check_disk(experiment, places)
    _check_agents(prepared)
    _check_tasks(prepared, say)
    return prepared


def profiles_of(experiment: Experiment) -> tuple[Profile, ...]:
    """The contenders, and who plans for them where that is another."""
    planner = experiment.planner
    extra = () if planner is None or planner in experiment.profiles else (planner,)
    return (*experiment.profiles, *extra)


def stage_models(experiment: Experiment) -> Iterator[tuple[str, StageModel]]:
    """Every model that a stage of this experiment would be served by, with the profile's name; each once."""
    seen: set[tuple[Any, ...]] = set()
    for profile, model in _every_stage(experiment):
        key = (str(model.model), model.context, model.agent)
        if key not in seen:
            seen.add(key)
            yield profile.name, model


def _every_stage(experiment: Experiment) -> Iterator[tuple[Profile, StageModel]]:
    for profile in profiles_of(experiment):
        for stage in Stage:
            if stage is not Stage.PLAN or _plans(experiment, profile):
                yield profile, profile.stages[stage]


def _plans(experiment: Experiment, profile: Profile) -> bool:
    kind = experiment.plan.kind
    return kind is PlanModeKind.OWN or (kind is PlanModeKind.SHARED_BY and experiment.plan.source == profile.name)


def check_place(experiment: Experiment, places: Places) -> None:
    """Raises EnvironmentProblem where worktrees would lie in a repository, as where the home folder is one."""
    try:
        refuse_inside(places.workspaces(experiment.results, experiment.name))
    except WorkspaceError as error:
        raise EnvironmentProblem(error.message, remedy=error.remedy) from error


def check_disk(experiment: Experiment, places: Places) -> None:
    """Raises DiskError where the folders of records and worktrees cannot be written, or are all but full."""
    for folder in (experiment.results, places.cache):
        try:
            require_room(folder)
        except DiskFull as full:
            remedy = f"df -h {folder}; ralphbench clean {experiment.name}   # then type the same command again"
            raise DiskFull(full.message, remedy=remedy) from full


def _check_agents(prepared: Prepared) -> None:
    experiment = prepared.experiment
    for profile, model in stage_models(experiment):
        agent = load_agent(model.agent, model.agent_options, experiment.agents)
        dialect = load_endpoint(experiment.endpoints[model.model.endpoint]).dialect()
        if dialect not in agent.dialects:
            raise UsageError(
                f"profile {profile}: {model.model.endpoint} speaks {dialect!r}, the agent {model.agent} only "
                f"{', '.join(agent.dialects)}",
                remedy=f"give {profile} another agent in profiles.yaml (ralphbench agents list)",
            )
        if model.agent not in prepared.agents:
            prepared.agents[model.agent] = agent.version()


def _check_tasks(prepared: Prepared, say: Say) -> None:
    """Mirrors, and the proof of each task: `base` and `reference` go first, before anything is spent."""
    record, damaged = ExperimentFolder(prepared.experiment.results, prepared.experiment.name), Quarantine()
    tasks, scratch = prepared.experiment.tasks, prepared.places.grading
    # Also where all are proven: that was another day, or another PATH.
    require_tools({t.name: t.needs for t in tasks}, sandbox_kind=prepared.sandbox, scratch=scratch)
    for task in tasks:
        mirror = prepare_mirror(task, prepared.places.mirrors)
        prepared.mirrors[task.name] = mirror
        prepared.warnings += [f"{task.name}: {text}" for text in mirror.warnings]
        proof = _proof(prepared, task, mirror, say)
        if not proof.ok:
            problems = "\n  ".join(proof.problems)
            raise TaskError(
                f"task {task.name} cannot be used:\n  {problems}", remedy=f"ralphbench task check {task.name}"
            )
        prepared.proofs[task.name] = proof
        prepared.gates[task.name] = keep_gates(task, record.gates, damaged)
        prepared.warnings += [f"{task.name}: {text}" for text in proof.warnings]
    prepared.warnings += map(str, damaged)


def _proof(prepared: Prepared, task: Task, mirror: Mirror, say: Say) -> Proof:
    began, torn = time.time(), Quarantine()
    proof = prove_task(
        task,
        mirror,
        store=prepared.experiment.results / ".proofs",
        scratch=prepared.places.grading,
        sandbox_kind=prepared.sandbox,
        on_check=lambda: say(f"proving the gates of {task.name}: base must fail them, the reference must pass"),
        on_wait=lambda: say(f"another process is proving the gates of {task.name}; waiting for it"),
        quarantine=torn,
    )
    prepared.warnings += map(str, torn)
    if proof.created >= began:
        passed = sum(g.outcome == "pass" for g in proof.reference)
        say(
            f"  {task.name}: {'proven' if proof.ok else 'NOT USABLE'} in {proof.seconds:.1f} s, "
            f"reference passes {passed} of {len(proof.reference)} gates"
        )
    return proof


def check_models(prepared: Prepared, say: Say) -> None:
    """Ask each model's server whether it is there, large enough and calls tools: one tool call a model is all that is spent.

    Raises EndpointError, or EnvironmentProblem that holds several.
    """
    _refuse([*_unpriced(prepared.experiment)])
    problems: list[RalphbenchError] = []
    for profile, model in stage_models(prepared.experiment):
        endpoint = load_endpoint(prepared.experiment.endpoints[model.model.endpoint])
        try:
            if model.model.endpoint not in prepared.servers:
                prepared.servers[model.model.endpoint] = endpoint.server()
            say(f"asking {model.model} for a tool call ({profile})")
            prepared.models[str(model.model)] = endpoint.preflight(model)
        except EnvironmentProblem as problem:
            problems.append(problem)
    _refuse(problems)


def _refuse(problems: Sequence[RalphbenchError]) -> None:
    if len(problems) == 1:
        raise problems[0]
    if problems:
        text = "\n".join(f"- {problem}" for problem in problems)
        raise EnvironmentProblem(f"{len(problems)} models cannot be used:\n{text}")


def _unpriced(experiment: Experiment) -> Iterator[EndpointError]:
    """A cap on money means nothing where the price is unknown. Asked for each profile: its limits may be its own."""
    using: dict[ModelRef, list[str]] = {}
    for profile, model in _every_stage(experiment):
        if experiment.limits_of(profile.name).cost is not None:
            using.setdefault(model.model, []).append(profile.name)
    for ref, profiles in using.items():
        endpoint = load_endpoint(experiment.endpoints[ref.endpoint])
        provider = None if isinstance(endpoint, Embedded) else endpoint.upstream().price_provider
        terms = price_terms(endpoint, ref.model, provider=provider)
        names = ", ".join(dict.fromkeys(profiles))
        if _maybe_passed_on(endpoint):
            yield EndpointError(
                f"the cost of {names} is capped, and {ref.endpoint} is a server on this machine that may pass calls on to "
                "somebody who takes money",
                remedy=f"say in endpoints.yaml: {ref.endpoint}: {{local: true}} where it serves its models itself, else "
                "{local: false, price: {input: <USD a million tokens>, output: ...}}",
            )
        elif find_price(terms.spec, ref.model, provider=terms.provider, local=terms.local) is None:
            yield EndpointError(
                f"the cost of {names} is capped, and the price of {ref} is unknown",
                remedy=f"say in endpoints.yaml: {ref.endpoint}: {{price: {{input: <USD a million tokens>, output: ...}}}}",
            )


def _maybe_passed_on(endpoint: Endpoint) -> bool:
    """An OpenAI-compatible server on this machine may be a proxy; of the other kinds it is known what they are."""
    spec = endpoint.spec
    return spec.kind == "openai" and spec.local is None and spec.price is None and endpoint.local()
