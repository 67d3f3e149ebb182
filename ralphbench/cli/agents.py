"""`ralphbench agents`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ralphbench.cli.options import experiments_option


@click.group()
def agents() -> None:
    """Agents: list them, install the pinned opencode."""


@agents.command("list")
@experiments_option
def list_agents(experiments: Path) -> None:
    """What can be used here, and in which version: what is built in, then what agents.yaml describes."""
    from importlib.metadata import entry_points

    from ralphbench.config import described_agents, list_experiments

    for point in sorted(entry_points(group="ralphbench.agents"), key=lambda p: p.name):
        if point.name == "command":
            click.echo(f"command      any command line, described in {experiments}/agents.yaml")
        else:
            _say(point.name, {})
    for folder in (experiments, *(experiments / name for name in list_experiments(experiments))):
        described = described_agents(folder)
        for name in described:
            _say(name, described, "" if folder == experiments else f"  (in {folder.name})")


def _say(name: str, described: Mapping[str, Any], where: str = "") -> None:
    """An agent that cannot be used is listed with why."""
    from ralphbench.agents import load_agent
    from ralphbench.errors import RalphbenchError

    try:
        text = load_agent(name, {}, described).version()
    except RalphbenchError as error:
        text = str(error)
    click.echo(f"{name:<12} {text}{where}")


@agents.command("install")
@click.argument("name", default="opencode")
def install_agent(name: str) -> None:
    """Install the pinned version of an agent into the user's cache. Needs npm's registry; does nothing the second time."""
    from ralphbench.agents.install import install

    click.echo(install(name))
