from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from ralphbench.config import ConfigErrors, load_folder, load_task
from ralphbench.config.digests import digest
from ralphbench.errors import ConfigError, UnknownName
from ralphbench.model import Gate, GateKind, Report

GATES = "gates: [{id: g, kind: goal, run: x}]\n"


def test_a_task_is_read_whole(world: Any) -> None:
    task = load_task("single", world.specs)
    assert (task.name, task.title, task.tags, task.meta) == (
        "single",
        "One thing",
        ("python", "quick"),
        {"suite": "basics"},
    )
    assert task.target.path == Path("target")
    assert task.protected == ("tests/**",)
    assert task.spec == "# single\n\nDo it.\n"
    assert task.gates == (
        Gate("build", GateKind.GUARD, "make", 300.0),
        Gate("works", GateKind.GOAL, "sh hidden/works.sh", 120.0, weight=2, report=Report("tap", "out.tap", 3)),
    )
    assert (task.references, task.plan) == ((), None)
    world.write("specs/single/reference.patch", "x")
    world.write("specs/single/plan.yaml", "tickets: []")
    task = load_task("single", world.specs)
    assert [path.name for path in task.references] == ["reference.patch"]
    assert task.plan == task.folder / "plan.yaml"


def test_one_phase_starts_from_the_reference_of_the_phases_before(world: Any) -> None:
    whole, second = load_task("phased", world.specs), load_task("phased/second", world.specs)
    assert [path.stem for path in whole.references] == ["first", "second", "third"]
    assert (second.name, second.phase, second.phases) == ("phased/second", "second", ("second",))
    assert [path.stem for path in second.start] == ["first"]
    assert [path.stem for path in second.references] == ["second"]
    assert [(gate.id, gate.kind, gate.phase) for gate in second.gates] == [
        ("build", GateKind.GUARD, None),
        ("one", GateKind.GUARD, None),
        ("two", GateKind.GOAL, "second"),
    ]
    assert second.gates[2].weight == 3


def test_the_spec_of_one_phase_says_first_which_phase_is_wanted(world: Any) -> None:
    spec = load_task("phased/second", world.specs).spec
    head, _, rest = spec.partition("\n# phased")
    assert head.startswith("# What is wanted: the phase `second` alone")
    assert "Done already, in the tree that you are given, and to be left working: `first`." in head
    assert "not to be begun: `third`." in head
    assert rest == "\n\nDo it.\n"
    first, third = (load_task(f"phased/{phase}", world.specs).spec for phase in ("first", "third"))
    assert "Done already" not in first
    assert "Not wanted" not in third


def test_each_phase_has_digests_of_its_own(world: Any) -> None:
    tasks = [load_task(name, world.specs) for name in ("phased", "phased/first", "phased/second", "phased/third")]
    assert len({task.digest for task in tasks}) == 4
    assert len({task.gates_digest for task in tasks}) == 4


def test_a_patch_counts_for_its_own_phase_as_a_solution_and_for_the_next_ones_as_a_start(world: Any) -> None:
    names = ("phased", "phased/first", "phased/second", "phased/third")
    before = {name: load_task(name, world.specs) for name in names}
    world.write("specs/phased/reference/second.patch", "another\n")
    after = {name: load_task(name, world.specs) for name in names}
    assert {name for name in names if before[name].digest != after[name].digest} == {"phased/third"}
    judged = {name for name in names if before[name].gates_digest != after[name].gates_digest}
    assert judged == {"phased", "phased/second"}


def test_parts_of_a_digest_do_not_run_together() -> None:
    assert len({digest(parts) for parts in ([b"ab", b"c"], [b"a", b"bc"], [b"abc"], [b"abc", b""])}) == 4


def test_digests_do_not_depend_on_the_place_or_the_time(world: Any, tmp_path: Path) -> None:
    before = load_task("single", world.specs)
    copy = tmp_path / "elsewhere" / "single"
    shutil.copytree(before.folder, copy, copy_function=shutil.copyfile)
    os.utime(copy / "spec.md", (1, 1))
    after = load_folder(copy)
    assert (after.digest, after.gates_digest) == (before.digest, before.gates_digest)


