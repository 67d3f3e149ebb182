"""`python -m ralphbench.trial <attempt folder>`: the trial process. Its exit status says whether there is a result."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from ralphbench.errors import DiskError, GatewayLost, Interrupted, NotJudged, RalphbenchError
from ralphbench.trial.exits import Exit
from ralphbench.trial.stop import StopRequest


def main() -> int:
    stop = StopRequest()
    stop.install()
    # Imported after the signals are in place: from here on a stop is heard, and never ends the process where it stands.
    from ralphbench.trial.attempt import run_attempt

    try:
        run_attempt(Path(sys.argv[1]), stop)
    except (Interrupted, GatewayLost) as error:
        return _left(error, Exit.INTERRUPTED)
    except NotJudged as error:
        return _left(error, Exit.UNJUDGED)
    except DiskError as error:
        return _left(error, Exit.NO_DISK)
    # Nothing is said after the commit: what it sums up, this log included, does not change any more.
    return Exit.COMMITTED


def _left(error: RalphbenchError, status: Exit) -> int:
    with contextlib.suppress(OSError):  # its log may lie on the disk that is full
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
