"""What was proven of a task's gates, kept under what it was proven for: the task's two digests and its base commit.

The base is not in the digests where the target is a repository: a branch moves on and keeps its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ralphbench.errors import TaskError
from ralphbench.model import GateResult, Task, codec
from ralphbench.record import Quarantine, atomic_write, make_folder, read_or_set_aside, report, set_aside

VERSION = 2


@dataclass(frozen=True, slots=True)
class Proof:
    """`ok`: at base every guard passes and every goal fails, and the reference makes all pass."""

    task: str
    digest: str
    gates_digest: str
    base_commit: str
    ok: bool
    problems: tuple[str, ...]
    """What the task's author must change, one sentence or two each."""
    base: tuple[GateResult, ...]
    reference: tuple[GateResult, ...]
    """Empty where the task has no reference."""
    phases: Mapping[str, tuple[GateResult, ...]]
    """After the patch of each phase but the last, whose results are `reference`."""
    seconds: float
    created: float
    """Wall clock, seconds since the epoch."""
    runs: int = 1
    """How often each row was run."""
    sandbox: str = ""
    warnings: tuple[str, ...] = ()
    """What is not proven, or is left out of the target; no reason to refuse the task."""
    version: int = field(default=VERSION)


_proof = codec.decoder(Proof)


def proof_path(task: Task, base: str, store: Path) -> Path:
    """Where the proof of this very task at this base commit lies. Raises TaskError where the task has no digest."""
    if not task.digest or not task.gates_digest:
        raise TaskError(f"the task {task.name} has no digest: nothing can be proven of it")
    return store / f"{task.digest}+{task.gates_digest}+{base}.json".replace("/", "_")


def save_proof(proof: Proof, task: Task, store: Path) -> Path:
    """Keep a proof, also one that failed, in place of an earlier one. Raises DiskError."""
    path = proof_path(task, proof.base_commit, store)
    make_folder(store)
    atomic_write(path, codec.pretty(proof))
    return path


def load_proof(task: Task, base: str, store: Path, quarantine: Quarantine | None = None) -> Proof | None:
    """The proof of this very task at this base commit, None where there is none.

    One that is torn, of another version, or was made for something else than its name says, proves nothing: it is set
    aside and reported. Raises RecordError where the file cannot be read at all.
    """
    path = proof_path(task, base, store)
    proof = read_or_set_aside(path, _proof, quarantine)
    if proof is None:
        return None
    what = None
    if proof.version != VERSION:
        what = f"is of version {proof.version}, not {VERSION}"
    elif (proof.digest, proof.gates_digest, proof.base_commit) != (task.digest, task.gates_digest, base):
        what = f"was made for another state of {proof.task}"
    if what is None:
        return proof
    report(quarantine, set_aside(path, what))
    return None
