"""Keys live in this process alone. Whatever leaves it as text goes through here first."""

from __future__ import annotations

import logging
from collections.abc import Mapping

_SHORTEST = 6
"""A shorter value is not a secret, and taking it out would garble other words."""
_NAMES = ("authorization", "api-key", "token", "cookie", "secret")


class Redactor(logging.Filter):
    """Takes known keys out of texts and log records."""

    def __init__(self) -> None:
        super().__init__()
        self._secrets: set[str] = set()

    def learn(self, headers: Mapping[str, str]) -> None:
        """Remember the keys among an upstream's headers, with and without their scheme."""
        for name, value in headers.items():
            if any(part in name.lower() for part in _NAMES):
                self._secrets.update(part for part in (value, value.rpartition(" ")[2]) if len(part) >= _SHORTEST)

    def clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "[key]")
        return text

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.clean(record.getMessage()), ()
        if record.exc_info:
            # A traceback's last line holds the message of the exception, which may quote a header.
            record.exc_text = self.clean(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        return True
