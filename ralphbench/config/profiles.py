"""From what profiles.yaml says to contenders with all five stages resolved, each value with its origin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ralphbench.config.asking import ask_agent
from ralphbench.config.layers import MODEL_BOUND, Catalog, Sourced, Tree, branch, lay, leaf, leaves
from ralphbench.config.plugins import installed
from ralphbench.config.problems import Problems
from ralphbench.errors import UnknownName, UsageError
from ralphbench.model import Limits, ModelRef, Profile, Sampling, Stage, StageModel

DEFAULT_AGENT = "opencode"
FIRST_PROMPT = 8000
"""Tokens: about what opencode sends before it has read a single file."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A profile, where each of its values came from, and limits of its own, if it has any."""

    profile: Profile
    origins: dict[str, str]
    """By `<stage>.<field>`."""
    limits: Tree = field(default_factory=dict)


def resolve_profile(name: str, catalog: Catalog, problems: Problems, *, where: str) -> Resolved | None:
    """The profile of a name; None where `problems` say why not. `where`: who asked for it."""
    if name not in catalog.profiles:
        problems.add(UnknownName("profile", name, tuple(catalog.profiles), where=where))
        return None
    try:
        tree = _extended(name, catalog)
    except UsageError as error:
        problems.add(error)
        return None
    origins: dict[str, str] = {}
    stages: dict[Stage, StageModel] = {}
    for stage in Stage:
        with problems.collected():
            stages[stage] = _stage(name, stage, tree, catalog, origins, where)
    title = leaf(catalog.profiles[name], "title")
    if len(stages) < len(Stage):
        return None
    return Resolved(Profile(name, stages, title.value if title else ""), origins, branch(tree, "limits"))


def _extended(name: str, catalog: Catalog) -> Tree:
    """A profile laid over the one it extends, over the one that that extends."""
    chain = [name]
    while parent := leaf(catalog.profiles[chain[-1]], "extends"):
        if parent.value in chain:
            what = "itself" if parent.value == chain[-1] else " -> ".join([*chain, parent.value])
            message = f"extends {what}; a profile is laid over outer ones of its name anyway"
            raise parent.document.error(parent.path, message)
        if parent.value not in catalog.profiles:
            known = tuple(n for n in catalog.profiles if n != chain[-1])
            raise UnknownName("profile", parent.value, known, where=parent.where)
        chain.append(parent.value)
    tree: Tree = {}
    # From the outermost inwards, so that a new model sheds what any of those before said of the old one.
    for extended in reversed(chain):
        tree = lay(tree, catalog.profiles[extended])
    return tree


def _stage(name: str, stage: Stage, tree: Tree, catalog: Catalog, origins: dict[str, str], where: str) -> StageModel:
    own = branch(branch(tree, "stages"), stage.value)
    layers = [catalog.defaults, tree, own]
    model = _last(layers, "model")
    if model is None:
        raise _no_model(name, stage, catalog, where)
    agent = _last(layers, "agent")
    facts = _facts(model.value, agent, layers, catalog)
    _note(origins, stage.value, {"model": model, **({"agent": agent} if agent else {}), **facts})
    _check_names(model, agent, catalog)
    named = agent.value if agent else DEFAULT_AGENT
    ask_agent(named, leaf(facts, "agent_options"), catalog.agents.get(named))
    output, context = leaf(facts, "output"), leaf(facts, "context")
    if output and context and output.value >= context.value:
        raise output.document.error(
            output.path, f"{output.value} tokens of answer leave no room in a context of {context.value}"
        )
    return StageModel(
        model=ModelRef.parse(model.value),
        agent=named,
        context=_value(facts, "context"),
        output=_value(facts, "output"),
        variant=_value(facts, "variant"),
        sampling=Sampling(
            **{key: part.value for key, part in branch(facts, "sampling").items() if isinstance(part, Sourced)}
        ),
        agent_options=_value(facts, "agent_options") or {},
    )


def _no_model(name: str, stage: Stage, catalog: Catalog, where: str) -> UsageError:
    message = f"profile {name!r} names no model for its stage {stage.value!r}"
    remedy = f"{name}: {{model: <endpoint>/<model>}}"
    written = next(iter(leaves(catalog.profiles[name])), None)
    if written is None:
        return UsageError(f"{where}: {message}", remedy=remedy)
    return written.document.error(written.path[: written.path.index(name) + 1], message, remedy=remedy)


def _facts(model: str, agent: Sourced | None, layers: list[Tree], catalog: Catalog) -> Tree:
    """Window, sampling and the like of one stage: defaults, then what is said of the model, the profile, the stage.

    What a profile says of its own model is not true of another one that a stage names.
    """
    defaults, profile, own = layers
    known = catalog.models.get(model, {})
    profile_model, profile_agent = leaf(profile, "model"), leaf(profile, "agent")
    if profile_model is not None and profile_model.value != model:
        profile = {key: value for key, value in profile.items() if key not in MODEL_BOUND}
    if agent is not None and profile_agent is not None and profile_agent.value != agent.value:
        profile = {key: value for key, value in profile.items() if key != "agent_options"}
    facts: Tree = {}
    for layer in (defaults, known, profile, own):
        facts = lay(facts, {key: value for key, value in layer.items() if key in MODEL_BOUND or key == "agent_options"})
    return facts


def _last(layers: list[Tree], key: str) -> Sourced | None:
    return next((found for layer in reversed(layers) if (found := leaf(layer, key))), None)


def _value(tree: Tree, key: str) -> Any:
    found = leaf(tree, key)
    return found.value if found else None


def _note(origins: dict[str, str], prefix: str, tree: Tree) -> None:
    for key, value in tree.items():
        if isinstance(value, Sourced):
            origins[f"{prefix}.{key}"] = value.origin
        else:
            _note(origins, f"{prefix}.{key}", value)


def _check_names(model: Sourced, agent: Sourced | None, catalog: Catalog) -> None:
    endpoint = ModelRef.parse(model.value).endpoint
    if endpoint not in catalog.endpoints:
        raise UnknownName("endpoint", endpoint, tuple(catalog.endpoints), where=model.where)
    # `command` is a way to describe an agent, not one.
    known = (*(n for n in installed("agents") if n != "command"), *catalog.agents)
    if agent is not None and agent.value not in known:
        raise UnknownName("agent", agent.value, known, where=agent.where)


def own_limits(limits: Tree, common: Limits) -> Limits:
    """An experiment's limits with a profile's own laid over them."""
    from dataclasses import replace

    return replace(common, **{key: part.value for key, part in limits.items() if isinstance(part, Sourced)})


def warnings_of(profiles: tuple[Profile, ...]) -> tuple[str, ...]:
    """What is allowed and probably not meant."""
    found: list[str] = []
    for n, profile in enumerate(profiles):
        for other in profiles[:n]:
            if other.stages == profile.stages:
                found.append(f"profiles {other.name!r} and {profile.name!r} are the same contender under two names")
        windows: dict[int, list[str]] = {}
        for stage, model in profile.stages.items():
            if model.agent == DEFAULT_AGENT and model.context is not None and model.context < FIRST_PROMPT:
                windows.setdefault(model.context, []).append(stage.value)
        found += [
            f"profile {profile.name!r} states a context of {window} tokens for {', '.join(stages)}: "
            f"opencode's first prompt alone is about {FIRST_PROMPT}"
            for window, stages in windows.items()
        ]
    return tuple(found)
