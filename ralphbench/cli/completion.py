"""`ralphbench completion`."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for a shell, for example

    \b
        ralphbench completion bash > ~/.local/share/bash-completion/completions/ralphbench
    """
    from click.shell_completion import get_completion_class

    from ralphbench.cli.app import app

    kind = get_completion_class(shell)
    if kind is None:  # pragma: no cover - the choice above allows only shells that click knows
        raise click.UsageError(f"no completion for {shell}")
    click.echo(kind(app, {}, "ralphbench", "_RALPHBENCH_COMPLETE").source())
