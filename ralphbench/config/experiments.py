"""An experiment, whole: its file, the shared files, its tasks, profiles and endpoints, and what the command line changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ralphbench.config.draft import Draft, Overrides
from ralphbench.config.endpoints import resolve_endpoint
from ralphbench.config.layers import lay_inline, leaves, read_shared
from ralphbench.config.limits import common_limits, unequal_limits, unequal_warning
from ralphbench.config.names import EXPERIMENT_FILE, find_experiment, name_problem
from ralphbench.config.plans import plan_mode, plan_warnings
from ralphbench.config.plugins import installed
from ralphbench.config.profiles import Resolved, resolve_profile, warnings_of
from ralphbench.config.select import select_among, select_tasks
from ralphbench.config.tasks import load_task
from ralphbench.config.yamlfile import Document, read_yaml
from ralphbench.errors import ConfigError, UnknownName, UsageError
from ralphbench.model import EndpointSpec, Experiment, PlanMode, Profile, Task


def load_experiment(name_or_path: str, *, root: Path, overrides: Overrides | None = None) -> Experiment:
    """Everything that `run` will do, resolved and checked; nothing is started and no server is asked.

    `root` is the folder of experiments. Raises UnknownName, ConfigError; ConfigErrors where there are several mistakes.
    """
    from ralphbench.config.checked import check
    from ralphbench.config.words import ExperimentWords

    folder = find_experiment(name_or_path, root)
    document = read_yaml(folder / EXPERIMENT_FILE)
    draft = Draft(
        document,
        check(ExperimentWords, document.data, document),
        overrides or Overrides(),
        spec_folders(folder, overrides.specs if overrides else ()),
        folder.parent,
    )
    _check_name(folder)
    _read_layers(draft)
    tasks = _tasks(draft)
    resolved, planner = _profiles(draft)
    draft.problems.raise_if_any()
    experiment = _experiment(draft, tasks, resolved, planner)
    draft.problems.raise_if_any()
    return experiment


def spec_folders(experiment: Path, further: tuple[Path, ...] = ()) -> tuple[Path, ...]:
    """Where tasks are looked for, in order: the experiment's own `specs/`, `--specs`, `specs/` beside `experiments/`."""
    return (experiment / "specs", *further, experiment.parent.parent / "specs")


def _check_name(folder: Path) -> None:
    problem = name_problem(folder.name)
    if problem:
        raise ConfigError(f"the experiment's folder gives its name: {problem}", file=folder)


def _read_layers(draft: Draft) -> None:
    read_shared(draft.root, draft.catalog, draft.problems)
    read_shared(draft.document.file.parent, draft.catalog, draft.problems, inside=True)
    draft.problems.raise_if_any()
    with draft.problems.collected():
        lay_inline(draft.words, draft.document, draft.catalog)
    _check_reserved(draft)


def _check_reserved(draft: Draft) -> None:
    from ralphbench.config.words import RESERVED

    for name, meaning in RESERVED.items():
        if name in draft.catalog.profiles:
            written = next(iter(leaves(draft.catalog.profiles[name])), None)
            where = f"{written.where}: " if written else ""
            draft.problems.add(UsageError(f"{where}profile {name!r}: the name is taken, it is {meaning}"))


def _tasks(draft: Draft) -> tuple[Task, ...]:
    names: tuple[str, ...] = ()
    for n, word in enumerate(draft.words.tasks):
        with draft.problems.collected():
            chosen = select_tasks([word], draft.specs, where=draft.document.where(("tasks", n)))
            names = tuple(dict.fromkeys((*names, *chosen)))
    draft.origins["tasks"] = draft.origin("tasks")
    if draft.overrides.tasks and names:
        with draft.problems.collected():
            every = names
            names = select_among(draft.overrides.tasks, names, where=f"--task of {draft.document.file.parent.name}")
            draft.other_tasks = tuple(name for name in every if name not in names)
            draft.origins["tasks"] = "--task"
    tasks: list[Task] = []
    for name in names:
        with draft.problems.collected():
            task = load_task(name, *draft.specs)
            tasks.append(task)
            draft.origins[f"tasks.{name}"] = f"{task.folder}/task.yaml"
    return tuple(tasks)


