"""Agent `builtin`: the controlled scaffold, a small loop over four tools in a process of its own."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import ralphbench
from ralphbench.agents.driver import Launch, Patience, drive
from ralphbench.agents.opencode_config import limits
from ralphbench.agents.options import Options
from ralphbench.agents.our_events import OurReader
from ralphbench.agents.protocol import Watch
from ralphbench.model import StageResult, StageRun, codec
from ralphbench.sandbox import Sandbox

SETTINGS = "RALPHBENCH_BUILTIN"
_SCAFFOLD = ("builtin_main.py", "builtin_models.py", "builtin_tools.py", "builtin_session.py")


class BuiltinAgent:
    """Agent `builtin`. Options: `bash_timeout`, seconds that a command of the model's may take where it says none;
    `first_event`, `after_end`: see Patience.
    """

    name = "builtin"
    dialects: Sequence[str] = ("chat", "responses", "messages")

    def __init__(self, options: Mapping[str, Any]) -> None:
        given = Options("builtin", options)
        self._bash_timeout = given.seconds("bash_timeout", 120.0)
        self._patience = Patience(
            first_event=given.seconds("first_event", 90.0), after_end=given.seconds("after_end", 20.0)
        )
        given.refuse_others()

    def version(self) -> str:
        """Ours, and a digest of what the scaffold is made of: its words and its tools make it another contender."""
        digest = hashlib.sha256()
        for name in _SCAFFOLD:
            digest.update(files("ralphbench.agents").joinpath(name).read_bytes())
        return f"{ralphbench.__version__}+{digest.hexdigest()[:12]}"

    def read_only(self) -> Sequence[Path]:
        roots = {Path(sys.prefix), Path(sys.base_prefix), Path(ralphbench.__file__).parent}
        return sorted(roots)

    def run(self, stage: StageRun, sandbox: Sandbox, watch: Watch) -> StageResult:
        # -I: the target's own modules lie in the working directory, and are not to be taken for ours
        argv = [sandbox.inside(Path(sys.executable)), "-I", "-m", "ralphbench.agents.builtin_main"]
        launch = Launch(argv, {SETTINGS: self._settings(stage, sandbox)}, stage.prompt)
        return drive(stage, sandbox, watch, launch, OurReader("builtin", stage.session), self._patience)

    def _settings(self, stage: StageRun, sandbox: Sandbox) -> str:
        context, output = limits(stage.model)
        return codec.dumps(
            {
                "base_url": sandbox.gateway_url(stage.gateway),
                "key": stage.gateway.token,
                "dialect": stage.gateway.dialect,
                "model": stage.model.model.model,
                "context": context,
                "output": output,
                "bash_timeout": self._bash_timeout,
                "sessions": sandbox.inside(stage.home / "builtin"),
                "session": stage.session,
            }
        ).decode()
