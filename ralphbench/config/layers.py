"""profiles.yaml, endpoints.yaml and agents.yaml, from the shared ones inwards: the inner word wins, and each keeps its origin.

Layers, outermost first: `experiments/<file>`, `experiments/<name>/<file>`, the maps inside experiment.yaml. Entries of one
name are laid over each other key by key. Where an inner layer names another model, what the outer one said of the old model
(`context`, `output`, `variant`, `sampling`) goes with the old model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from ralphbench.config.names import name_problem
from ralphbench.config.plugins import installed
from ralphbench.config.problems import Problems, describe
from ralphbench.config.yamlfile import Document, KeyPath, read_yaml

if TYPE_CHECKING:
    from ralphbench.config.checked import Words

AGENTS_FILE = "agents.yaml"
MODEL_BOUND = frozenset(("context", "output", "variant", "sampling"))


@dataclass(frozen=True, slots=True)
class Sourced:
    """One value and where the user wrote it."""

    value: Any
    document: Document
    path: KeyPath

    @property
    def origin(self) -> str:
        return self.document.origin(self.path)

    @property
    def where(self) -> str:
        return self.document.where(self.path)


Tree: TypeAlias = dict[str, Union["Tree", Sourced]]


@dataclass(slots=True)
class Catalog:
    """All that is known by name, before anything is chosen."""

    defaults: Tree = field(default_factory=dict)
    models: dict[str, Tree] = field(default_factory=dict)
    profiles: dict[str, Tree] = field(default_factory=dict)
    endpoints: dict[str, Tree] = field(default_factory=dict)
    agents: dict[str, Sourced] = field(default_factory=dict)


def tree_of(words: Words, document: Document, path: KeyPath) -> Tree:
    """What the user wrote of a model, without its defaults. Free maps are one value; a null takes an outer value back."""
    from ralphbench.config.checked import Words as WordsType

    tree: Tree = {}
    for name in type(words).model_fields:
        if name not in words.model_fields_set:
            continue
        value, here = getattr(words, name), (*path, name)
        if isinstance(value, WordsType):
            tree[name] = tree_of(value, document, here)
        elif isinstance(value, dict) and value and all(isinstance(part, WordsType) for part in value.values()):
            tree[name] = {key: tree_of(part, document, (*here, key)) for key, part in value.items()}
        else:
            tree[name] = Sourced(value, document, here)
    return tree


def lay(under: Tree, over: Tree) -> Tree:
    """`over` upon `under`, key by key."""
    result = dict(under)
    old, new = under.get("model"), over.get("model")
    if isinstance(old, Sourced) and isinstance(new, Sourced) and old.value != new.value:
        result = {key: value for key, value in result.items() if key not in MODEL_BOUND}
    for key, value in over.items():
        below = result.get(key)
        result[key] = lay(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def branch(tree: Tree, key: str) -> Tree:
    """The map at a key; an empty one where there is none."""
    found = tree.get(key)
    return found if isinstance(found, dict) else {}


def leaf(tree: Tree, key: str) -> Sourced | None:
    """The value at a key; None where there is none, or where it was taken back."""
    found = tree.get(key)
    return found if isinstance(found, Sourced) and found.value is not None else None


def leaves(tree: Tree) -> list[Sourced]:
    """Every value of a tree, in the order of the file."""
    found: list[Sourced] = []
    for value in tree.values():
        found += [value] if isinstance(value, Sourced) else leaves(value)
    return found


def read_shared(folder: Path, catalog: Catalog, problems: Problems, *, inside: bool = False) -> None:
    """Lay the three files of a folder, as far as they are there, over the catalog. `inside`: an experiment's own folder."""
    readers: dict[str, Callable[[Document, Catalog, Problems], None]] = {
        "profiles.yaml": _read_profiles,
        "endpoints.yaml": _read_endpoints,
        AGENTS_FILE: _read_agents,
    }
    for name, reader in readers.items():
        if (folder / name).is_file():
            with problems.collected():
                reader(_document(folder / name, f"{folder.name}/{name}" if inside else name), catalog, problems)


