"""Asks what is installed whether it can use what the user wrote for it, while file and line are still known.

An endpoint's options are its kind's own, an agent's options and description are the agent's: what they may be is not known
here. They are made as they will be for a run, through the same door, and what they refuse is told with its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from ralphbench.config.layers import Sourced, Tree, leaf
from ralphbench.errors import ConfigError, RalphbenchError
from ralphbench.model import EndpointSpec


def ask_endpoint(spec: EndpointSpec, tree: Tree) -> None:
    """Raises ConfigError. What else may be wrong with it is told by whoever asks its server."""
    try:
        _load("endpoints", spec.kind)(spec)
    except ConfigError as error:
        raise _placed(error, f"endpoints.{spec.name}.", tree) from error
    except (RalphbenchError, ImportError, AttributeError):
        return


def ask_agent(name: str, options: Sourced | None, described: Sourced | None) -> None:
    """`options`: a stage's `agent_options`; `described`: the agent's entry of agents.yaml. Raises ConfigError."""
    given: Mapping[str, Any] = options.value if options is not None else {}
    try:
        if described is not None:
            _load("agents", "command")(name, described.value, given)
        else:
            _load("agents", name)(given)
    except ConfigError as error:
        tree: Tree = {} if options is None else {"agent_options": options}
        if described is not None and (error.key or "").startswith(f"agents.{name}"):
            path = [part for part in (error.key or "").removeprefix(f"agents.{name}").split(".") if part]
            raise described.document.error((*described.path, *path), error.reason) from error
        raise _placed(error, "", tree) from error
    except (RalphbenchError, ImportError, AttributeError):
        return


def _placed(error: ConfigError, prefix: str, tree: Tree) -> ConfigError:
    """The same, where the user wrote it: `options.retriez` is a key in the map that stands at `options`."""
    if error.file is not None or error.key is None:
        return error
    field, _, inner = error.key.removeprefix(prefix).partition(".")
    found = leaf(tree, field)
    if found is None:
        return error
    path = (*found.path, inner) if inner else found.path
    return found.document.error(path, error.reason, remedy=error.remedy)


@cache
def _load(what: str, name: str) -> Any:
    from importlib.metadata import entry_points

    (point, *_) = entry_points(group=f"ralphbench.{what}", name=name)
    return point.load()
