"""Which symbolic links of a tree lead out of it, told from the tree alone, without touching the file system."""

from __future__ import annotations

from collections.abc import Mapping

_HOPS = 40
"""As many as the kernel follows."""


def leaving(links: Mapping[bytes, bytes]) -> list[bytes]:
    """The links that lead out of the tree, sorted. `links`: path of each link in the tree to what it says.

    A link out is one that is absolute, or that climbs above the root at any step when it is followed as the kernel
    would, through the other links. A link to nowhere, or in a circle, stays inside.
    """
    return sorted(path for path in links if _leaves(path, links))


def _leaves(path: bytes, links: Mapping[bytes, bytes]) -> bool:
    at: list[bytes] = path.split(b"/")[:-1]
    ahead = _names(links[path])
    if links[path].startswith(b"/"):
        return True
    hops = 0
    while ahead:
        name = ahead.pop()
        if name == b"..":
            if not at:
                return True
            at.pop()
            continue
        at.append(name)
        target = links.get(b"/".join(at))
        if target is None:
            continue
        hops += 1
        if target.startswith(b"/"):
            return True
        if hops > _HOPS:
            return False
        at.pop()
        ahead += _names(target)
    return False


def _names(target: bytes) -> list[bytes]:
    """The names of a path, last first, without those that mean nothing."""
    return [name for name in reversed(target.split(b"/")) if name not in (b"", b".")]
