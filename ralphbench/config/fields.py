"""The kinds of field that the user's files are made of."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from ralphbench.config import units
from ralphbench.config.names import name_problem
from ralphbench.config.problems import describe, did_you_mean
from ralphbench.model import ModelRef

_ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def _name(name: str) -> str:
    problem = name_problem(name)
    if problem:
        raise ValueError(problem)
    return name


def one_of(*words: str) -> BeforeValidator:
    """A word of a small vocabulary, with "did you mean": `Annotated[str, one_of("a", "b")]`."""

    def known(value: object) -> object:
        if value not in words:
            near = did_you_mean(value, words) if isinstance(value, str) else ""
            raise ValueError(f"expected {' or '.join(words)}, found {describe(value)}{near}")
        return value

    return BeforeValidator(known)


def _positive(reader: Callable[[object], Any], cap: str) -> Any:
    def read(value: object) -> Any:
        number = reader(value)
        if number <= 0:
            raise ValueError(f"expected more than 0, found {describe(value)}{cap}")
        return number

    return read


def _model_ref(text: str) -> str:
    ModelRef.parse(text)
    return text


def _environment_name(text: str) -> str:
    if not _ENVIRONMENT.fullmatch(text):
        # Not repeated in the message: it may be a key.
        raise ValueError(
            "expected the name of an environment variable such as OPENAI_API_KEY; a key itself is never written down"
        )
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("expected text, found none")
    return text


_NO_CAP = "; leave the key out for no cap"
Text = Annotated[str, AfterValidator(_not_blank)]
Name = Annotated[str, AfterValidator(_name)]
Seconds = Annotated[float, BeforeValidator(_positive(units.duration, ""))]
Tokens = Annotated[int, BeforeValidator(_positive(units.tokens, ""))]
TokenCap = Annotated[int, BeforeValidator(_positive(units.tokens, _NO_CAP))]
Money = Annotated[float, BeforeValidator(_positive(units.money, _NO_CAP))]
Ratio = Annotated[float, BeforeValidator(units.ratio)]
Count = Annotated[int, Field(ge=1)]
ModelName = Annotated[str, AfterValidator(_model_ref)]
EnvironmentName = Annotated[str, AfterValidator(_environment_name)]
