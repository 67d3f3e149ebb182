"""From the plain values of an answer to its shapes: everything that is wrong is told at once, since there is one repair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from ralphbench.loop.shapes import ExpectShape

S = TypeVar("S", bound=Struct)


@dataclass(slots=True)
class Notes:
    """What is to be said of an answer."""

    errors: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    """Unknown keys."""


def convert(value: Any, kind: type[S], where: str, notes: Notes) -> S | None:
    """The shape, or None and the errors. `where`: the value's place in the answer; empty: it is the answer."""
    value = _without_nothing(value, kind)
    notes.ignored += _unknown(value, kind, where)
    errors = list(_problems(value, kind, where))
    notes.errors += errors
    return None if errors else msgspec.convert(value, kind)


def items(value: Mapping[str, Any], key: str) -> list[Any]:
    """The list under a key; empty where there is none: that something else is there is told of the whole."""
    found = value.get(key)
    return found if isinstance(found, list) else []


def texts(value: Any) -> list[str]:
    """The strings of what should be a list of them."""
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def deep(value: Any, *keys: str) -> Any:
    """The value under keys inside one another; None where one is missing."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _without_nothing(value: Any, kind: type[Struct]) -> Any:
    """Without a null in the place of a list or an object that may be left out, and without an empty pattern."""
    if not isinstance(value, Mapping):
        return value
    known = {info.name: info for info in fields(kind)}
    return {
        key: _without_nothing(inner, known[key].type) if key in known and _is_shape(known[key].type) else inner
        for key, inner in value.items()
        if not (key in known and _is_nothing(inner, kind, known[key]))
    }


def _is_nothing(value: Any, kind: type[Struct], info: FieldInfo) -> bool:
    if kind is ExpectShape and info.name == "stdout":
        return value is None or value == ""
    return value is None and info.default_factory is not msgspec.NODEFAULT


def _unknown(value: Any, kind: type[Struct], where: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        return
    known = {info.name: info.type for info in fields(kind)}
    for key, inner in value.items():
        if key not in known:
            yield f"{where}.{key}".lstrip(".")
        elif _is_shape(known[key]):
            yield from _unknown(inner, known[key], f"{where}.{key}")


def _problems(value: Any, kind: Any, where: str) -> Iterator[str]:
    """Every error, each with its place; msgspec itself stops at the first one."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$")
        inner = [problem for part in _parts(value, kind, where) for problem in _problems(*part)]
        inner += [f"{where.lstrip('.') or 'the object'}: {text}" for text in _missing(value, kind)]
        path = (where + place.rstrip("`")).lstrip(".") or "the object"
        yield from inner or [f"{path}: {what[:1].lower()}{what[1:]}"]


def _parts(value: Any, kind: Any, where: str) -> Iterator[tuple[Any, Any, str]]:
    """(value, its type, its place) of all that a value holds."""
    if _is_shape(kind) and isinstance(value, Mapping):
        for info in fields(kind):
            if info.name in value:
                yield value[info.name], info.type, f"{where}.{info.name}"
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if get_origin(plain) is list and isinstance(value, list):
        for k, item in enumerate(value):
            yield item, get_args(plain)[0], f"{where}[{k}]"
    elif get_origin(plain) is dict and isinstance(value, Mapping):
        for key, item in value.items():
            yield item, get_args(plain)[1], f"{where}.{key}"


def _missing(value: Any, kind: Any) -> Iterator[str]:
    if _is_shape(kind) and isinstance(value, Mapping):
        for info in fields(kind):
            if info.required and info.name not in value:
                yield f"object missing required field `{info.name}`"


def _is_shape(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)
