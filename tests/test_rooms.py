"""The house: rooms import only rooms below them, and only through the front door."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "ralphbench"
ROOMS = (
    "cli",
    "ui",
    "analysis",
    "schedule",
    "trial",
    "loop",
    "grading",
    "agents",
    "gateway",
    "endpoints",
    "workspace",
    "sandbox",
    "config",
    "control",
    "record",
    "model",
    "errors",
)
PUBLIC_MODULES = (
    "ralphbench.model.codec",
    "ralphbench.sandbox.processes",
    "ralphbench.gateway.process",
    "ralphbench.gateway.prices",
    "ralphbench.agents.install",
    "ralphbench.loop.expect",
)
"""Named as public by the docstring of their room."""
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str | None:
    parts = path.relative_to(PACKAGE).parts
    name = parts[0].removesuffix(".py")
    return name if name in ROOMS else None


def imports_of(path: Path) -> list[tuple[int, str, str | None]]:
    """(line, module, name or None) of every import of ours, also those inside functions."""
    found: list[tuple[int, str, str | None]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("ralphbench"):
            found += [(node.lineno, node.module, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(node.lineno, a.name, None) for a in node.names if a.name.startswith("ralphbench")]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down_and_use_the_front_door(path: Path) -> None:
    room = room_of(path)
    if room is None:
        return
    for line, module, name in imports_of(path):
        parts = module.split(".")
        other = parts[1] if len(parts) > 1 else name
        if other == room or other not in ROOMS:
            continue
        where = f"{path.relative_to(PACKAGE.parent)}:{line}"
        assert ROOMS.index(other) > ROOMS.index(room), f"{where}: {room} must not import {other}, which is above it"
        public_module = module in PUBLIC_MODULES
        assert len(parts) <= 2 or public_module, f"{where}: {module} is private; import from ralphbench.{other}"


def test_every_room_of_the_design_is_there() -> None:
    missing = [room for room in ROOMS if not (PACKAGE / room).is_dir() and not (PACKAGE / f"{room}.py").is_file()]
    assert not missing


def test_only_the_command_line_prints() -> None:
    for path in MODULES:
        if room_of(path) == "cli":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "print", f"{path}:{node.lineno} prints"
