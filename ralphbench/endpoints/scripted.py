"""The `scripted` endpoint: models that answer from a YAML script. What lets a newcomer run everything without a GPU or
a key, and the test double that users can use too. docs/scripted.md is its manual.

    python -m ralphbench.endpoints.scripted SCRIPT [--host H] [--port N] [--until-eof]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ralphbench.endpoints.embedded import serve_process, standing_at
from ralphbench.endpoints.options import DIALECTS, check_options, dialect_of
from ralphbench.endpoints.preflight import check_context
from ralphbench.endpoints.protocol import ModelInfo, ServerInfo, Upstream
from ralphbench.endpoints.script_file import load_script
from ralphbench.errors import ConfigError, ModelMissing, NoToolCalls
from ralphbench.model import EndpointSpec, StageModel

if TYPE_CHECKING:
    from ralphbench.endpoints.scripted_server import ScriptedServer

__all__ = ["ScriptedEndpoint", "ScriptedServer"]


def __getattr__(name: str) -> object:
    # The server brings aiohttp; who only describes models does without.
    if name == "ScriptedServer":
        from ralphbench.endpoints.scripted_server import ScriptedServer

        return ScriptedServer
    raise AttributeError(name)


class ScriptedEndpoint:
    """Knows its script, so that all checks are made without a server. `open_server` is what the gateway calls through."""

    def __init__(self, spec: EndpointSpec) -> None:
        self.spec = spec
        options = check_options(spec, {"dialect": str})
        self._dialect = dialect_of(spec, options, spoken=DIALECTS, default="chat")
        if spec.script is None:
            raise ConfigError("a scripted endpoint needs its script, a YAML file", key=f"endpoints.{spec.name}.script")
        self.path = Path(spec.script)

    def dialect(self) -> str:
        return self._dialect

    def local(self) -> bool:
        return True if self.spec.local is None else self.spec.local

    def open_server(self) -> ScriptedServer:
        """A server for the caller's event loop. Raises ConfigError where the script cannot be used."""
        from ralphbench.endpoints.scripted_server import ScriptedServer

        return ScriptedServer(self.path, keep=0)

    def upstream(self) -> Upstream:
        """Where the server stands: `spec.base_url`, put there by whoever started it. Raises EndpointError where none was."""
        return Upstream(base_url=standing_at(self.spec), dialects=DIALECTS, reported_cost=True)

    def server(self) -> ServerInfo:
        return ServerInfo(kind="scripted", details={"script": str(self.path)})

    def models(self) -> tuple[ModelInfo, ...]:
        """As the script lists them. Raises ConfigError where it cannot be used."""
        return tuple(
            ModelInfo(m.id, loaded=True, context=m.context, max_context=m.context, tools=m.tools, local=True)
            for m in load_script(self.path).models
        )

    def identify(self, model: StageModel) -> ModelInfo:
        known = {info.id: info for info in self.models()}
        info = known.get(model.model.model)
        if info is None:
            raise ModelMissing(
                f"endpoint {self.spec.name!r}: the script {self.path} has no model {model.model.model!r} "
                f"(it has {', '.join(known)})",
                remedy=f"add it under `models:` in {self.path}",
            )
        return info

    def preflight(self, model: StageModel) -> ModelInfo:
        info = self.identify(model)
        edit = f"raise `context:` of {info.id} in {self.path}, or lower the profile's"
        check_context(self.spec, model, info, remedy=edit)
        if info.tools is False:
            raise NoToolCalls(
                f"endpoint {self.spec.name!r}: the script says that {info.id!r} has no tool calls",
                remedy=f"remove `tools: false` of {info.id} in {self.path}",
            )
        return info


def main(arguments: list[str]) -> int:
    def make(script: Path) -> ScriptedServer:
        from ralphbench.endpoints.scripted_server import ScriptedServer

        return ScriptedServer(script, keep=0)

    return serve_process("ralphbench.endpoints.scripted", "script", make, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
