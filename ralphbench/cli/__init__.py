"""The command line. The only room that prints and exits; each command is a module that is loaded when it is called."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of `ralphbench`. Errors of ours are printed without a traceback and set the exit status."""
    from ralphbench.cli.app import app
    from ralphbench.errors import RalphbenchError

    try:
        app(prog_name="ralphbench", standalone_mode=True)
    except RalphbenchError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(error.exit_code) from None
    except BrokenPipeError:
        # The reader of our output (`| head`) has gone; that is no error of ours.
        sys.stderr.close()
        raise SystemExit(141) from None


__all__ = ["main"]
