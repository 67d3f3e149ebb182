"""The dataclasses of the record as msgspec structs of the same fields: the same JSON is read, in half the time.

For whoever reads results by the thousand. What a struct refuses, the dataclass refuses, and the other way round: both come from
the same types. Enums are their text.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import types
import typing
from typing import Any

import msgspec


def struct_of(kind: type) -> type[msgspec.Struct]:
    """A struct with the fields of a dataclass, in their order; those of the dataclasses in it likewise."""
    hints = typing.get_type_hints(kind)
    fields = [(field.name, _type_of(hints[field.name]), _default_of(field)) for field in dataclasses.fields(kind)]
    # No cycle can be made of them: the collector need not look.
    return msgspec.defstruct(kind.__name__, fields, gc=False)


def _default_of(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default.value if isinstance(field.default, enum.Enum) else field.default
    if field.default_factory is not dataclasses.MISSING:
        return msgspec.field(default_factory=field.default_factory)
    return msgspec.NODEFAULT


def _type_of(hint: Any) -> Any:
    if dataclasses.is_dataclass(hint):
        return struct_of(typing.cast(type, hint))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return typing.Literal[tuple(member.value for member in hint)]
    origin, inner = typing.get_origin(hint), tuple(map(_type_of, typing.get_args(hint)))
    if origin is None:
        return hint
    if origin in (types.UnionType, typing.Union):
        return typing.Union[inner]  # noqa: UP007  # of what is known only now
    return (dict if origin is collections.abc.Mapping else origin)[inner]
