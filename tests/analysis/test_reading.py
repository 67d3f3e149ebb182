"""Many results are read by several processes, and come out as if one had read them."""

from __future__ import annotations

import dataclasses
import os
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest
from support.fifo import reader_of
from support.results import Write, result

from ralphbench.analysis import children, helpers, load, reading
from ralphbench.analysis.reading import Part, Shard, read_shards, shards_of
from ralphbench.errors import RecordError
from ralphbench.model import Cell, codec
from ralphbench.record import ExperimentFolder, Repeats


@pytest.fixture
def record(tmp_path: Path, write: Write) -> ExperimentFolder:
    """Fourteen attempts of three contenders; some torn, some not committed."""
    for profile, repeats in (("p", 5), ("q", 4), ("r", 3)):
        for repeat in range(1, repeats + 1):
            write("a", profile, repeat)
    write("a", "q", 2, 2)
    found = ExperimentFolder(tmp_path, "x")
    found.new_attempt(Cell("a", "p", 3))
    found.folder(Cell("a", "q", 3), 1).result.write_bytes(b"{")
    return found


@pytest.fixture
def shards(record: ExperimentFolder, monkeypatch: pytest.MonkeyPatch) -> list[Shard]:
    """In pieces of two repeats."""
    monkeypatch.setattr(reading, "SHARD", 2)
    return list(shards_of("cell", record.listing().repeats()))


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process leaves all the work to its helpers."""

    def nothing(shards: Sequence[Shard], jobs: int) -> Iterator[tuple[int, Part]]:
        return iter(())

    monkeypatch.setattr(helpers, "_work", nothing)


def test_shards_are_of_a_size_and_keep_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SHARD", 4)
    repeats = [Repeats("/p", "t", "p", range(1, 10)), Repeats("/q", "t", "q", ()), Repeats("/r", "t", "r", range(1, 4))]
    shards = list(shards_of("cell", repeats))
    assert [sum(len(each.numbers) for each in shard.repeats) for shard in shards] == [4, 4, 4]
    found = [(each.profile, n) for shard in shards for each in shard.repeats for n in each.numbers]
    assert found == [("p", n) for n in range(1, 10)] + [("r", n) for n in range(1, 4)]


def test_helpers_read_what_one_process_reads_in_the_same_order(shards: list[Shard]) -> None:
    alone = read_shards(shards, 1)  # sets the torn one aside
    assert len(alone) == 6
    assert read_shards(shards, 1) == read_shards(shards, 3)


@pytest.mark.usefixtures("idle")
def test_helpers_alone_read_everything(shards: list[Shard]) -> None:
    read = helpers.read_with_helpers(shards, 2)
    assert sorted(read) == list(range(6))
    assert [damage.what.partition(":")[0] for part in read.values() for damage in part.damages] == ["is no result"]
    assert [read[n].flats for n in range(6)] == [part.flats for part in read_shards(shards, 1)]


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("cause", ["another version", "a number beyond all columns"])
def test_what_a_helper_cannot_read_is_the_same_error_as_without_one(
    record: ExperimentFolder, shards: list[Shard], cause: str
) -> None:
    for profile, repeat in (("p", 5), ("r", 1)):
        made = result("a", profile, repeat)
        wrong = (
            dataclasses.replace(made, version=7)
            if cause == "another version"
            else dataclasses.replace(made, processes=2**70)
        )
        record.folder(made.cell, 1).result.write_bytes(codec.dumps(wrong))
    with pytest.raises((RecordError, OverflowError)) as alone:
        read_shards(shards, 1)
    with pytest.raises(type(alone.value)) as together:
        read_shards(shards, 3)
    assert str(together.value) == str(alone.value)


@pytest.mark.parametrize("program", ["/bin/false", "/nowhere/python"])
def test_without_helpers_this_process_reads_everything(
    shards: list[Shard], program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_shards(shards, 1)
    monkeypatch.setattr(children.sys, "executable", program)
    assert read_shards(shards, 3) == read_shards(shards, 1)


@pytest.mark.parametrize("room", [0, 100])
def test_without_room_for_a_file_this_process_reads_everything(shards: list[Shard], tmp_path: Path, room: int) -> None:
    with (tmp_path / "shards").open("wb") as file:
        pickle.dump(shards, file)
    alone = [read_shards(shards, 1), read_shards(shards, 1)][1]
    argv = [sys.executable, "-c", textwrap.dedent(CRAMPED), str(tmp_path / "shards"), str(room)]
    done = subprocess.run(argv, capture_output=True, check=True)
    assert pickle.loads(done.stdout) == alone


CRAMPED = """\
    import pickle, resource, signal, sys
    from ralphbench.analysis import helpers, reading
    shards = pickle.load(open(sys.argv[1], "rb"))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    read = reading.read_shards(shards, 3)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    sys.stdout.buffer.write(pickle.dumps(read))
"""


@pytest.mark.usefixtures("idle")
def test_what_a_killed_helper_had_not_finished_is_read_here(
    shards: list[Shard], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [read_shards(shards, 1), read_shards(shards, 1)][1]
    whole = helpers._Helper.collect

    def cut(self: helpers._Helper) -> Iterator[tuple[int, Part]]:
        self._process.wait()
        os.ftruncate(self._out.fileno(), os.fstat(self._out.fileno()).st_size * 2 // 3)
        found = list(whole(self))
        assert 0 < len(found) < 6
        yield from found

    monkeypatch.setattr(helpers._Helper, "collect", cut)
    assert read_shards(shards, 2) == alone


def test_a_small_experiment_starts_no_process(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    write("a")
    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert len(load([tmp_path / "x"]).attempts) == 1


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core is not shared")
def test_many_repeats_are_read_by_more_than_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    few = list(shards_of("cell", [Repeats("/p", "t", "p", range(1, reading.MANY))]))
    many = list(shards_of("cell", [Repeats("/p", "t", "p", range(1, reading.MANY + 1))]))
    assert reading.processes_for(few) == 1
    assert reading.processes_for(many) > 1


STUCK = """\
    import sys, pathlib
    from ralphbench.analysis import helpers
    from ralphbench.analysis.reading import shards_of
    from ralphbench.record import ExperimentFolder
    helpers._work = lambda shards, jobs: iter(())
    shards = list(shards_of("cell", ExperimentFolder(pathlib.Path(sys.argv[1]), "x").listing().repeats()))
    helpers.read_with_helpers(shards, 1)
"""


def test_a_helper_ends_with_the_process_that_is_killed(tmp_path: Path, write: Write) -> None:
    write("a")
    pipe = ExperimentFolder(tmp_path, "x").folder(Cell("a", "p", 1), 1).result
    pipe.unlink()
    os.mkfifo(pipe)
    argv = [sys.executable, "-c", textwrap.dedent(STUCK), str(tmp_path)]
    with subprocess.Popen(argv) as process, reader_of(pipe, process):
        (helper,) = psutil.Process(process.pid).children()
        process.kill()
        gone, _ = psutil.wait_procs([helper], timeout=60)
    assert gone == [helper]
