"""Results read by the thousand are those that are read one by one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.drawn import Placed, drawn, placed_results, write_all

from ralphbench.errors import RecordError
from ralphbench.model import AttemptResult, Cell, codec
from ralphbench.record import ExperimentFolder, Read, read_many, write_result
from ralphbench.record.many import RESULT

drawing = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def both_ways(record: ExperimentFolder) -> tuple[Read, list[Any]]:
    """By the thousand first: what is torn is set aside by whoever comes first."""
    return read_many(record.listing().repeats()), list(record.summaries())


@drawing
@given(placed_results())
def test_the_same_results_are_found_in_the_same_order(tmp_path_factory: pytest.TempPathFactory, placed: Placed) -> None:
    record = write_all(tmp_path_factory.mktemp("drawn"), placed)
    read, summaries = both_ways(record)
    assert not read.damages
    assert not read.uncommitted
    assert [codec.dumps(r) for r in read.results] == [codec.dumps(r) for _, _, r, _ in summaries]


@pytest.mark.parametrize("data", [b"", b"{", b"null", b"[" * 100_000, b"\xff", b'{"version": "x"}'])
def test_a_torn_result_is_set_aside_named_and_left_out(tmp_path: Path, result: AttemptResult, data: bytes) -> None:
    record = ExperimentFolder(tmp_path, "001-x").create()
    for repeat in (1, 2):
        made = replace(result, cell=Cell("heap", "opus", repeat))
        write_result(record.folder(made.cell, 1).create(), made)
    torn = record.folder(Cell("heap", "opus", 1), 1)
    torn.result.write_bytes(data)
    read = read_many(record.listing().repeats())
    assert [r.cell.repeat for r in read.results] == [2]
    assert [damage.moved_to for damage in read.damages] == [torn.path / "result.json.damaged-1"]
    assert "is no result" in read.damages[0].what
    assert read.uncommitted == [str(torn.path)]


def test_a_result_that_belongs_elsewhere_is_named_and_left_out(tmp_path: Path, result: AttemptResult) -> None:
    record = ExperimentFolder(tmp_path, "001-x").create()
    write_result(record.folder(result.cell, 1).create(), result)
    places = [Cell("other", "devstral", 1), replace(result.cell, profile="opus"), replace(result.cell, repeat=2)]
    for copy in [record.folder(cell, 1) for cell in places] + [record.folder(result.cell, 2)]:
        copy.create().result.write_bytes(codec.dumps(result))
    read, summaries = both_ways(record)
    assert len(read.results) == 1
    assert len(read.uncommitted) == len(read.damages) == 4
    assert read.damages == [damage for *_, damages in summaries for damage in damages]


def test_a_record_of_another_version_stops_the_reading(tmp_path: Path, result: AttemptResult) -> None:
    record = ExperimentFolder(tmp_path, "001-x").create()
    record.folder(result.cell, 1).create().result.write_bytes(codec.dumps(replace(result, version=7)))
    with pytest.raises(RecordError, match="version 7"):
        read_many(record.listing().repeats())


def test_what_only_bears_an_attempts_name_is_none(tmp_path: Path, result: AttemptResult) -> None:
    record = ExperimentFolder(tmp_path, "001-x").create()
    write_result(record.folder(result.cell, 1).create(), result)
    profile = record.folder(result.cell, 1).path.parent.parent
    (profile / "r2").write_text("a file in place of a repeat")
    for repeat in ("r3", "r4", "r5"):
        (profile / repeat).mkdir()
    (profile / "r3" / "a1").write_text("a file in place of an attempt")
    (profile / "r4" / "a1").symlink_to("nowhere")
    (profile / "r5" / ".a1").mkdir()
    read, summaries = both_ways(record)
    assert len(read.results) == len(summaries) == 1
    assert not read.uncommitted


def test_an_attempt_without_a_result_is_said_to_be_uncommitted(tmp_path: Path) -> None:
    record = ExperimentFolder(tmp_path, "001-x").create()
    _, begun = record.new_attempt(Cell("heap", "opus", 1))
    read, summaries = both_ways(record)
    assert read == Read([], [], [str(begun.path)])
    assert summaries == [(Cell("heap", "opus", 1), 1, None, ())]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def places_in(document: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a document."""
    keys = document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    found = [(document, key) for key in keys]
    return found + [place for container, key in list(found) for place in places_in(container[key])]


@drawing
@given(drawn(AttemptResult), st.integers(0, 10**6), st.sampled_from(["put", "drop"]), JSON)
def test_the_fast_reader_takes_what_the_typed_one_takes_and_nothing_else(
    made: AttemptResult, at: int, what: str, value: Any
) -> None:
    document = json.loads(codec.dumps(made))
    container, key = places_in(document)[at % len(places_in(document))]
    if what == "put":
        container[key] = value
    else:
        del container[key]
    data = json.dumps(document).encode()
    assert taken(data, AttemptResult) == taken(data, RESULT)


def taken(data: bytes, kind: Any) -> bytes | None:
    try:
        return codec.dumps(codec.decoder(kind).decode(data))
    except ValueError:
        return None
