"""From what YAML gave to a checked model: every mistake of pydantic in the words of the file, with line and key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from ralphbench.config.problems import ConfigErrors, describe, did_you_mean
from ralphbench.config.yamlfile import Document, KeyPath, dotted
from ralphbench.errors import ConfigError

W = TypeVar("W", bound="Words")


class Words(BaseModel):
    """What the user may write in one place. Frozen; an unknown key is a mistake; nothing is converted in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    hints: ClassVar[Mapping[str, tuple[str, str | None]]] = {}
    """Keys that people write here and that belong elsewhere: what to say instead of "did you mean", and the remedy."""


EXPECTED = {
    "string_type": "expected text",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "bool_type": "expected true or false",
    "dict_type": "expected a map",
    "model_type": "expected a map",
    "model_attributes_type": "expected a map",
    "list_type": "expected a list",
    "finite_number": "expected a number",
}


def check(model: type[W], data: Any, document: Document, path: KeyPath = ()) -> W:
    """`data`, that stands at `path` of `document`, as a model. Raises ConfigError, ConfigErrors for several mistakes."""
    if data is None and not path:
        raise ConfigError("is empty", file=document.file)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = [_problem(model, dict(item), document, path) for item in error.errors(include_url=False)]
        found.sort(key=lambda problem: problem.line or 0)
        if len(found) == 1:
            raise found[0] from None
        raise ConfigErrors(found) from None


def _problem(model: type[Words], item: dict[str, Any], document: Document, path: KeyPath) -> ConfigError:
    where = (*path, *(part for part in item["loc"] if part != "[key]"))
    if item["type"] == "extra_forbidden":
        return _unknown_key(model, item["loc"], document, where)
    message = _message(item)
    if item["type"] in ("string_type", "list_type") and isinstance(item["input"], (bool, int, float)):
        message += "; put it into quotes" if item["type"] == "string_type" else ""
    if item["type"] == "list_type" and isinstance(item["input"], str):
        message += f"; did you mean [{item['input']}]?"
    return document.error(where, message)


def _message(item: Mapping[str, Any]) -> str:
    kind, context = item["type"], item.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return str(context["error"])
    if kind in EXPECTED:
        return f"{EXPECTED[kind]}, found {describe(item['input'])}"
    if kind in ("greater_than", "greater_than_equal"):
        least = f"more than {context['gt']}" if kind == "greater_than" else f"at least {context['ge']}"
        return f"expected {least}, found {describe(item['input'])}"
    if kind in ("too_short", "string_too_short"):
        return "expected at least one entry, found none" if kind == "too_short" else "expected text, found ''"
    return f"{item['msg'][0].lower()}{item['msg'][1:]}, found {describe(item['input'])}"


def _unknown_key(model: type[Words], location: KeyPath, document: Document, where: KeyPath) -> ConfigError:
    key = str(location[-1])
    holder = _model_at(model, location[:-1])
    if key in holder.hints:
        message, remedy = holder.hints[key]
        return document.error(where, message, remedy=remedy)
    known = tuple(field.alias or name for name, field in holder.model_fields.items())
    place = f"{dotted(where[:-1])} has" if where[:-1] else "the file has"
    message = f"there is no such key{did_you_mean(key, known)} ({place}: {', '.join(known)})"
    return document.error(where, message)


def _model_at(model: type[Words], location: KeyPath) -> type[Words]:
    """The model that a place of the data is checked by."""
    kind: Any = model
    for part in location:
        fields = getattr(kind, "model_fields", None)
        if fields is not None and part in fields:
            kind = _inner(fields[part].annotation)
        elif part != "[key]":
            kind = _inner(kind)
    holder = _inner(kind)
    return holder if isinstance(holder, type) and issubclass(holder, Words) else model


def _inner(kind: Any) -> Any:
    """The model inside `X | None`, `list[X]`, `dict[str, X]` and `Annotated[X, ...]`; the type itself where there is none."""
    if isinstance(kind, type) and issubclass(kind, Words):
        return kind
    for argument in get_args(kind):
        found = _inner(argument)
        if isinstance(found, type) and issubclass(found, Words):
            return found
    return kind
