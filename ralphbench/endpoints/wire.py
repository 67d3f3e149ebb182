"""How an answer looks on the wire: one class a dialect, each as the real servers stream it."""

from __future__ import annotations

from typing import Protocol

from ralphbench.endpoints.answers import Answer
from ralphbench.endpoints.wire_chat import ChatWire
from ralphbench.endpoints.wire_messages import MessagesWire
from ralphbench.endpoints.wire_responses import ResponsesWire


class Wire(Protocol):
    """Renders answers of one dialect, as server-sent events or whole."""

    def head(self, answer: Answer) -> list[bytes]:
        """What is sent at once, before any content."""

    def body(self, answer: Answer) -> list[tuple[bytes, int]]:
        """Events with content, and how many tokens each holds."""

    def tail(self, answer: Answer, sent: int) -> list[bytes]:
        """Finish reason, usage and the end; `sent` counts the events before."""

    def whole(self, answer: Answer) -> bytes:
        """The answer where no stream was asked for."""

    def error(self, message: str, kind: str) -> bytes:
        """An event in mid-stream that says that it went wrong."""


WIRES: dict[str, Wire] = {"chat": ChatWire(), "responses": ResponsesWire(), "messages": MessagesWire()}