@pytest.mark.parametrize(
    ("path", "text", "which"),
    [
        ("target/Makefile", "all: x\n", "digest"),
        ("target/new.c", "", "digest"),
        ("spec.md", "# other\n", "digest"),
        ("hidden/works.sh", "exit 0\n", "gates_digest"),
        ("hidden/overlay/Makefile", "x", "gates_digest"),
        ("reference.patch", "x", "gates_digest"),
    ],
)
def test_each_file_counts_for_its_own_side(world: Any, path: str, text: str, which: str) -> None:
    before = load_task("single", world.specs)
    world.write(f"specs/single/{path}", text)
    after = load_task("single", world.specs)
    changed = {name for name in ("digest", "gates_digest") if getattr(before, name) != getattr(after, name)}
    assert changed == {which}


def test_an_executable_bit_and_a_link_count(world: Any) -> None:
    before = load_task("single", world.specs)
    (before.folder / "target" / "Makefile").chmod(0o755)
    executable = load_task("single", world.specs)
    assert executable.digest != before.digest
    (before.folder / "target" / "link").symlink_to("Makefile")
    assert load_task("single", world.specs).digest != executable.digest


def test_what_gitignore_names_and_tools_leave_behind_is_no_part_of_the_target(world: Any) -> None:
    world.write("specs/single/target/.gitignore", "*.o\n/build/\n!keep.o\n")
    world.write("specs/single/target/sub/.gitignore", "junk\n")
    before = load_task("single", world.specs).digest
    for path in ("a.o", "sub/b.o", "build/x", "sub/junk", "__pycache__/m.pyc", ".git/HEAD"):
        world.write(f"specs/single/target/{path}", "made")
    assert load_task("single", world.specs).digest == before
    world.write("specs/single/target/keep.o", "kept")
    assert load_task("single", world.specs).digest != before


def test_gates_may_change_without_a_change_for_the_contender(world: Any) -> None:
    before = load_task("single", world.specs)
    file = world.specs / "single" / "task.yaml"
    file.write_text(file.read_text().replace("weight: 2", "weight: 4"))
    after = load_task("single", world.specs)
    assert (after.digest == before.digest, after.gates_digest == before.gates_digest) == (True, False)


def test_a_repository_is_a_target_with_its_base(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write("specs/mine/spec.md", "Do it.")
    world.write("specs/mine/task.yaml", "title: t\ntarget: {repo: $MY_HOME/src/mine, base: v1.0}\n" + GATES)
    monkeypatch.setenv("MY_HOME", "/home/a")
    here = load_task("mine", world.specs)
    assert (here.target.repo, here.target.base, here.target.path) == ("/home/a/src/mine", "v1.0", None)
    monkeypatch.setenv("MY_HOME", "/home/b")
    assert load_task("mine", world.specs).digest == here.digest
    monkeypatch.delenv("MY_HOME")
    with pytest.raises(ConfigError, match=r"task\.yaml:2: target\.repo: the variable MY_HOME"):
        load_task("mine", world.specs)


def test_a_spec_may_lie_elsewhere(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCS", str(world.write("docs/s.md", "Elsewhere.").parent))
    world.write("specs/mine/task.yaml", "title: t\nspec: $DOCS/s.md\ntarget: {repo: ., base: v1}\n" + GATES)
    assert load_task("mine", world.specs).spec == "Elsewhere."


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("title: t\ntarget: {path: target}\n", 1, "gates: is missing"),
        ("title: t\ntarget: {path: target}\ngates: []\n", 3, "at least one"),
        ("title: t\ntarget: {path: target}\ngates: [{id: g, kind: guard, run: x}]\n", 3, "no gate is of kind goal"),
        ("title: t\ntarget: {path: target}\ngates: [{id: g, kind: gaol, run: x}]\n", 3, "did you mean 'goal'"),
        ("title: t\ntarget: {path: target}\ngates: [{id: g, kind: goal, cmd: x, run: y}]\n", 3, "called `run`"),
        ("title: t\ntarget: {path: target}\ngates: [{id: g, kind: goal, run: x, timeout: 5}]\n", 3, "'5s' or '5m'"),
        ("title: t\ntarget: {path: target}\ngates: [{id: g, kind: goal, run: x, weight: 0}]\n", 3, "more than 0"),
        ("title: t\ntarget: {path: target}\ngates: [{id: g, kind: goal, run: x, phase: p}]\n", 3, "no phase 'p'"),
        (
            "title: t\ntarget: {path: target}\ngates: [{id: g, kind: goal, run: x, report: {min_tests: 1}}]\n",
            3,
            "exactly one",
        ),
        ("title: t\ntarget: {path: target}\ngates: [{id: g, kind: goal, run: x, report: {tap: ../x}}]\n", 3, "inside"),
        ("title: t\ntarget: {path: target}\nphases: [p]\n" + GATES, 3, "no goal gate judges the phase 'p'"),
        ("title: t\ntarget: {path: target}\nphasse: [p]\n" + GATES, 3, "did you mean 'phases'"),
        ("title: t\ntarget: {path: nowhere}\n" + GATES, 2, "there is no folder"),
        ("title: t\ntarget: {path: target, repo: x}\n" + GATES, 2, "expected either"),
        ("title: t\ntarget: {repo: x}\n" + GATES, 2, "repo needs base"),
        ("title: t\ntarget: {repo: x, base: --upload-pack=x}\n" + GATES, 2, "expected a tag, branch or commit"),
        ("title: t\nspec: none.md\ntarget: {path: target}\n" + GATES, 2, "none.md cannot be read"),
        ("title: 7\ntarget: {path: target}\n" + GATES, 1, "put it into quotes"),
        ("title: t\ntags: quick\ntarget: {path: target}\n" + GATES, 2, r"did you mean \[quick\]"),
        ("", 1, "is empty"),
    ],
)
def test_a_mistake_is_told_with_its_line(world: Any, text: str, line: int, said: str) -> None:
    world.write("specs/single/task.yaml", text)
    with pytest.raises(ConfigError, match=said) as caught:
        load_task("single", world.specs)
    found = caught.value.problems if isinstance(caught.value, ConfigErrors) else (caught.value,)
    assert line in {getattr(problem, "line", None) or 1 for problem in found}


