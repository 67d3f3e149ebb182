"""Sandboxes by name."""

from __future__ import annotations

import pytest

from ralphbench.errors import SandboxError, UnknownName
from ralphbench.sandbox import SandboxSpec, choose, open_sandbox
from ralphbench.sandbox.host import HostSandbox


def test_auto_takes_what_there_is_and_says_why() -> None:
    name, why = choose("auto")
    assert name == "host"
    assert "docker" in why


def test_a_sandbox_is_opened_by_name(spec: SandboxSpec) -> None:
    for kind in ("host", "auto"):
        with open_sandbox(kind, spec) as box:
            assert box.name == "host"


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'host'"):
        choose("hots")


def test_one_that_does_not_work_here_is_refused_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HostSandbox, "unavailable", classmethod(lambda cls: "no host"))
    with pytest.raises(SandboxError, match="no host"):
        choose("host")
    with pytest.raises(SandboxError, match="no sandbox can be used"):
        choose("auto")
