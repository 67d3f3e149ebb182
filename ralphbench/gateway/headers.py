"""Which headers travel. Connections are ours on both sides, keys are the upstream's, waiting is the gateway's."""

from __future__ import annotations

from collections.abc import Mapping

from multidict import CIMultiDict

_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
}
_BODY = {"content-length", "content-encoding", "accept-encoding", "host"}
_KEYS = {"authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"}
_WAITING = {"retry-after", "retry-after-ms", "x-should-retry"}
_NOT_SENT = frozenset(_HOP | _BODY)
_NOT_RETURNED = frozenset(_HOP | _BODY | _WAITING | {"set-cookie", "server", "date", "alt-svc"})

SESSION = "x-session-id"
PARENT_SESSION = "x-parent-session-id"
_LONGEST_NAME = 200


def to_upstream(asked: Mapping[str, str], own: Mapping[str, str], *, passthrough: bool) -> CIMultiDict[str]:
    """The agent's headers without its key (unless that is the login to be used), and the upstream's own. What comes more
    than once goes on so.
    """
    sent: CIMultiDict[str] = CIMultiDict()
    for name, value in asked.items():
        low = name.lower()
        if low in _NOT_SENT or (low in _KEYS and not passthrough):
            continue
        sent.add(name, value)
    sent["Accept-Encoding"] = "identity"
    for name, value in own.items():
        if not passthrough or name not in sent:
            sent[name] = value
    return sent


def to_agent(received: Mapping[str, str]) -> CIMultiDict[str]:
    """The server's headers without those of its connection and its body, and without any word about waiting."""
    returned: CIMultiDict[str] = CIMultiDict()
    for name, value in received.items():
        low = name.lower()
        if low not in _NOT_RETURNED and not low.startswith(("x-ratelimit", "anthropic-ratelimit", "ratelimit")):
            returned.add(name, value)
    return returned


def session(asked: Mapping[str, str], name: str) -> str | None:
    """Which session a call belongs to, by the header `name`. One that no agent would give is taken for none: it becomes a
    key in memory and a word in the record.
    """
    said = asked.get(name)
    return said if said and len(said) <= _LONGEST_NAME and said.isascii() else None
