"""Endpoints by kind, through the same door for ours and for a third party's: entry points `ralphbench.endpoints`."""

from __future__ import annotations

from typing import cast

from ralphbench.endpoints.names import in_the_cloud
from ralphbench.endpoints.protocol import Endpoint, PricedElsewhere, PriceTerms
from ralphbench.errors import EndpointError, UnknownName
from ralphbench.model import EndpointSpec

GROUP = "ralphbench.endpoints"


def load_endpoint(spec: EndpointSpec) -> Endpoint:
    """The endpoint that a spec describes. Asks nothing of the server.

    Raises UnknownName for a kind that nobody registered, ConfigError for options that the kind does not have,
    EndpointError where its code cannot be loaded.
    """
    from importlib.metadata import entry_points

    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    entry = found.get(spec.kind)
    if entry is None:
        raise UnknownName("kind of endpoint", spec.kind, tuple(sorted(found)), where=f"endpoint {spec.name!r}")
    try:
        made = entry.load()
    except (ImportError, AttributeError) as error:
        raise EndpointError(
            f"endpoint {spec.name!r}: kind {spec.kind!r} ({entry.value}) cannot be loaded: {error}",
            remedy="pip install --force-reinstall ralphbench",
        ) from error
    return cast(Endpoint, made(spec))


def is_local(endpoint: Endpoint, model: str) -> bool:
    """Whether calls of this model cost nothing but the user's own electricity. What the user says in `local` counts."""
    return endpoint.local() and (endpoint.spec.local is True or not in_the_cloud(model))


def price_terms(endpoint: Endpoint, model: str, *, provider: str | None) -> PriceTerms:
    """What the price of a model at an endpoint is looked up by. `provider`: as its `upstream()` says."""
    elsewhere = endpoint.price_terms(model) if isinstance(endpoint, PricedElsewhere) else None
    return elsewhere or PriceTerms(endpoint.spec, provider, is_local(endpoint, model))
