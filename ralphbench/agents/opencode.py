"""Agent `opencode`, at its pinned version, run headless: offline, isolated, its permissions closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ralphbench.agents.driver import Launch, Patience, drive
from ralphbench.agents.opencode_binary import binary, checked_version
from ralphbench.agents.opencode_config import ENV, NPM, PROVIDER, config, fresh_folder
from ralphbench.agents.opencode_events import OpencodeReader
from ralphbench.agents.options import Options
from ralphbench.agents.protocol import Watch
from ralphbench.model import StageResult, StageRun
from ralphbench.sandbox import Sandbox

_BASH_TIMEOUT = 120.0


class OpencodeAgent:
    """Agent `opencode`. Options: `bash_timeout`, seconds that a command of the model's may take where it says none;
    `variant`, opencode's name for a way of reasoning; `first_event`, `after_end`: see Patience.
    """

    name = "opencode"
    dialects: Sequence[str] = tuple(NPM)

    def __init__(self, options: Mapping[str, Any]) -> None:
        given = Options("opencode", options)
        self._bash_timeout = given.seconds("bash_timeout", _BASH_TIMEOUT)
        self._variant = given.text("variant")
        self._patience = Patience(
            first_event=given.seconds("first_event", 90.0), after_end=given.seconds("after_end", 20.0)
        )
        given.refuse_others()

    def version(self) -> str:
        return checked_version()

    def read_only(self) -> Sequence[Path]:
        return (binary().parent,)

    def run(self, stage: StageRun, sandbox: Sandbox, watch: Watch) -> StageResult:
        fresh_folder(stage.home)
        launch = Launch(self._argv(stage, sandbox), self._env(stage, sandbox), stage.prompt)
        return drive(stage, sandbox, watch, launch, OpencodeReader(stage.session), self._patience)

    def _argv(self, stage: StageRun, sandbox: Sandbox) -> list[str]:
        argv = [sandbox.inside(binary()), "run", "--format", "json"]
        argv += ["--title", "ralphbench", "--model", f"{PROVIDER}/{stage.model.model.model}"]
        if self._variant is not None:
            argv += ["--variant", self._variant]
        if stage.session is not None:
            # On a copy of it: a stage that is run again after a fault must find the session as it was.
            argv += ["--session", stage.session, "--fork"]
        return argv

    def _env(self, stage: StageRun, sandbox: Sandbox) -> dict[str, str]:
        return {
            **ENV,
            "OPENCODE_CONFIG_CONTENT": config(
                stage.model,
                dialect=stage.gateway.dialect,
                base_url=sandbox.gateway_url(stage.gateway),
                key=stage.gateway.token,
            ),
            "OPENCODE_EXPERIMENTAL_BASH_DEFAULT_TIMEOUT_MS": str(int(self._bash_timeout * 1000)),
        }
