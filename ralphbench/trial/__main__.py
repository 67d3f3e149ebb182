"""`python -m ralphbench.trial <attempt folder>`: the trial process. Its exit status says whether there is a result."""

from __future__ import annotations

import sys
from pathlib import Path

from ralphbench.errors import GatewayLost, Interrupted
from ralphbench.trial.stop import StopRequest

COMMITTED = 0
INTERRUPTED = 75


def main() -> int:
    stop = StopRequest()
    stop.install()
    # Imported after the signals are in place: from here on a stop is heard, and never ends the process where it stands.
    from ralphbench.trial.attempt import run_attempt

    try:
        run_attempt(Path(sys.argv[1]), stop)
    except (Interrupted, GatewayLost) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return INTERRUPTED
    # Nothing is said after the commit: what it sums up, this log included, does not change any more.
    return COMMITTED


if __name__ == "__main__":
    sys.exit(main())
