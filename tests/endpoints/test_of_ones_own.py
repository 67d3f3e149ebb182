"""docs/endpoints.md says how to write an endpoint: what it says is tried."""

from __future__ import annotations

from typing import Any

from support.docs import blocks, section, tables

from ralphbench.endpoints import Endpoint, Loads
from ralphbench.endpoints.protocol import Embedded
from ralphbench.model import EndpointSpec

TEXT = section("docs/endpoints.md", "Writing one in Python")


def test_the_protocol_is_described_name_by_name() -> None:
    (described,) = tables(TEXT)
    names = {name for name in vars(Endpoint) if not name.startswith("_")} | set(Endpoint.__annotations__)
    assert {name.partition("(")[0] for name in described} == names
    assert all(name in TEXT for kind in (Loads, Embedded) for name in vars(kind) if not name.startswith("_"))


def test_the_example_is_an_endpoint() -> None:
    (code,) = blocks(TEXT, "python")
    made: dict[str, Any] = {}
    exec(code, made)
    endpoint: Endpoint = made["SGLangEndpoint"](EndpointSpec("mine", "sglang"))
    assert (endpoint.dialect(), endpoint.local()) == ("chat", True)
    assert endpoint.upstream().base_url == "http://127.0.0.1:30000/v1"
    assert f"{endpoint.spec.kind} = " in blocks(TEXT, "toml")[0]
