"""`python -m ralphbench.gateway --control SOCKET --socket SOCKET`: the gateway's process. Started by `process.py`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from ralphbench.errors import EndpointError
from ralphbench.gateway.server import Gateway
from ralphbench.sandbox.processes import hide_memory


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ralphbench.gateway", description="The only road to a model.")
    parser.add_argument("--control", type=Path, required=True, help="the control socket; its folder becomes private")
    parser.add_argument(
        "--socket", type=Path, required=True, help="the agents' socket, in a folder that sandboxes may show"
    )
    options = parser.parse_args()
    if options.control.parent.resolve() == options.socket.parent.resolve():
        parser.error("--control and --socket must lie in different folders: agents can reach the second one")
    hide_memory()
    # The thread that stores bodies must not keep the loop from a stream for the usual 5 ms.
    sys.setswitchinterval(0.001)
    try:
        asyncio.run(_run(options.control, options.socket))
    except OSError as error:
        sys.stderr.write(f"cannot serve on {options.control} and {options.socket}: {error}\n")
        return EndpointError.exit_code
    return 0


async def _run(control: Path, agents: Path) -> None:
    gateway = Gateway(control, agents)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(gateway.redactor)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    await gateway.run()


if __name__ == "__main__":
    sys.exit(main())
