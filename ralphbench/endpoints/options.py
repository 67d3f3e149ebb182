"""What an endpoint's `options` may hold: each kind names its own, others are refused."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from ralphbench.errors import ConfigError
from ralphbench.model import GATEWAY_OPTIONS, EndpointSpec

DIALECTS = ("chat", "responses", "messages")


def check_options(spec: EndpointSpec, known: Mapping[str, type]) -> dict[str, Any]:
    """The options as given, each of them the kind's own (`known`, by type) or the gateway's. Raises ConfigError."""
    allowed = {**GATEWAY_OPTIONS, **known}
    for key, value in spec.options.items():
        where = f"endpoints.{spec.name}.options.{key}"
        if key not in allowed:
            near = get_close_matches(key, allowed, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            listed = ", ".join(sorted(allowed))
            raise ConfigError(
                f"an endpoint of kind {spec.kind!r} has no such option{hint} (known: {listed})", key=where
            )
        if not _is(value, allowed[key]):
            raise ConfigError(f"expected {_WORDS[allowed[key]]}, found {value!r}", key=where)
    return dict(spec.options)


_WORDS: Mapping[type, str] = {
    bool: "true or false",
    str: "a text",
    int: "a whole number",
    float: "a number",
    dict: "a mapping",
}


def _is(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float) if kind is float else isinstance(value, kind)


def dialect_of(spec: EndpointSpec, options: Mapping[str, Any], *, spoken: tuple[str, ...], default: str) -> str:
    """The dialect that agents speak to this endpoint. Raises ConfigError for one that it does not speak."""
    dialect = str(options.get("dialect", default))
    if dialect not in spoken:
        where = f"endpoints.{spec.name}.options.dialect"
        raise ConfigError(f"{dialect!r} is not spoken there (spoken: {', '.join(spoken)})", key=where)
    return dialect
