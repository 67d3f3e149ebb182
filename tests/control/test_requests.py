from __future__ import annotations

from pathlib import Path

import pytest

from ralphbench.control import pending_requests, send_request
from ralphbench.errors import UnknownName


def test_requests_come_in_order_and_once(tmp_path: Path) -> None:
    for op in ("pause", "resume", "stop"):
        send_request(tmp_path / "control", op, reason="why")
    assert [(r.op, r.reason) for r in pending_requests(tmp_path / "control")] == [
        ("pause", "why"),
        ("resume", "why"),
        ("stop", "why"),
    ]
    assert list(pending_requests(tmp_path / "control")) == []


def test_nobody_asked(tmp_path: Path) -> None:
    assert list(pending_requests(tmp_path / "none")) == []


def test_a_request_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'stop'"):
        send_request(tmp_path, "stpo")


def test_a_torn_request_is_set_aside_and_the_others_are_heard(tmp_path: Path) -> None:
    (tmp_path / "1-stop.json").write_bytes(b'{"op": "st')
    send_request(tmp_path, "pause")
    assert [r.op for r in pending_requests(tmp_path)] == ["pause"]
    assert [p.name for p in tmp_path.iterdir()] == ["1-stop.json.damaged-1"]


def test_one_that_is_still_being_written_waits(tmp_path: Path) -> None:
    (tmp_path / ".1-stop.json").write_bytes(b"{")
    assert list(pending_requests(tmp_path)) == []
    assert [p.name for p in tmp_path.iterdir()] == [".1-stop.json"]