def _document(file: Path, label: str) -> Document:
    document = read_yaml(file, label=label)
    if document.data is not None and not isinstance(document.data, dict):
        raise document.error((), f"expected a map of names, found {describe(document.data)}")
    return document


def _read_profiles(document: Document, catalog: Catalog, problems: Problems) -> None:
    from ralphbench.config.checked import check
    from ralphbench.config.words import DefaultsWords, ModelWords, ProfileWords

    for name, value in (document.data or {}).items():
        path: KeyPath = (name,)
        with problems.collected():
            if name == "defaults":
                catalog.defaults = lay(
                    catalog.defaults, tree_of(check(DefaultsWords, value, document, path), document, path)
                )
            elif name == "models":
                _entries(document, path, value, ModelWords, catalog.models, problems)
            else:
                _check_name(document, path, name)
                _put(catalog.profiles, name, tree_of(check(ProfileWords, value, document, path), document, path))


def _read_endpoints(document: Document, catalog: Catalog, problems: Problems) -> None:
    from ralphbench.config.words import EndpointWords

    _entries(document, (), document.data or {}, EndpointWords, catalog.endpoints, problems)


def _entries(
    document: Document, path: KeyPath, values: Any, kind: type[Words], into: dict[str, Tree], problems: Problems
) -> None:
    from ralphbench.config.checked import check

    if not isinstance(values, dict):
        raise document.error(path, f"expected a map of names, found {describe(values)}")
    for name, value in values.items():
        with problems.collected():
            here = (*path, name)
            if path == ("models",):
                _check_model(document, here, name)
            else:
                _check_name(document, here, name)
            _put(into, name, tree_of(check(kind, value, document, here), document, here))


def _read_agents(document: Document, catalog: Catalog, problems: Problems) -> None:
    for name, value in (document.data or {}).items():
        with problems.collected():
            _check_name(document, (name,), name)
            if not isinstance(value, dict):
                raise document.error((name,), f"expected a map that describes the command, found {describe(value)}")
            _put_agent(catalog, Sourced(value, document, (name,)))


def described_agents(folder: Path) -> dict[str, Any]:
    """The `command` agents that a folder's agents.yaml describes, by name. Raises ConfigError, ConfigErrors."""
    catalog, problems = Catalog(), Problems()
    if (folder / AGENTS_FILE).is_file():
        with problems.collected():
            _read_agents(_document(folder / AGENTS_FILE, AGENTS_FILE), catalog, problems)
    problems.raise_if_any()
    return {name: agent.value for name, agent in catalog.agents.items()}


def _put_agent(catalog: Catalog, agent: Sourced) -> None:
    name = str(agent.path[-1])
    if name in installed("agents"):
        raise agent.document.error(agent.path, "an agent of that name is there already; give yours another one")
    catalog.agents[name] = agent


def _check_name(document: Document, path: KeyPath, name: str) -> None:
    problem = name_problem(name)
    if problem:
        raise document.error(path, problem)


def _check_model(document: Document, path: KeyPath, name: str) -> None:
    from ralphbench.model import ModelRef

    try:
        ModelRef.parse(name)
    except ValueError as error:
        raise document.error(path, str(error)) from error


def _put(into: dict[str, Tree], name: str, tree: Tree) -> None:
    into[name] = lay(into.get(name, {}), tree)


def lay_inline(words: Words, document: Document, catalog: Catalog) -> None:
    """The maps inside experiment.yaml: the innermost layer. `words` is ExperimentWords."""
    tree = tree_of(words, document, ())
    catalog.defaults = lay(catalog.defaults, branch(tree, "defaults"))
    for key, into in (("models", catalog.models), ("profiles", catalog.profiles), ("endpoints", catalog.endpoints)):
        for name, entry in branch(tree, key).items():
            # A name alone says nothing of its own: only what exists elsewhere is meant.
            if isinstance(entry, dict) and entry:
                _put(into, name, entry)
    agents = leaf(tree, "agents")
    for name, value in agents.value.items() if agents else ():
        _put_agent(catalog, Sourced(value, document, ("agents", name)))
