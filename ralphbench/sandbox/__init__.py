"""Where a command runs: host, bubblewrap, docker. Every process tree that is started here is ended here.

Public beside what is named below: `ralphbench.sandbox.processes` (whole trees seen from outside them, leftovers by
their owner's mark).
"""

from ralphbench.sandbox.capped import CappedLog
from ralphbench.sandbox.choice import choose, open_sandbox
from ralphbench.sandbox.protocol import Completed, Sandbox, SandboxKind, SandboxProcess, SandboxSpec

__all__ = [
    "CappedLog",
    "Completed",
    "Sandbox",
    "SandboxKind",
    "SandboxProcess",
    "SandboxSpec",
    "choose",
    "open_sandbox",
]
