"""Names of what is registered, without loading any of it."""

from __future__ import annotations

from functools import cache


@cache
def installed(what: str) -> tuple[str, ...]:
    """Names of the entry points `ralphbench.<what>`: agents, endpoints, sandboxes."""
    from importlib.metadata import entry_points

    return tuple(sorted({point.name for point in entry_points(group=f"ralphbench.{what}")}))
