from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ralphbench.grading import Proof, proof_path, prove_task
from ralphbench.model import Gate, GateKind, Task, codec
from ralphbench.record import Quarantine
from ralphbench.workspace import prepare_mirror

PATCH = "--- a/code\n+++ b/code\n@@ -1 +1 @@\n-old\n+new\n"


@pytest.fixture
def make(make_task: Callable[..., Task], tmp_path: Path) -> Callable[[str], Task]:
    """A task whose guard first runs a command of ours."""

    def make(command: str) -> Task:
        reference = tmp_path / "reference.patch"
        reference.write_text(PATCH)
        return make_task(
            Gate("holds", GateKind.GUARD, f"{command}; test -f code", timeout=60),
            Gate("new", GateKind.GOAL, "grep -q new code", timeout=60),
            target={"code": "old\n"},
            references=(reference,),
        )

    return make


@pytest.fixture
def prove(tmp_path: Path) -> Callable[..., tuple[Proof, list[str]]]:
    """The proof, and what was told on the way."""

    def prove(task: Task, **more: object) -> tuple[Proof, list[str]]:
        told: list[str] = []
        proof = prove_task(
            task,
            prepare_mirror(task, tmp_path / "cache"),
            **{  # type: ignore[arg-type]
                "store": tmp_path / "proofs",
                "scratch": tmp_path / "scratch",
                "on_check": lambda: told.append("check"),
                "on_wait": lambda: told.append("wait"),
                **more,
            },
        )
        return proof, told

    return prove


def test_a_proof_that_holds_is_made_once(make, prove) -> None:
    task = make("true")
    proof, told = prove(task)
    assert (proof.ok, told) == (True, ["check"])
    assert prove(task) == (proof, [])
    again, told = prove(task, anew=True)
    assert (again.ok, told) == (True, ["check"])
    assert again.created > proof.created


def test_one_that_failed_is_made_again_when_what_was_in_the_way_is_gone(make, prove, tmp_path: Path) -> None:
    task = make(f"test -e {tmp_path}/tool || exit 127")
    proof, told = prove(task)
    assert (proof.ok, told) == (False, ["check"])
    assert "a command was not found" in proof.problems[0]
    (tmp_path / "tool").touch()
    proof, told = prove(task)
    assert (proof.ok, told) == (True, ["check"])
    assert prove(task)[1] == []


def test_one_that_is_torn_is_named_and_made_again(make, prove, tmp_path: Path) -> None:
    task = make("true")
    base = prove(task)[0].base_commit
    path = proof_path(task, base, tmp_path / "proofs")
    path.write_bytes(path.read_bytes()[:100])
    torn = Quarantine()
    proof, told = prove(task, quarantine=torn)
    assert (proof.ok, told, [damage.path for damage in torn]) == (True, ["check"], [path])


OTHER = """
import sys
from pathlib import Path
from ralphbench.grading import prove_task
from ralphbench.model import Task, codec
from ralphbench.workspace import prepare_mirror
root = Path(sys.argv[1])
task = codec.loads((root / "task.json").read_bytes(), Task)
proof = prove_task(
    task, prepare_mirror(task, root / "cache"), store=root / "proofs", scratch=root / "scratch",
    on_check=lambda: print("check", flush=True), on_wait=lambda: print("wait", flush=True),
)
print("ok" if proof.ok else proof.problems, flush=True)
"""


def test_two_that_prove_one_task_at_once_do_it_once_and_both_have_it(make, tmp_path: Path) -> None:
    # The gate ends when the other one has said that it waits.
    task = make(f"until test -e {tmp_path}/go; do sleep 0.05; done")
    (tmp_path / "task.json").write_bytes(codec.dumps(task))
    argv = [sys.executable, "-c", OTHER, str(tmp_path)]
    with (
        subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as first,
        subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as second,
    ):
        assert first.stdout is not None
        assert second.stdout is not None
        said = {first.stdout.readline(), second.stdout.readline()}
        (tmp_path / "go").touch()
        assert said == {"check\n", "wait\n"}
        assert (first.stdout.read(), second.stdout.read()) == ("ok\n", "ok\n")
    assert list((tmp_path / "scratch").iterdir()) == []
