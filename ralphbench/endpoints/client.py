"""Short questions to a model server: standard library only, and no surprise from a proxy on the way to loopback."""

from __future__ import annotations

import http.client
import ipaddress
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ralphbench.endpoints.faults import AUTH, classify, error_text
from ralphbench.errors import EndpointDown, EndpointError
from ralphbench.model import codec

T = TypeVar("T")

KEY_REMEDY = "check the variable that `api_key_env` names in endpoints.yaml"

ASK_SECONDS = 5.0
"""For a question about the server itself; one that makes a model answer says how long it waits."""


class ServerRefused(EndpointError):
    """The server answered with an error. `status` and `kind` (of `faults`) say which."""

    def __init__(self, message: str, *, status: int, kind: str, text: str, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status
        self.kind = kind
        self.text = text


def is_loopback(url: str) -> bool:
    """Whether an address is this machine's own."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback or ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Client:
    """Asks one server. `name` is the endpoint's, for messages."""

    name: str
    root: str
    """Without a slash at the end."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    start_hint: str | None = None
    """What to type where nothing answers."""

    def get(self, path: str, kind: type[T], *, timeout: float = ASK_SECONDS) -> T:
        """The JSON at a path, read as `kind`; keys that it does not know are left out.

        Raises EndpointDown (nothing answers, or nothing of that kind), ServerRefused (it answers with an error).
        """
        return self._read(path, self._ask(path, None, timeout), kind)

    def post(self, path: str, body: Mapping[str, Any], kind: type[T], *, timeout: float) -> T:
        """As `get`, with a JSON body."""
        return self._read(path, self._ask(path, codec.dumps(body), timeout), kind)

    def _read(self, path: str, answer: bytes, kind: type[T]) -> T:
        try:
            return codec.loads(answer, kind)
        except ValueError as error:
            start = answer[:80].decode("utf-8", "replace")
            raise EndpointDown(
                f"endpoint {self.name!r}: {self.root}{path} does not answer as such a server does ({error}): {start!r}",
                remedy=self.start_hint,
            ) from error

    def _ask(self, path: str, body: bytes | None, timeout: float) -> bytes:
        url = self.root + path
        headers = {"Accept": "application/json", "User-Agent": "ralphbench", **self.headers}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(url, data=body, headers=headers)
        proxies = urllib.request.ProxyHandler({} if is_loopback(url) else None)
        opener = urllib.request.build_opener(proxies)
        try:
            with opener.open(request, timeout=timeout) as response:
                return bytes(response.read())
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(url, error.code, error.read()) from error
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, OSError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            said = "no answer in time" if isinstance(reason, TimeoutError) else str(reason) or type(error).__name__
            raise EndpointDown(f"endpoint {self.name!r}: {url}: {said}", remedy=self.start_hint) from error

    def _refused(self, url: str, status: int, body: bytes) -> ServerRefused:
        text = error_text(body)
        kind = classify(status, text)
        return ServerRefused(
            f"endpoint {self.name!r}: {url} answered {status}: {text or 'no text'}",
            status=status,
            kind=kind,
            text=text,
            remedy=KEY_REMEDY if kind == AUTH else None,
        )
