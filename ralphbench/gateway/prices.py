"""What a call costs. Unknown is None, and never zero.

The price table is `genai-prices`, pinned with the package; it is read only where an endpoint has no price of its own
and is not local, since it is the heaviest thing that the gateway can load.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ralphbench.model import EndpointSpec, Usage

MILLION = 1_000_000


class Price(Protocol):
    """The price of one model at one endpoint."""

    @property
    def source(self) -> str:
        """Where it comes from: what the call's record says."""

    def cost(self, usage: Usage) -> float | None:
        """USD. None where the server did not count, or where its counts contradict each other. Raises nothing."""


@dataclass(frozen=True, slots=True)
class LocalPrice:
    """The user's own machine: no money changes hands."""

    source: str = "local"

    def cost(self, usage: Usage) -> float | None:
        return 0.0


@dataclass(frozen=True, slots=True)
class StatedPrice:
    """What the endpoint's description says, in USD per million tokens."""

    input: float
    output: float
    cache_read: float
    cache_write: float
    source: str = "endpoint"

    @classmethod
    def of(cls, price: Mapping[str, float]) -> StatedPrice:
        """Cached parts cost as much as others where nothing is said of them."""
        return cls(
            price["input"],
            price["output"],
            price.get("cache_read", price["input"]),
            price.get("cache_write", price["input"]),
        )

    def cost(self, usage: Usage) -> float | None:
        if usage.input is None or usage.output is None:
            return None
        read, written = usage.cache_read or 0, usage.cache_write or 0
        fresh = usage.input - read - written
        if fresh < 0:
            return None
        total = fresh * self.input + read * self.cache_read + written * self.cache_write + usage.output * self.output
        return total / MILLION


@dataclass(frozen=True, slots=True)
class TablePrice:
    """From the price table, at today's price. A server that does not tell cached tokens apart is taken at full price."""

    provider: str
    model: str
    source: str

    def cost(self, usage: Usage) -> float | None:
        from genai_prices import Usage as Counted
        from genai_prices import calc_price

        if usage.input is None or usage.output is None:
            return None
        counted = Counted(
            input_tokens=usage.input,
            output_tokens=usage.output,
            cache_read_tokens=usage.cache_read,
            cache_write_tokens=usage.cache_write,
        )
        try:
            return float(calc_price(counted, self.model, provider_id=self.provider).total_price)
        except (LookupError, ValueError, ArithmeticError):
            return None  # no such model, or counts that cannot be


def table_version() -> str:
    """The price table's name and version; its data has the date of its release."""
    return f"genai-prices {importlib.metadata.version('genai-prices')}"


def find_price(spec: EndpointSpec, model: str, *, provider: str | None, local: bool) -> Price | None:
    """None: unknown. The endpoint's own price goes before everything else, also for a local one."""
    if spec.price is not None and "input" in spec.price and "output" in spec.price:
        return StatedPrice.of(spec.price)
    if local:
        return LocalPrice()
    if provider is None:
        return None
    source = table_version()
    if spec.auth == "passthrough":
        source += ", list-price equivalent"
    price = TablePrice(provider, model, source)
    return None if price.cost(Usage(input=1000, output=1000)) is None else price


def table_context(provider: str | None, model: str) -> int | None:
    """The model's context window by the price table; None: not known there."""
    if provider is None:
        return None
    from genai_prices import Usage as Counted
    from genai_prices import calc_price

    try:
        found = calc_price(Counted(input_tokens=1, output_tokens=1), model, provider_id=provider)
    except LookupError:
        return None
    return found.model.context_window
