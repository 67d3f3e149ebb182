"""Dataclasses to JSON and back, by their types. One place, so that what is written is what is read."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def _enc(value: Any) -> Any:
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"cannot write {type(value).__name__} as JSON")


def _dec(kind: type, value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise TypeError(f"cannot read {kind.__name__} from JSON")


_encoder = msgspec.json.Encoder(enc_hook=_enc)
_sorted = msgspec.json.Encoder(enc_hook=_enc, order="sorted")


def dumps(value: Any) -> bytes:
    """One line of JSON, no newline inside."""
    return _encoder.encode(value)


def canonical(value: Any) -> bytes:
    """JSON with sorted keys: equal values give equal bytes. What identities are hashed over."""
    return _sorted.encode(value)


def pretty(value: Any) -> bytes:
    """Indented JSON with a final newline, for files that people open."""
    return msgspec.json.format(_encoder.encode(value), indent=2) + b"\n"


def builtins(value: Any) -> Any:
    """Plain dicts, lists and scalars."""
    return msgspec.to_builtins(value, enc_hook=_enc)


def loads(data: bytes | str, kind: type[T]) -> T:
    """Raises `msgspec.DecodeError` (torn) or `msgspec.ValidationError` (another shape); both are ValueErrors."""
    return msgspec.json.decode(data, type=kind, dec_hook=_dec)


def decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """`loads` for many values of one type: several times as fast. Raises what `loads` raises."""
    return msgspec.json.Decoder(kind, dec_hook=_dec)


def loads_any(data: bytes | str) -> Any:
    return msgspec.json.decode(data)


def convert(value: Any, kind: type[T]) -> T:
    """From plain dicts and lists, as `loads_any` gives them."""
    return msgspec.convert(value, type=kind, dec_hook=_dec)
