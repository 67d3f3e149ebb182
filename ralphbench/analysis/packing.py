"""A column as bytes: small on its way from one process to another, and made without numpy, which takes long to load."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

CODE = "i"
_FORMS = {"int64": "q", "Int64": "q", "Float64": "d"}


@dataclass(slots=True)
class Packed:
    """A column of one of the types of `columns`."""

    rows: int
    values: bytes | None
    """Eight bytes a number, one a truth, four a text (its place in `texts`). None: nothing is known; all are the one text."""
    unknown: bytes | None = None
    """One byte a row, 1 where it is unknown; None: all are known."""
    texts: Sequence[str | None] = ()


def pack(values: Sequence[Any], kind: str) -> Packed:
    """Pack a column. Raises TypeError and OverflowError for what is not of its kind."""
    if kind == "str":
        return _texts(values)
    try:
        return Packed(len(values), _bytes(values, kind))
    except TypeError:
        unknown = values.count(None)
        if not unknown or kind in ("bool", "int64"):
            raise
    if unknown == len(values):
        return Packed(len(values), None)
    known = [0 if value is None else value for value in values]
    return Packed(len(values), _bytes(known, kind), bytes([value is None for value in values]))


def pack_counts(counts: Sequence[int]) -> bytes:
    return array(CODE, counts).tobytes()


def _bytes(values: Sequence[Any], kind: str) -> bytes:
    return array(_FORMS[kind], values).tobytes() if kind in _FORMS else bytes(values)


def _texts(values: Sequence[str | None]) -> Packed:
    """There are few different ones in a column, as a rule."""
    places = {text: place for place, text in enumerate(dict.fromkeys(values))}
    if len(places) == 1:
        return Packed(len(values), None, texts=tuple(places))
    return Packed(len(values), array(CODE, map(places.__getitem__, values)).tobytes(), texts=tuple(places))
