"""Agent `command`: any other command line, described in agents.yaml."""

from __future__ import annotations

import functools
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ralphbench.agents import home_files
from ralphbench.agents.command_reader import CommandReader
from ralphbench.agents.command_spec import Description, fill, read
from ralphbench.agents.driver import Launch, Patience, drive, tail
from ralphbench.agents.opencode_config import limits
from ralphbench.agents.options import Options
from ralphbench.agents.protocol import Watch
from ralphbench.errors import AgentMissing, ConfigError
from ralphbench.model import StageEnding, StageResult, StageRun, codec
from ralphbench.sandbox import Sandbox

_PROMPT = "prompt.md"
_ARGUMENT = 120_000
"""Bytes of one argument; Linux refuses more than 128 KiB."""
_ANSWERS_WITHIN = 60.0


class CommandAgent:
    """An agent by its description. Options: `first_event`, `after_end`, see Patience. Raises ConfigError."""

    def __init__(self, name: str, description: Any, options: Mapping[str, Any]) -> None:
        self.name = name
        self._given: Description = read(name, description)
        self.dialects: Sequence[str] = self._given.dialects
        given = Options(name, options)
        self._patience = Patience(
            first_event=given.seconds("first_event", 90.0),
            after_end=given.seconds("after_end", 20.0),
            garbage=None if self._given.output.format == "text" else 200_000,
        )
        given.refuse_others()

    def version(self) -> str:
        """As the description asks for it, and a digest of the description: another one is another contender."""
        wanted = self._given.version
        argv = [fill(text, {"python": sys.executable}) for text in wanted.argv]
        said = _ask(argv[0], self._program(argv[0]), tuple(argv[1:]), self._remedy())
        found = re.search(wanted.pattern, said)
        if found is None:
            raise AgentMissing(
                f"agent {self.name}: {' '.join(argv)} says {said[:300]!r}, where nothing matches {wanted.pattern!r}",
                remedy=self._remedy(),
            )
        version = found.group(found.lastindex or 0)
        if wanted.pin is not None and version != wanted.pin:
            raise AgentMissing(f"agent {self.name} is {version}; pinned is {wanted.pin}", remedy=self._remedy())
        return f"{version}+{self._digest()}"

    def _digest(self) -> str:
        plain = msgspec.to_builtins(self._given, str_keys=True)
        return hashlib.sha256(codec.canonical(plain)).hexdigest()[:12]

    def _remedy(self) -> str:
        return self._given.install or f"install {self._given.argv[0]}, or give its whole path in agents.yaml"

    def _program(self, name: str) -> Path:
        path = shutil.which(str(Path(name).expanduser()))
        if path is None:
            raise AgentMissing(f"agent {self.name}: there is no command {name!r}", remedy=self._remedy())
        return Path(path).absolute()

    def read_only(self) -> Sequence[Path]:
        program = self._program(fill(self._given.argv[0], {"python": sys.executable}))
        folders = [Path(folder).expanduser() for folder in self._given.read_only]
        return sorted({program.parent, program.resolve().parent, *folders})

    def run(self, stage: StageRun, sandbox: Sandbox, watch: Watch) -> StageResult:
        given = self._given
        if stage.gateway.dialect not in given.dialects:
            raise ConfigError(
                f"agent {self.name} speaks {', '.join(given.dialects)}; "
                f"the endpoint {stage.model.model.endpoint!r} speaks {stage.gateway.dialect!r}",
                key=f"agents.{self.name}.dialects",
            )
        values = self._values(stage, sandbox)
        template = given.continue_.argv if given.continue_ and stage.session else given.argv
        argv = [fill(text, values) for text in template]
        longest = max(len(argument.encode()) for argument in argv)
        if longest > _ARGUMENT:
            return StageResult(
                StageEnding.AGENT_CRASH,
                "",
                f"{self.name} takes its prompt as an argument, and {longest} bytes are too many",
            )
        argv[0] = sandbox.inside(self._program(argv[0]))
        answer = self._write_files(stage, values)
        reader = CommandReader(self.name, given, stage.session, answer, functools.partial(_complaint, stage))
        env = {key: fill(text, values) for key, text in given.env.items()}
        launch = Launch(argv, env, stage.prompt if given.prompt == "stdin" else None)
        return drive(stage, sandbox, watch, launch, reader, self._patience)

    def _values(self, stage: StageRun, sandbox: Sandbox) -> dict[str, str]:
        context, output = limits(stage.model)
        prompt = stage.prompt.read_bytes().decode(errors="replace")
        home_files.write(stage.home, _PROMPT, prompt.encode())
        return {
            "base_url": sandbox.gateway_url(stage.gateway),
            "context": str(context),
            "cwd": sandbox.inside(stage.cwd),
            "home": sandbox.inside(stage.home),
            "key": stage.gateway.token,
            "model": stage.model.model.model,
            "output": str(output),
            "prompt": prompt,
            "prompt_file": sandbox.inside(stage.home / _PROMPT),
            "prompt_json": codec.dumps(prompt).decode(),
            "python": sandbox.inside(Path(sys.executable)),
            "session": stage.session or "",
            "stage": stage.id,
        }

    def _write_files(self, stage: StageRun, values: Mapping[str, str]) -> Callable[[], bytes]:
        """Write the described files; take away an answer of the stage before. Returns how the answer is read."""

        def name(template: str) -> str:
            return fill(template.removeprefix("{home}/"), values)

        for path, content in self._given.files.items():
            home_files.write(stage.home, name(path), fill(content, values).encode())
        wanted = self._given.output.answer
        if wanted is None:
            return bytes
        home_files.remove(stage.home, name(wanted.file))
        return functools.partial(home_files.read, stage.home, name(wanted.file))


def _complaint(stage: StageRun) -> str:
    return tail(stage.raw.with_suffix(".err"), 20_000).decode(errors="replace")


@functools.cache
def _ask(name: str, program: Path, rest: tuple[str, ...], remedy: str) -> str:
    try:
        done = subprocess.run(
            [str(program), *rest],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_ANSWERS_WITHIN,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AgentMissing(f"{name} does not run here: {error}", remedy=remedy) from error
    return f"{done.stdout}\n{done.stderr}".strip()
