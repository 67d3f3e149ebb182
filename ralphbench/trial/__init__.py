"""One attempt from start to end, as its own process: `python -m ralphbench.trial <attempt folder>`."""

from ralphbench.trial.clock import Clock
from ralphbench.trial.leases import LeaseClient

__all__ = ["Clock", "LeaseClient"]
