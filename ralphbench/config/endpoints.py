"""From what endpoints.yaml says to the endpoints that the chosen profiles use. Keys are named here, never held."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ralphbench.config.asking import ask_endpoint
from ralphbench.config.layers import Catalog, Sourced, Tree, branch, leaf
from ralphbench.config.plugins import installed
from ralphbench.config.variables import expand
from ralphbench.errors import ConfigError, UnknownName
from ralphbench.model import EndpointSpec

SCRIPTED = ("scripted", "replay")


def resolve_endpoint(name: str, catalog: Catalog) -> tuple[EndpointSpec, dict[str, str]]:
    """The endpoint and the origins of its fields. Raises ConfigError; UnknownName for a kind that nothing implements."""
    tree = catalog.endpoints[name]
    kind = _kind(name, tree)
    price = {
        key: part for key, part in branch(tree, "price").items() if isinstance(part, Sourced) and part.value is not None
    }
    spec = EndpointSpec(
        name=name,
        kind=kind,
        base_url=_base_url(tree),
        api_key_env=_value(tree, "api_key_env", None),
        auth=_value(tree, "auth", "key"),
        slots=_value(tree, "slots", 1),
        local=_value(tree, "local", None),
        script=_script(name, kind, tree),
        price={key: part.value for key, part in price.items()} or None,
        options=_value(tree, "options", {}),
    )
    ask_endpoint(spec, tree)
    origins = {key: part.origin for key, part in tree.items() if isinstance(part, Sourced)}
    origins |= {f"price.{key}": part.origin for key, part in price.items()}
    return spec, origins


def _value(tree: Tree, key: str, default: Any) -> Any:
    found = leaf(tree, key)
    return found.value if found else default


def _any(tree: Tree) -> Sourced | None:
    return next((part for part in tree.values() if isinstance(part, Sourced)), None)


def _kind(name: str, tree: Tree) -> str:
    found = leaf(tree, "kind")
    kinds = installed("endpoints")
    if found is None:
        first = _any(tree)
        message = f"endpoint {name!r} has no kind (kinds: {', '.join(kinds)})"
        if first is None:
            raise ConfigError(message, remedy=f"{name}: {{kind: {kinds[0]}, base_url: ...}}")
        raise first.document.error(first.path[:-1], message)
    if found.value not in kinds:
        raise UnknownName("kind of endpoint", found.value, kinds, where=found.where)
    return str(found.value)


def _expanded(found: Sourced) -> str:
    try:
        return expand(found.value)
    except ValueError as error:
        raise found.document.error(found.path, str(error)) from error


def _base_url(tree: Tree) -> str | None:
    found = leaf(tree, "base_url")
    if found is None:
        return None
    url = _expanded(found)
    expected = "expected an address like http://127.0.0.1:1234"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise found.document.error(found.path, f"{expected}, found {url!r}: {error}") from error
    if not usable:
        raise found.document.error(found.path, f"{expected}, found {url!r}")
    if parts.username or parts.password:
        # Not repeated in the message: it would end in a log.
        raise found.document.error(
            found.path,
            "the address holds a user or password, which would end in the records",
            remedy="api_key_env: NAME",
        )
    return url


def _script(name: str, kind: str, tree: Tree) -> str | None:
    """The script's path, absolute: it is written relative to the file that names it."""
    found = leaf(tree, "script")
    if found is None:
        if kind in SCRIPTED:
            first = _any(tree)
            assert first is not None
            raise first.document.error(first.path[:-1], f"endpoint {name!r} of kind {kind} needs script: <path>")
        return None
    if kind not in SCRIPTED:
        raise found.document.error(
            found.path, f"only endpoints of kind {' and '.join(SCRIPTED)} have a script, not {kind}"
        )
    path = found.document.file.parent / Path(_expanded(found))
    if not path.exists():
        raise found.document.error(found.path, f"there is no {path}", remedy=f"ls {path.parent}")
    return str(path.resolve())
