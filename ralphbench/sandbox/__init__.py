"""Where a command runs: host, bubblewrap, docker. Every process tree that is started here is ended here."""

from ralphbench.sandbox.protocol import Completed, Sandbox, SandboxProcess, SandboxSpec

__all__ = ["Completed", "Sandbox", "SandboxProcess", "SandboxSpec"]
