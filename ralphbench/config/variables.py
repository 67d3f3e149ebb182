"""`$NAME` and `${NAME}` from the environment, in the few fields that say so."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

_VARIABLE = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*)|)", re.ASCII)


def expand(text: str, environment: Mapping[str, str] | None = None) -> str:
    """`$HOME/src` with the variable's value; `$$` is a dollar sign; a leading `~/` is `$HOME/`.

    Raises ValueError that names a variable which is not set or empty (an empty one would make `$HOME/src` be `/src`), and
    for a `$` that begins no name.
    """
    known = os.environ if environment is None else environment

    def value(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        name = found[1] or found[2]
        if name is None:
            raise ValueError(f"the '$' in {text!r} begins no variable's name; write '$$' for a dollar sign")
        if not known.get(name):
            state = "empty" if name in known else "not set"
            raise ValueError(f"the variable {name} in {text!r} is {state}")
        return known[name]

    return _VARIABLE.sub(value, f"$HOME/{text[2:]}" if text.startswith("~/") else text)
