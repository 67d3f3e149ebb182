"""docs/schemas.md describes the comparison name by name, and nothing that is not in it."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

from support.docs import section, tables
from support.results import Write, verdict

from ralphbench.analysis import Comparison, ProfileRow, Setting, StageLine, compare_records, to_json
from ralphbench.analysis.rows import Split, Tokens

PARTS = (Setting, ProfileRow, Split, Tokens, StageLine)


def described() -> list[list[str]]:
    return tables(section("docs/schemas.md", "`ralphbench analyze --json`: `ralphbench.comparison/1`"))


def test_each_part_of_a_comparison_is_described_field_by_field() -> None:
    document, *parts = described()
    assert sorted(document) == sorted([*(field.name for field in fields(Comparison)), "legacy_score"])
    for names, kind in zip(parts, PARTS, strict=True):
        assert sorted(names) == sorted(field.name for field in fields(kind)), kind


def test_what_is_printed_is_what_is_described(tmp_path: Path, write: Write) -> None:
    write("a", verdict=verdict(True))
    document = json.loads(to_json(compare_records([tmp_path / "x"])))
    head, experiment, row, time, tokens, stage = described()
    assert set(document) == set(head) - {"legacy_score"}
    (found,) = document["rows"]
    printed = (document["experiments"][0], found, found["time"], found["tokens"], found["stages"][0])
    for names, part in zip((experiment, row, time, tokens, stage), printed, strict=True):
        assert set(part) == set(names)
