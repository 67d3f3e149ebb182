"""`ralphbench agents`."""

from __future__ import annotations

import click


@click.group()
def agents() -> None:
    """Agents: list them, install the pinned opencode."""


@agents.command("list")
def list_agents() -> None:
    """What can be used here, and in which version."""
    from importlib.metadata import entry_points

    from ralphbench.agents import load_agent
    from ralphbench.errors import AgentMissing

    for point in sorted(entry_points(group="ralphbench.agents"), key=lambda p: p.name):
        if point.name == "command":
            click.echo("command      any command line, described in experiments/agents.yaml")
            continue
        try:
            click.echo(f"{point.name:<12} {load_agent(point.name, {}, {}).version()}")
        except AgentMissing as missing:
            click.echo(f"{point.name:<12} {missing}")


@agents.command("install")
@click.argument("name", default="opencode")
def install_agent(name: str) -> None:
    """Install the pinned version of an agent into the user's cache. Needs npm's registry; does nothing the second time."""
    from ralphbench.agents.install import install

    click.echo(install(name))