def test_every_mistake_of_a_task_is_told_at_once(world: Any) -> None:
    world.write(
        "specs/single/task.yaml",
        """
        title: t
        target: {path: target}
        spec: none.md
        gates:
          - {id: g, kind: goal, run: x, phase: p}
          - {id: g, kind: guard, run: x}
        """,
    )
    with pytest.raises(ConfigErrors) as caught:
        load_task("single", world.specs)
    said = str(caught.value)
    assert "gates[0].phase" in said
    assert "gates[1].id: 'g' is the id of gates[0] too" in said
    assert "none.md" in said


def test_references_must_be_one_or_one_a_phase(world: Any) -> None:
    (world.specs / "phased/reference/second.patch").rename(world.specs / "phased/reference/secnd.patch")
    with pytest.raises(ConfigError, match=r"no patch for second; patches for no phase: secnd"):
        load_task("phased", world.specs)
    world.write("specs/phased/reference.patch", "x")
    with pytest.raises(ConfigError, match="keep one"):
        load_task("phased", world.specs)
    shutil.rmtree(world.specs / "phased/reference")
    assert len(load_task("phased", world.specs).references) == 1
    with pytest.raises(ConfigError, match="one phase alone needs a patch for each phase"):
        load_task("phased/first", world.specs)


def test_unknown_tasks_and_phases_name_what_is_near(world: Any) -> None:
    with pytest.raises(UnknownName, match="no task 'singel'; did you mean 'single'"):
        load_task("singel", world.specs)
    with pytest.raises(UnknownName, match="'frist'; did you mean 'first'"):
        load_task("phased/frist", world.specs)
    with pytest.raises(UnknownName, match="no phase of task 'phased' ''"):
        load_task("phased/", world.specs)


def test_a_task_is_loaded_from_the_folder_one_is_in(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(world.specs / "single")
    assert load_folder(Path(".")) == load_task("single", world.specs)


def test_a_reference_that_is_no_file_is_an_error_of_the_user(world: Any) -> None:
    (world.specs / "phased/reference/second.patch").unlink()
    (world.specs / "phased/reference/second.patch").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_task("phased", world.specs)


def test_the_first_folder_that_holds_a_task_wins(world: Any, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(world.specs / "single", other / "single")
    assert load_task("single", other, world.specs).folder == (other / "single").resolve()
    assert load_task("phased", other, world.specs).folder == (world.specs / "phased").resolve()
