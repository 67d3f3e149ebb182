"""The same attempt again from its record, here or on another box."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ralphbench import __version__
from ralphbench.config import differences
from ralphbench.errors import RecordError
from ralphbench.grading import place_to_judge, with_kept_gates
from ralphbench.loop import load_plan, plan_hash, prompts_hash
from ralphbench.model import (
    AttemptResult,
    AttemptSpec,
    Experiment,
    PlanMode,
    PlanModeKind,
    Target,
    Task,
    codec,
)
from ralphbench.record import (
    AttemptFolder,
    atomic_file,
    read_manifest,
    read_result,
    read_spec,
    require_whole,
    require_writable,
)
from ralphbench.schedule.manifest import machine
from ralphbench.schedule.places import user_places
from ralphbench.schedule.prepare import Prepared
from ralphbench.workspace import restore_record

_FORMAT = "ralphbench.bundle/1"


@dataclass(frozen=True, slots=True)
class Reproduction:
    """An experiment of one cell, and what the attempt that it repeats was."""

    experiment: Experiment
    manifest: dict[str, Any]
    original: AttemptResult | None

    def differences(self, prepared: Prepared) -> tuple[str, ...]:
        """What is not as it was: identity first (it makes another contender), then what surrounds it."""
        task, profile = self.experiment.tasks[0], self.experiment.profiles[0]
        before, now = self.manifest, _around(prepared)
        plan = self.experiment.plan
        hash_ = None if plan.source is None else plan_hash(load_plan(Path(plan.source)))
        parts = codec.builtins(prepared.identity_parts(task, profile, hash_))
        found = differences(before["identity_parts"], parts)
        then = {key: before.get(key) for key in now} | {"servers": _servers(before.get("servers") or {})}
        return found + differences(then, now)


def _around(prepared: Prepared) -> dict[str, Any]:
    return {
        "ralphbench": __version__,
        "prompts": prompts_hash(),
        "machine": machine(),
        "models": {name: codec.builtins(info) for name, info in prepared.models.items()},
        "servers": _servers({name: codec.builtins(info) for name, info in prepared.servers.items()}),
    }


def _servers(told: Mapping[str, Any]) -> dict[str, Any]:
    """Without where a script or a recorded attempt lies: what is in it is part of the identity."""
    places = ("script", "record")
    return {
        name: info | {"details": {key: value for key, value in info["details"].items() if key not in places}}
        for name, info in told.items()
    }


@contextlib.contextmanager
def open_reproduction(source: Path, results: Path) -> Iterator[Reproduction]:
    """From an attempt's folder or a bundle; what is unpacked for it is gone afterwards. Raises RecordError."""
    with place_to_judge(user_places().grading) as place:  # where the next run removes what a killed one has left
        if source.is_dir():
            folder = AttemptFolder(source)
            _require_whole(folder)
            spec, manifest = _told(folder), _manifest(folder)
            pack = _base_pack(source, manifest)
            task, plan = _judged(source, spec.task), _shared_plan(folder, spec)
        else:
            folder, spec, manifest, pack, task, plan = _unpack(source, place)
        repo = restore_record(pack, None, place / "base.git")
        task = dataclasses.replace(task, target=Target(repo=str(repo), base="base"), start=())
        yield Reproduction(_experiment(spec, task, plan, results), manifest, read_result(folder))


def _require_whole(folder: AttemptFolder) -> None:
    """What is about to be repeated must be what was. Raises RecordError."""
    require_whole(folder, folder.trial, folder.manifest, folder.shared_plan)


def _told(folder: AttemptFolder) -> AttemptSpec:
    spec = read_spec(folder)
    if spec is None:
        raise RecordError(f"{folder.path} has no trial.json: it is not an attempt's folder", remedy=f"ls {folder.path}")
    return spec


def _manifest(folder: AttemptFolder) -> dict[str, Any]:
    manifest = read_manifest(folder)
    if manifest is None:
        raise RecordError(f"{folder.path} has no manifest: it is not an attempt's folder", remedy=f"ls {folder.path}")
    return manifest


def _shared_plan(folder: AttemptFolder, spec: AttemptSpec) -> Path | None:
    """The plan that it was given, beside its other files wherever these are now. Raises RecordError where it is lost: the
    attempt would plan for itself, and be another one.
    """
    if spec.plan_file is None:
        return None
    path = folder.path / spec.plan_file.name
    if not path.is_file():
        raise RecordError(
            f"{folder.path} worked on a shared plan, and {path.name} is not there", remedy=f"ls {folder.path}"
        )
    return path


def _base_pack(attempt: Path, manifest: dict[str, Any]) -> Path:
    """The base tree, kept once for the experiment: above `cells/` or `plans/`."""
    for parent in attempt.parents:
        pack = parent / "bases" / str(manifest["base_pack"])
        if pack.is_file():
            return pack
    raise RecordError(f"the base of {attempt} is not in the record: no bases/{manifest['base_pack']} above it")


def _judged(attempt: Path, task: Task) -> Task:
    """The task, judged by what the record keeps of it; by the task's folder where the record is older than that."""
    kept = _kept_gates(attempt, task)
    return task if kept is None else with_kept_gates(task, kept)


