from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ralphbench.sandbox import SandboxSpec
from ralphbench.sandbox.host import HostSandbox
from ralphbench.sandbox.processes import end_marked


@pytest.fixture
def marker() -> Iterator[str]:
    """An owner's mark of this test alone; whatever carries it is ended with the test."""
    value = f"test-{uuid.uuid4().hex}:x"
    yield value
    end_marked(value, 0.0)


@pytest.fixture
def spec(tmp_path: Path, marker: str) -> SandboxSpec:
    (tmp_path / "tree").mkdir()
    return SandboxSpec(worktree=tmp_path / "tree", home=tmp_path / "home", marker=marker)


@pytest.fixture(params=["kept", "portable"])
def box(request: pytest.FixtureRequest, spec: SandboxSpec) -> Iterator[HostSandbox]:
    """Both ways to hold a command: behind a keeper, and by looking."""
    with HostSandbox(spec, portable=request.param == "portable") as sandbox:
        yield sandbox


@pytest.fixture
def kept(spec: SandboxSpec) -> Iterator[HostSandbox]:
    with HostSandbox(spec) as sandbox:
        yield sandbox
