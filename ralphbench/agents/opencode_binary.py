"""Where the pinned opencode lies, which of its builds fits this machine, and whether it is the pinned version."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from ralphbench.errors import AgentMissing
from ralphbench.model import codec

OVERRIDE = "RALPHBENCH_OPENCODE"
"""Environment: the path of a binary to use in place of the installed one; it must be of the pinned version too."""
INSTALL = "ralphbench agents install opencode"
_ANSWERS_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Lock:
    """`opencode.lock`: the pinned version, and each platform's npm package with its integrity as npm writes it.

    None: the figure is not known to us; then npm's own check against the registry is what there is.
    """

    version: str
    packages: Mapping[str, str | None]


def lock() -> Lock:
    return codec.loads(files("ralphbench.agents").joinpath("opencode.lock").read_bytes(), Lock)


def package() -> str:
    """The npm package that holds opencode for this machine. Raises AgentMissing where there is none."""
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform)
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine().lower())
    name = f"opencode-{system}-{machine}"
    if machine == "x64" and not _has_avx2():
        name += "-baseline"
    if system == "linux" and _is_musl():
        name += "-musl"
    if name not in lock().packages:
        raise AgentMissing(f"there is no opencode for {sys.platform} on {platform.machine()}", remedy="agent: builtin")
    return name


def _has_avx2() -> bool:
    """The usual build dies of an illegal instruction without it."""
    if sys.platform == "darwin":
        done = subprocess.run(
            ["sysctl", "-n", "machdep.cpu.leaf7_features"], capture_output=True, text=True, check=False
        )
        return "AVX2" in done.stdout.split()
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return any("avx2" in line.split() for line in flags.splitlines() if line.startswith("flags"))


def _is_musl() -> bool:
    return platform.libc_ver()[0] != "glibc" and any(Path("/lib").glob("ld-musl-*"))


def cache() -> Path:
    """The user's cache folder of installed agents."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "ralphbench" / "agents"


def home() -> Path:
    """Folder that the pinned version is installed in."""
    return cache() / "opencode" / lock().version


def binary() -> Path:
    """Raises AgentMissing, with what to type."""
    override = os.environ.get(OVERRIDE)
    path = Path(override).absolute() if override else home() / "opencode"
    if not path.is_file() or not os.access(path, os.X_OK):
        where = f"{OVERRIDE} says {override}, where" if override else f"at {path}"
        raise AgentMissing(f"opencode {lock().version} is not installed: {where} there is no program", remedy=INSTALL)
    return path


def checked_version() -> str:
    """The installed version. Raises AgentMissing where it is none, or not the pinned one."""
    path = binary()
    found = _remembered(path)
    pinned = lock().version
    if found != pinned:
        raise AgentMissing(f"{path} is opencode {found}; pinned is {pinned}", remedy=INSTALL)
    return found


@dataclass(frozen=True, slots=True)
class _Asked:
    path: str
    mtime_ns: int
    size: int
    version: str


def _remembered(path: Path) -> str:
    """Ask the binary once for as long as it is the same file: it takes half a second to say so."""
    memory = cache() / "opencode" / "version.json"
    status = path.stat()
    try:
        asked = codec.loads(memory.read_bytes(), _Asked)
        if (asked.path, asked.mtime_ns, asked.size) == (str(path), status.st_mtime_ns, status.st_size):
            return asked.version
    except (OSError, ValueError):
        pass  # not asked yet, or torn: asked now
    version = ask_version(path)
    with contextlib.suppress(OSError):  # a cache that cannot be written costs half a second the next time
        memory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=memory.parent, delete=False) as file:
            file.write(codec.dumps(_Asked(str(path), status.st_mtime_ns, status.st_size, version)))
        Path(file.name).replace(memory)
    return version


def ask_version(path: Path) -> str:
    """Run the binary for its version, in a home of its own. Raises AgentMissing where it does not run here."""
    with tempfile.TemporaryDirectory(prefix="ralphbench-") as folder:
        try:
            done = subprocess.run(
                [str(path), "--version"],
                capture_output=True,
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL,
                timeout=_ANSWERS_WITHIN,
                check=False,
                env={"PATH": os.environ.get("PATH", os.defpath), "HOME": folder, "TMPDIR": folder},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise AgentMissing(f"{path} does not run here: {error}", remedy=INSTALL) from error
    words = done.stdout.split()
    if done.returncode != 0 or not words:
        said = (done.stderr or done.stdout).strip()[-300:]
        raise AgentMissing(f"{path} does not run here: exit {done.returncode}: {said}", remedy=INSTALL)
    return words[-1]
