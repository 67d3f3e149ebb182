"""`ralphbench reproduce`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ralphbench.cli.options import results_option

if TYPE_CHECKING:
    from ralphbench.schedule import Prepared, Reproduction


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, resolve_path=True))
@click.option(
    "--bundle", type=click.Path(path_type=Path, dir_okay=False), help="Write one file to reproduce from elsewhere."
)
@click.option("--yes", "-y", is_flag=True, help="Run without asking, whatever differs.")
@results_option
def reproduce(source: Path, bundle: Path | None, yes: bool, results: Path) -> None:
    """The same attempt again, from its record (results/.../a1) or from a bundle. What differs here is listed first."""
    from ralphbench.cli.live import plain_line
    from ralphbench.schedule import (
        RunOptions,
        StopButton,
        open_reproduction,
        run_experiment,
        user_places,
        write_reproduction_bundle,
    )
    from ralphbench.ui import PlainListener, verdict_text

    if bundle is not None:
        names = write_reproduction_bundle(source, bundle)
        click.echo(f"wrote {bundle}: {len(names)} files, no keys\nelsewhere:   ralphbench reproduce {bundle.name}")
        return
    with open_reproduction(source, results) as again:

        def list_differences(prepared: Prepared) -> None:
            _list_differences(again, prepared, yes)

        with StopButton().installed() as stop:
            report = run_experiment(
                again.experiment,
                RunOptions(fresh=True),
                user_places(),
                PlainListener(click.echo, plain_line),
                stop,
                on_prepared=list_differences,
            )
    if again.original is not None:
        click.echo(f"then: {verdict_text(again.original)}")
    for result in report.results:
        click.echo(f"now:  {verdict_text(result)}")
    if not report.results:
        raise SystemExit(4)


def _list_differences(again: Reproduction, prepared: Prepared, yes: bool) -> None:
    found = again.differences(prepared)
    if not found:
        click.echo("nothing differs from the recorded attempt")
        return
    click.echo("what differs from the recorded attempt:")
    for text in found:
        click.echo(f"  {text}")
    if not yes and sys.stdin.isatty():
        click.confirm("Run it all the same?", abort=True)
