"""Real keys stay with the run and the gateway."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.project import HERE, make_project

from ralphbench.sandbox.processes import LINUX

pytestmark = pytest.mark.skipif(not LINUX, reason="looks into /proc")
NOBODY = 65534
SECRETS = {"RALPHBENCH_WORDS_KEY": "key-1", "OPENAI_API_KEY": "key-2", "A_TOKEN_OF_MINE": "key-3"}


@dataclass(frozen=True)
class Somebody:
    """Who is not root: root may look into everything."""

    python: str
    env: dict[str, str] = field(default_factory=dict)
    user: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def somebody() -> Somebody:
    if os.getuid() != 0:
        return Somebody(sys.executable)
    env = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONDONTWRITEBYTECODE": "1"}
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        try:
            argv = [python, "-c", "import ralphbench.schedule"]
            subprocess.run(argv, env={**os.environ, **env}, cwd="/", check=True, capture_output=True, **user)
        except (OSError, subprocess.CalledProcessError):
            continue
        return Somebody(python, env, user)
    pytest.skip("runs as root, and nobody else can run this Python")


@pytest.mark.parametrize("hidden", [True, False])
def test_what_holds_keys_cannot_be_looked_into_by_another_process_of_its_user(hidden: bool, somebody: Somebody) -> None:
    code = "import sys\nfrom ralphbench.sandbox.processes import hide_memory\n"
    code += f"{'hide_memory()' if hidden else ''}\nprint('ready', flush=True)\nsys.stdin.read()\n"
    holder = subprocess.Popen(
        [somebody.python, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/",
        env={**os.environ, **somebody.env, "KEY": "secret"}, **somebody.user,
    )  # fmt: skip
    with holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "ready\n"
        code = f"print(b'KEY=secret' in open('/proc/{holder.pid}/environ', 'rb').read())"
        looked = subprocess.run(
            [somebody.python, "-S", "-c", code], capture_output=True, text=True, check=False, **somebody.user
        )
        holder.stdin.close()
    if hidden:
        assert "PermissionError" in looked.stderr
    else:
        assert looked.stdout == "True\n", "without it, it can"


@pytest.fixture
def place(somebody: Somebody) -> Iterator[Path]:
    """A folder that somebody can reach: those of pytest are root's alone where root runs it."""
    with tempfile.TemporaryDirectory(prefix="ralphbench-keys-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.mark.slow
def test_an_agent_finds_no_key_in_the_environment_of_any_process(place: Path, somebody: Somebody) -> None:
    project = make_project(place / "p")
    out = place / "p" / "seen.jsonl"
    argv = f"{{python}} {HERE / 'spy_agent.py'} {{base_url}} {{model}} {out}".split()
    agents = {"tiny": {"argv": argv, "version": {"argv": ["{python}", "--version"]}, "env": somebody.env}}
    project.write("experiments/agents.yaml", agents)
    box = {"kind": "scripted", "script": "script.yaml", "api_key_env": "RALPHBENCH_WORDS_KEY"}
    project.write("experiments/001-words/endpoints.yaml", {"box": box})
    for folder, _, files in os.walk(project.root):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            os.chown(path, somebody.user.get("user", -1), somebody.user.get("group", -1))
    command = [somebody.python, *project.command("run", "001-words", "--yes")[1:]]
    env = {**project.env(somebody.env), **SECRETS, "HOME": str(project.root)}
    done = subprocess.run(
        command, cwd=project.root, env=env, capture_output=True, text=True, check=False, **somebody.user
    )
    assert done.returncode == 0, done.stdout + done.stderr
    seen = [json.loads(line) for line in out.read_text().splitlines()]
    assert any("ralphbench.trial" in command for command, _ in seen), "the trial's own was looked at"
    assert not [command for command, found in seen if any(s in found for s in (*SECRETS, *SECRETS.values()))]
