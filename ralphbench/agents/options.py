"""The options that a profile gives an agent, read one by one; what nobody asked for is refused."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from ralphbench.errors import ConfigError


class Options:
    """`agent_options` of a profile. Every method raises ConfigError where the value is of another kind."""

    def __init__(self, agent: str, given: Mapping[str, Any]) -> None:
        self._agent = agent
        self._given = dict(given)
        self._known: list[str] = []

    def _take(self, name: str) -> Any:
        self._known.append(name)
        return self._given.pop(name, None)

    def _wrong(self, name: str, value: object, expected: str) -> ConfigError:
        return ConfigError(f"expected {expected}, found {value!r}", key=f"agent_options.{name}")

    def seconds(self, name: str, default: float) -> float:
        value = self._take(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise self._wrong(name, value, "seconds, more than 0")
        return float(value)

    def text(self, name: str) -> str | None:
        value = self._take(name)
        if value is not None and not isinstance(value, str):
            raise self._wrong(name, value, "text")
        return value

    def refuse_others(self) -> None:
        """Raises ConfigError for an option that was not asked for, with the nearest that was."""
        for name in self._given:
            near = get_close_matches(name, self._known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            known = ", ".join(sorted(self._known)) or "none"
            message = f"agent {self._agent} has no option {name!r}{hint} (known: {known})"
            raise ConfigError(message, key=f"agent_options.{name}")
