"""What `scripts/bench --json` prints is described; that it measures is not tested here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.docs import section, tables

FOLDER = Path(__file__).parents[2] / "scripts" / "bench.d"


def test_the_document_is_described_key_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, "main", raising=False)
    import main

    machine = main.described(["--json"]) | {"load_at_end": "0.0"}
    document = main.document(machine, [], [])
    assert document["schema"] == "ralphbench.bench/1"
    text = section("docs/schemas.md", "`scripts/bench --json`: `ralphbench.bench/1`")
    assert tables(text)[0] == list(document)
    assert all(f"`{name}`" in text for name in (*machine, *main.COURSES))
