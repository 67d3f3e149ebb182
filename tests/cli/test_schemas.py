"""docs/schemas.md says what `--json` really prints, name by name."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest
from support.docs import section, tables
from support.results import result

from ralphbench import model
from ralphbench.model import codec
from ralphbench.record import ExperimentFolder, write_result
from ralphbench.ui import view_attempt

FILE = "docs/schemas.md"


@pytest.mark.parametrize(
    "name",
    [
        "AttemptResult",
        "Cell",
        "Verdict",
        "GateResult",
        "TestCounts",
        "Tampering",
        "Work",
        "Times",
        "Spent",
        "StageSums",
    ],
)
def test_each_part_of_a_result_is_described_field_by_field(name: str) -> None:
    (described,) = tables(section(FILE, f"`{name}`"))
    assert sorted(described) == sorted(field.name for field in fields(getattr(model, name)))


def test_an_attempt_as_show_prints_it_is_described_key_by_key(tmp_path: Path) -> None:
    made = result()
    folder = ExperimentFolder(tmp_path, "x").create().folder(made.cell, 1).create()
    write_result(folder, made)
    document = json.loads(codec.dumps(view_attempt(folder).as_dict()))
    head, attempt = tables(section(FILE, "`ralphbench show --json`: `ralphbench.attempt/2`"))
    assert head == ["schema", "attempts"]
    assert list(document) == attempt