def _kept_gates(attempt: Path, task: Task) -> Path | None:
    return next((p for above in attempt.parents if (p := above / "gates" / task.gates_digest).is_dir()), None)


def _experiment(spec: AttemptSpec, task: Task, plan: Path | None, results: Path) -> Experiment:
    mode = PlanMode() if plan is None else PlanMode(PlanModeKind.SHARED_FILE, str(plan))
    return Experiment(
        name=f"{spec.experiment}.reproduced",
        folder=task.folder,
        question=f"Does {spec.id} come out the same again?",
        tasks=(task,),
        profiles=(spec.profile,),
        endpoints={m.model.endpoint: spec.endpoints[m.model.endpoint] for m in spec.profile.stages.values()},
        limits=spec.limits,
        plan=mode,
        sandbox=spec.sandbox,
        results=results,
        agents=spec.agents,
    )


def write_reproduction_bundle(attempt: Path, dest: Path) -> list[str]:
    """One file with all that another box needs: what the trial was told, the task with its gates, the base. No keys.

    It is whole or not there. Raises UsageError (no folder for it), DiskError, RecordError.
    """
    require_writable(dest)
    folder = AttemptFolder(attempt)
    _require_whole(folder)
    spec, manifest = _told(folder), _manifest(folder)
    pack = _base_pack(attempt, manifest)
    names: list[str] = []
    with (
        atomic_file(dest) as descriptor,
        os.fdopen(descriptor, "wb", closefd=False) as file,
        tarfile.open(fileobj=file, mode="w:gz") as archive,
    ):

        def add(path: Path, name: str) -> None:
            archive.add(path, name, recursive=True)
            names.append(name)

        _add_bytes(archive, "format.json", codec.pretty({"format": _FORMAT, "base": pack.name}))
        add(folder.trial, "trial.json")
        add(folder.manifest, "manifest.json")
        if folder.result.exists():
            add(folder.result, "result.json")
        if (plan := _shared_plan(folder, spec)) is not None:
            add(plan, "shared-plan.yaml")
        add(pack, f"bases/{pack.name}")
        _add_gates(attempt, spec.task, add)
        for name, endpoint in spec.endpoints.items():
            if endpoint.script is not None and Path(endpoint.script).is_file():
                add(Path(endpoint.script), f"scripts/{name}.yaml")
    return names


def _add_gates(attempt: Path, task: Task, add: Callable[[Path, str], None]) -> None:
    kept = _kept_gates(attempt, task)
    if kept is not None:
        add(kept, "gates")
        return
    for path in sorted(task.folder.iterdir()):
        if path.name != "target":  # the base holds it
            add(path, f"task/{path.name}")


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def _unpack(bundle: Path, place: Path) -> tuple[AttemptFolder, AttemptSpec, dict[str, Any], Path, Task, Path | None]:
    try:
        with tarfile.open(bundle, "r:gz") as archive:
            _extract(archive, place / "bundle")
        root = place / "bundle"
        told = codec.loads((root / "format.json").read_bytes(), dict[str, str])
    except (OSError, tarfile.TarError, ValueError) as error:
        raise RecordError(
            f"{bundle} is not a bundle of ralphbench: {error}", remedy="ralphbench reproduce --help"
        ) from error
    if told.get("format") != _FORMAT:
        raise RecordError(f"{bundle} has the format {told.get('format')!r}; this ralphbench reads {_FORMAT!r}")
    folder = AttemptFolder(root)
    spec = _told(folder)
    task = _moved(spec.task, root / "task")
    if (root / "gates").is_dir():
        task = with_kept_gates(spec.task, root / "gates")
    scripts = {
        name: dataclasses.replace(endpoint, script=str(root / "scripts" / f"{name}.yaml"))
        for name, endpoint in spec.endpoints.items()
        if (root / "scripts" / f"{name}.yaml").is_file()
    }
    spec = dataclasses.replace(spec, endpoints={**spec.endpoints, **scripts})
    plan = root / "shared-plan.yaml"
    return folder, spec, _manifest(folder), root / "bases" / told["base"], task, plan if plan.is_file() else None


def _extract(archive: tarfile.TarFile, dest: Path) -> None:
    """Files and folders below `dest`, nothing else: a bundle comes from somewhere. Raises TarError."""
    for member in archive:
        inside = not member.name.startswith("/") and ".." not in Path(member.name).parts
        if not inside or not (member.isfile() or member.isdir()):
            raise tarfile.TarError(f"{member.name!r} has no place in a bundle")
    if hasattr(tarfile, "data_filter"):  # since Python 3.11.4; 3.12 wants to be told
        archive.extractall(dest, filter="data")
    else:
        archive.extractall(dest)


def _moved(task: Task, to: Path) -> Task:
    """The task with its files where they were unpacked."""

    def moved(path: Path) -> Path:
        return to / os.path.relpath(path, task.folder)

    return dataclasses.replace(task, folder=to, references=tuple(map(moved, task.references)))
