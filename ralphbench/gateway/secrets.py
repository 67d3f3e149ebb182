"""Keys live in this process alone. Whatever leaves it as text goes through here first."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Mapping

_SHORTEST = 6
"""A shorter value is not a secret, and taking it out would garble other words."""
_LOGINS = 64
_NAMES = ("authorization", "api-key", "token", "cookie", "secret")


class Redactor(logging.Filter):
    """Takes known keys out of texts and log records."""

    def __init__(self) -> None:
        super().__init__()
        self._secrets: set[str] = set()
        self._logins: deque[str] = deque(maxlen=_LOGINS)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Remember the keys among an upstream's headers, with and without their scheme."""
        self._secrets.update(_keys(headers))

    def learn_login(self, headers: Mapping[str, str]) -> None:
        """The same for an agent's own login: the latest few, since an agent may send whatever it likes."""
        self._logins.extend(key for key in _keys(headers) if key not in self._logins)

    def clean(self, text: str) -> str:
        for secret in (*self._secrets, *self._logins):
            text = text.replace(secret, "[key]")
        return text

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.clean(record.getMessage()), ()
        if record.exc_info:
            # A traceback's last line holds the message of the exception, which may quote a header.
            record.exc_text = self.clean(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        return True


def _keys(headers: Mapping[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        if any(part in name.lower() for part in _NAMES):
            yield from (part for part in (value, value.rpartition(" ")[2]) if len(part) >= _SHORTEST)
