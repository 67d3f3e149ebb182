"""Sandboxes by name. Built-in ones and those of third parties come through the same entry points."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import cast

from ralphbench.errors import SandboxError, UnknownName
from ralphbench.sandbox.protocol import Sandbox, SandboxKind, SandboxSpec

GROUP = "ralphbench.sandboxes"
_BEST_FIRST = ("docker", "bubblewrap", "host")


def choose(kind: str) -> tuple[str, str]:
    """(name, why) for what the user asked for; `auto` takes the tightest one that works here.

    Raises UnknownName, and SandboxError where a sandbox that was asked for by name does not work here.
    """
    known = _registered()
    if kind != "auto":
        reason = _kind(kind, known).unavailable()
        if reason is not None:
            raise SandboxError(f"sandbox {kind!r} cannot be used here: {reason}", remedy="sandbox: auto")
        return kind, "asked for"
    refused: list[str] = []
    for name in _BEST_FIRST:
        reason = _kind(name, known).unavailable() if name in known else "not in this version"
        if reason is None:
            why = "; ".join(refused)
            return name, f"the tightest that works here ({why})" if why else "the tightest there is"
        refused.append(f"{name}: {reason}")
    raise SandboxError(f"no sandbox can be used here: {'; '.join(refused)}")


def open_sandbox(kind: str, spec: SandboxSpec) -> Sandbox:
    """Open a sandbox of this kind; `auto` as in `choose`. Raises UnknownName, SandboxError, DiskError."""
    name, _ = choose(kind)
    return _kind(name, _registered())(spec)


def _registered() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _kind(name: str, known: dict[str, EntryPoint]) -> SandboxKind:
    if name not in known:
        raise UnknownName("sandbox", name, ("auto", *sorted(known)))
    return cast(SandboxKind, known[name].load())