def _profiles(draft: Draft) -> tuple[list[Resolved], Resolved | None]:
    """The contenders, and the profile that plans for all, where one does."""
    names, document = tuple(draft.words.profiles), draft.document
    baseline = draft.words.baseline
    if baseline is not None and baseline not in names:
        draft.problems.add(
            UnknownName("profile of this experiment", baseline, names, where=document.where(("baseline",)))
        )
    draft.origins["profiles"] = draft.origin("profiles")
    if draft.overrides.profiles:
        for name in draft.overrides.profiles:
            if name not in names:
                flag = f"--profile of {document.file.parent.name}"
                draft.problems.add(UnknownName("profile of this experiment", name, names, where=flag))
        draft.origins["profiles"] = "--profile"
    shared = draft.words.plan.shared
    by = shared.by if shared else None
    resolved = {
        name: resolve_profile(name, draft.catalog, draft.problems, where=_asked_for(document, name, n))
        for n, name in enumerate(names)
        if name in (draft.overrides.profiles or names)
    }
    planner = None
    if by is not None:
        planner = resolved.get(by) or resolve_profile(
            by, draft.catalog, draft.problems, where=document.where(("plan", "shared", "by"))
        )
    return [one for one in resolved.values() if one is not None], planner


def _asked_for(document: Document, name: str, n: int) -> str:
    """Where the file names its n-th profile: in a list or in a map."""
    return document.where(("profiles", n if ("profiles", n) in document.lines else name))


def _experiment(
    draft: Draft, tasks: tuple[Task, ...], resolved: list[Resolved], planner: Resolved | None
) -> Experiment:
    words, document = draft.words, draft.document
    profiles = tuple(one.profile for one in resolved)
    everyone = (*profiles, *([planner.profile] if planner else []))
    _note_origins(draft, [*resolved, *([planner] if planner else [])])
    limits, plan = common_limits(draft), _plan(draft, tasks)
    unequal = unequal_limits(draft, resolved, limits)
    return Experiment(
        name=document.file.parent.name,
        folder=document.file.parent.resolve(),
        question=words.question,
        why=words.why or "",
        tasks=tasks,
        profiles=profiles,
        endpoints=_endpoints(draft, everyone),
        limits=limits,
        baseline=words.baseline,
        repeats=_chosen(draft, "repeats", least=1),
        plan=plan,
        sandbox=_sandbox(draft),
        void_retries=_chosen(draft, "void_retries", least=0),
        unequal_limits=unequal,
        seed=_chosen(draft, "seed", least=None),
        order=words.order,
        results=(draft.overrides.results or Path("results")).absolute(),
        origins=draft.origins,
        agents=_agents(draft, everyone),
        planner=planner.profile if planner else None,
        other_profiles=tuple(name for name in words.profiles if name not in {p.name for p in profiles}),
        other_tasks=draft.other_tasks,
        warnings=(*unequal_warning(unequal), *warnings_of(profiles), *plan_warnings(plan, tasks)),
    )


def _note_origins(draft: Draft, resolved: list[Resolved]) -> None:
    for key in ("question", "why", "baseline", "order", "unequal_limits", "plan"):
        draft.origins[key] = draft.origin(key)
    for one in resolved:
        draft.origins |= {f"profiles.{one.profile.name}.{key}": origin for key, origin in one.origins.items()}


def _plan(draft: Draft, tasks: tuple[Task, ...]) -> PlanMode:
    try:
        return plan_mode(draft.words.plan, draft.document, tasks, draft.root)
    except UsageError as error:
        draft.problems.add(error)
        return PlanMode()


def _chosen(draft: Draft, key: str, *, least: int | None) -> Any:
    """A value of the command line, else of the file, else the default; its origin is noted."""
    given = getattr(draft.overrides, key)
    if given is None:
        draft.origins[key] = draft.origin(key)
        return getattr(draft.words, key)
    flag = f"--{key.replace('_', '-')}"
    if least is not None and given < least:
        draft.problems.add(UsageError(f"{flag}: expected at least {least}, found {given}"))
    draft.origins[key] = flag
    return given


def _sandbox(draft: Draft) -> str:
    sandbox = str(_chosen(draft, "sandbox", least=None))
    known = ("auto", *installed("sandboxes"))
    if sandbox not in known:
        where = "--sandbox" if draft.overrides.sandbox is not None else draft.document.where(("sandbox",))
        draft.problems.add(UnknownName("sandbox", sandbox, known, where=where))
    return sandbox


def _endpoints(draft: Draft, profiles: tuple[Profile, ...]) -> dict[str, EndpointSpec]:
    """Those that a chosen profile uses: variables of the others need not be set."""
    used = dict.fromkeys(model.model.endpoint for profile in profiles for model in profile.stages.values())
    specs: dict[str, EndpointSpec] = {}
    for name in used:
        with draft.problems.collected():
            specs[name], origins = resolve_endpoint(name, draft.catalog)
            draft.origins |= {f"endpoints.{name}.{key}": origin for key, origin in origins.items()}
    return specs


def _agents(draft: Draft, profiles: tuple[Profile, ...]) -> dict[str, Any]:
    used = dict.fromkeys(model.agent for profile in profiles for model in profile.stages.values())
    found = {name: draft.catalog.agents[name] for name in used if name in draft.catalog.agents}
    draft.origins |= {f"agents.{name}": agent.origin for name, agent in found.items()}
    return {name: agent.value for name, agent in found.items()}
