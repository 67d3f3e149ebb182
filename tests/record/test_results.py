"""The files that are written whole: there or not there, and a torn one is set aside, named, and counts as missing."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from ralphbench.errors import RecordError
from ralphbench.model import (
    AttemptSpec,
    Cell,
    EndpointSpec,
    Gate,
    GateKind,
    Limits,
    ModelRef,
    PlanMode,
    Profile,
    Stage,
    StageModel,
    Target,
    Task,
    codec,
)
from ralphbench.record import (
    AttemptFolder,
    ExperimentFolder,
    Quarantine,
    read_manifest,
    read_result,
    read_spec,
    write_manifest,
    write_result,
    write_spec,
)


@pytest.fixture
def folder(tmp_path: Path) -> AttemptFolder:
    return AttemptFolder(tmp_path / "a1").create()


def test_what_is_written_is_what_is_read(folder: AttemptFolder, result) -> None:
    assert read_result(folder) is None
    write_result(folder, result)
    assert read_result(folder) == result


def test_a_committed_attempt_is_not_written_over(folder: AttemptFolder, result) -> None:
    write_result(folder, result)
    with pytest.raises(RecordError, match="does not change") as caught:
        write_result(folder, replace(result, detail="another"))
    assert "--fresh" in str(caught.value)
    assert read_result(folder) == result


def test_a_result_that_was_copied_from_elsewhere_does_not_keep_an_attempt_from_being_committed(
    folder: AttemptFolder, result
) -> None:
    folder.result.write_bytes(codec.pretty(replace(result, number=7)))
    write_result(folder, result)
    assert read_result(folder) == result
    assert (folder.path / "result.json.damaged-1").exists()


def test_a_result_torn_at_any_byte_is_set_aside_and_named(folder: AttemptFolder, result) -> None:
    whole = codec.pretty(result)
    for k, end in enumerate(range(len(whole) - 1), start=1):  # without its final newline it is still whole
        folder.result.write_bytes(whole[:end])
        seen = Quarantine()
        assert read_result(folder, seen) is None
        aside = folder.path / f"result.json.damaged-{k}"
        assert [(damage.path, damage.moved_to) for damage in seen] == [(folder.result, aside)]
        assert not folder.result.exists()
        assert aside.read_bytes() == whole[:end]
        if k == 200:  # naming counts up: enough of that
            break
    for end in range(200, len(whole) - 1, 97):
        folder.result.write_bytes(whole[:end])
        assert read_result(folder, Quarantine()) is None
    write_result(folder, result)
    assert read_result(folder) == result


@pytest.mark.parametrize(
    "data", [b"\0" * 512, b"null", b"[]", b"{}", b"[" * 100_000, b"\xff\xfe\xfd", b'{"version": "x"}']
)
def test_what_is_no_result_is_set_aside(folder: AttemptFolder, data: bytes) -> None:
    folder.result.write_bytes(data)
    seen = Quarantine()
    assert read_result(folder, seen) is None
    assert "is no result" in str(seen.damages[0])
    assert (folder.path / "result.json.damaged-1").read_bytes() == data


def test_a_folder_in_place_of_the_result_is_set_aside(folder: AttemptFolder, result) -> None:
    folder.result.mkdir()
    seen = Quarantine()
    assert read_result(folder, seen) is None
    assert (folder.path / "result.json.damaged-1").is_dir()
    write_result(folder, result)


def test_damage_that_cannot_be_moved_is_named_in_place(folder: AttemptFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.result.write_bytes(b"{")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "rename", refuse)
    seen = Quarantine()
    assert read_result(folder, seen) is None
    assert seen.damages[0].moved_to is None
    assert "could not be moved: Permission denied" in str(seen.damages[0])


@pytest.mark.parametrize(("version", "remedy"), [(2, "pip install --upgrade ralphbench"), (0, "mv ")])
@pytest.mark.parametrize("same_shape", [True, False])
def test_a_record_of_another_version_is_refused_and_left_alone(
    folder: AttemptFolder, result, version: int, remedy: str, same_shape: bool
) -> None:
    data = codec.dumps(replace(result, version=version)) if same_shape else b'{"version": %d}' % version
    folder.result.write_bytes(data)
    with pytest.raises(RecordError, match=f"version {version}") as caught:
        read_result(folder)
    assert caught.value.remedy is not None
    assert caught.value.remedy.startswith(remedy)
    assert folder.result.read_bytes() == data


def test_what_the_trial_is_told_comes_back_typed(folder: AttemptFolder) -> None:
    task = Task(
        "heap/rename",
        Path("/specs/heap"),
        "Rename",
        "words",
        Target(path=Path("target")),
        (Gate("unit", GateKind.GOAL, "sh hidden/unit.sh"),),
        references=(Path("1.patch"),),
    )
    model = StageModel(ModelRef("lmstudio", "mistralai/devstral"), "opencode")
    paths = {field.name: Path("/", field.name) for field in fields(AttemptSpec) if field.type == "Path"}
    told: dict[str, Any] = paths | {
        "experiment": "001-x",
        "cell": Cell("heap/rename", "devstral", 1),
        "number": 1,
        "task": task,
        "profile": Profile("devstral", dict.fromkeys(Stage, model)),
        "endpoints": {"lmstudio": EndpointSpec("lmstudio", "lmstudio")},
        "limits": Limits(tokens=1000),
        "plan": PlanMode(),
        "sandbox": "host",
        "base": "a" * 40,
        "identity": "0" * 64,
    }
    spec = AttemptSpec(**told)
    assert read_spec(folder) is None
    write_spec(folder, spec)
    assert read_spec(folder) == spec
    folder.trial.write_bytes(folder.trial.read_bytes()[:-30])
    seen = Quarantine()
    assert read_spec(folder, seen) is None
    assert [damage.moved_to for damage in seen] == [folder.path / "trial.json.damaged-1"]


def test_a_torn_manifest_and_a_torn_lock_are_set_aside(folder: AttemptFolder, tmp_path: Path) -> None:
    experiment = ExperimentFolder(tmp_path, "001-x")
    assert read_manifest(folder) is None
    assert experiment.read_lock() is None
    write_manifest(folder, {"agent": {"name": "opencode", "version": "1.18.33"}})
    experiment.write_lock({"tasks": {"heap": "digest"}})
    assert read_manifest(folder) == {"agent": {"name": "opencode", "version": "1.18.33"}}
    assert experiment.read_lock() == {"tasks": {"heap": "digest"}}
    seen = Quarantine()
    for path in (folder.manifest, experiment.lock_path):
        path.write_bytes(path.read_bytes()[:10])
    assert read_manifest(folder, seen) is None
    assert experiment.read_lock(seen) is None
    assert [damage.path for damage in seen] == [folder.manifest, experiment.lock_path]
    assert all(damage.moved_to is not None and damage.moved_to.exists() for damage in seen)
