"""What an endpoint's `options` may hold: each kind names its own, others are refused."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from ralphbench.errors import ConfigError
from ralphbench.model import EndpointSpec

DIALECTS = ("chat", "responses", "messages")


def check_options(spec: EndpointSpec, known: Mapping[str, type | tuple[type, ...]]) -> dict[str, Any]:
    """The options as given, each known and of its type. Raises ConfigError."""
    for key, value in spec.options.items():
        where = f"endpoints.{spec.name}.options.{key}"
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            listed = ", ".join(sorted(known)) or "none"
            raise ConfigError(
                f"an endpoint of kind {spec.kind!r} has no such option{hint} (known: {listed})", key=where
            )
        kind = known[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ConfigError(f"expected {_name(kind)}, found {value!r}", key=where)
    return dict(spec.options)


def dialect_of(spec: EndpointSpec, options: Mapping[str, Any], *, spoken: tuple[str, ...], default: str) -> str:
    """The dialect that agents speak to this endpoint. Raises ConfigError for one that it does not speak."""
    dialect = str(options.get("dialect", default))
    if dialect not in spoken:
        where = f"endpoints.{spec.name}.options.dialect"
        raise ConfigError(f"{dialect!r} is not spoken there (spoken: {', '.join(spoken)})", key=where)
    return dialect


def _name(kind: type | tuple[type, ...]) -> str:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return " or ".join({"bool": "true or false", "str": "a text"}.get(k.__name__, "a number") for k in kinds)
