"""What opencode is told."""

from __future__ import annotations

import json

import pytest

from ralphbench.agents.opencode import OpencodeAgent
from ralphbench.agents.opencode_config import config, limits
from ralphbench.errors import ConfigError
from ralphbench.model import ModelRef, StageModel


def model(**more: int | None) -> StageModel:
    return StageModel(ModelRef("local", "some/model:4b"), "opencode", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, (128_000, 32_000)),
        ({"context": 16_000}, (16_000, 4_000)),
        ({"context": 200_000}, (200_000, 32_000)),
        ({"context": 16_000, "output": 8_000}, (16_000, 8_000)),
        ({"context": 4_000, "output": 8_000}, (4_000, 4_000)),
        ({"output": 1_000}, (128_000, 1_000)),
    ],
)
def test_context_and_output_are_always_stated(given: dict[str, int], told: tuple[int, int]) -> None:
    assert limits(model(**given)) == told


@pytest.mark.parametrize(
    ("dialect", "npm"),
    [("chat", "@ai-sdk/openai-compatible"), ("responses", "@ai-sdk/openai"), ("messages", "@ai-sdk/anthropic")],
)
def test_one_model_serves_everything_through_one_provider(dialect: str, npm: str) -> None:
    told = json.loads(config(model(), dialect=dialect, base_url="http://g/v1", key="k"))
    assert told["enabled_providers"] == ["gw"]
    assert {told["model"], told["small_model"]} == {"gw/some/model:4b"}
    agents = told["agent"]
    assert agents.pop("title") == {"disable": True}
    assert agents == {name: {"model": "gw/some/model:4b"} for name in ("build", "general", "explore", "compaction")}
    provider = told["provider"]["gw"]
    assert (provider["npm"], provider["options"]["baseURL"]) == (npm, "http://g/v1")
    assert [provider["options"][key] for key in ("timeout", "headerTimeout", "chunkTimeout")] == [False] * 3
    assert "ask" not in json.dumps(told["permission"])


def test_a_dialect_that_nobody_speaks_is_refused() -> None:
    with pytest.raises(ConfigError, match="speaks 'klingon'"):
        config(model(), dialect="klingon", base_url="x", key="k")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bash_timout": 3}, "did you mean 'bash_timeout'"),
        ({"bash_timeout": "3"}, "seconds, more than 0"),
        ({"variant": 3}, "expected text"),
    ],
)
def test_options_are_checked(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        OpencodeAgent(options)
