"""The table of commands. Help is printed from this table, so that `--help` loads no command."""

from __future__ import annotations

import importlib
from typing import Any

import click

COMMANDS: dict[str, tuple[str, str]] = {
    # name: (module:attribute, one line of help)
    "run": ("ralphbench.cli.run:run", "Run an experiment, or go on with it."),
    "status": ("ralphbench.cli.status:status", "Cells by state, the running stages, spent so far, time left."),
    "show": ("ralphbench.cli.show:show", "One attempt: timeline, tickets, gates, calls, diff, logs."),
    "analyze": ("ralphbench.cli.analyze:analyze", "Compare the profiles of one or more experiments."),
    "plan": ("ralphbench.cli.plan:plan", "The plan alone, by one profile, to read, edit and share."),
    "check": ("ralphbench.cli.check:check", "Whether the record is as it was written: what is torn, lost or changed."),
    "take": ("ralphbench.cli.take:take", "An attempt's commits as a branch in your own repository."),
    "reproduce": ("ralphbench.cli.reproduce:reproduce", "The same attempt again from its record or a bundle."),
    "clean": ("ralphbench.cli.clean:clean", "Remove worktrees and leftovers; records stay."),
    "task": ("ralphbench.cli.task:task", "Tasks: list them, check that their gates discriminate."),
    "agents": ("ralphbench.cli.agents:agents", "Agents: list them, install the pinned opencode."),
    "import": ("ralphbench.cli.import_:import_", "Import an experiment.conf and old runs."),
    "completion": ("ralphbench.cli.completion:completion", "Print the shell completion script."),
}


class LazyGroup(click.Group):
    """Knows its commands by name and loads one only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: Any = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from ralphbench.errors import UnknownName

            raise UnknownName("command", args[0], tuple(COMMANDS))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from ralphbench import __version__

    click.echo(f"ralphbench {__version__}")
    ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def app() -> None:
    """Which model, local or cloud, or which mix of them, can really do your coding work on your hardware?

    An experiment file names tasks, profiles and limits; `ralphbench run EXPERIMENT` runs it, and the same command
    again goes on where it stopped.
    """
