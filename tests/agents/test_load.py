"""Agents by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ralphbench.agents import load_agent
from ralphbench.errors import ConfigError, UnknownName


@pytest.mark.parametrize("name", ["opencode", "builtin"])
def test_built_in_agents_are_found(name: str) -> None:
    assert load_agent(name, {}, {}).name == name


def test_described_agents_are_found_by_their_name() -> None:
    given = {"argv": ["true"], "version": {"argv": ["true"]}}
    assert load_agent("mine", {}, {"mine": given}).name == "mine"


def test_a_description_does_not_take_a_name_that_is_taken() -> None:
    with pytest.raises(ConfigError, match=r"agents\.opencode: an agent of that name is there already"):
        load_agent("opencode", {}, {"opencode": {"argv": ["true"], "version": {"argv": ["true"]}}})


def test_a_name_that_is_none_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'opencode'"):
        load_agent("open-code", {}, {"mine": {}})
    with pytest.raises(UnknownName, match="no agent 'command'"):
        load_agent("command", {}, {})


def test_a_wrong_option_is_refused() -> None:
    with pytest.raises(ConfigError, match="no option 'speed'"):
        load_agent("builtin", {"speed": 3}, {})


def test_loading_agents_brings_nothing_heavy() -> None:
    """A trial process has 60 MB."""
    script = """
import sys
from ralphbench.agents import load_agent
for name in ("opencode", "builtin"): load_agent(name, {}, {})
load_agent("mine", {}, {"mine": {"argv": ["true"], "version": {"argv": ["true"]}}})
heavy = {"pydantic", "pandas", "aiohttp", "openai", "docker", "git", "rich", "click", "httpx", "yaml", "asyncio"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
