from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ralphbench.config import ConfigErrors
from ralphbench.errors import ConfigError, UnknownName, UsageError
from ralphbench.model import Experiment, Limits, PlanMode, PlanModeKind

HEAD = "question: q\ntasks: [single]\nprofiles: [small, large]\n"


def load(world: Any, more: str = "", **overrides: object) -> Experiment:
    world.experiment(HEAD + more)
    loaded: Experiment = world.load(**overrides)
    return loaded


def test_an_experiment_is_read_whole(world: Any) -> None:
    loaded = load(
        world,
        "why: because\nbaseline: large\nrepeats: 3\nseed: 5\norder: written\nsandbox: host\nvoid_retries: 0\n"
        "limits: {iterations: 7, wall_time: 1h30m, failures: 2, stage_timeout: 90s, idle_timeout: 45s, tokens: 2M,"
        " cost: 2.50 USD, calls: 9, context: 90%}\n",
    )
    assert (loaded.name, loaded.question, loaded.why, loaded.baseline) == ("001-first", "q", "because", "large")
    assert (loaded.repeats, loaded.seed, loaded.order, loaded.sandbox, loaded.void_retries) == (
        3,
        5,
        "written",
        "host",
        0,
    )
    assert loaded.limits == Limits(7, 5400.0, 2, 90.0, 45.0, 2_000_000, 2.5, 9, 0.9)
    assert [p.name for p in loaded.profiles] == ["small", "large"]
    assert set(loaded.endpoints) == {"box", "cloud"}
    assert loaded.results == Path("results").absolute()
    assert loaded.warnings == ()


def test_what_is_not_said_has_its_default_and_says_so(world: Any) -> None:
    loaded = load(world, "limits: {iterations: 7}\n")
    assert loaded.limits == Limits(iterations=7)
    assert loaded.origins["limits.iterations"] == "experiment.yaml:4"
    assert loaded.origins["limits.wall_time"] == "default"
    assert loaded.origins["repeats"] == "default"


def test_the_command_line_wins_and_is_recorded(world: Any, tmp_path: Path) -> None:
    loaded = load(
        world,
        "baseline: large\nrepeats: 2\nsandbox: auto\n",
        profiles=("small",),
        repeats=5,
        sandbox="host",
        seed=9,
        limits={"wall_time": "20m", "iterations": 3},
        results=tmp_path / "out",
    )
    assert [p.name for p in loaded.profiles] == ["small"]
    assert (loaded.repeats, loaded.sandbox, loaded.seed) == (5, "host", 9)
    assert (loaded.limits.wall_time, loaded.limits.iterations) == (1200.0, 3)
    assert loaded.baseline == "large"
    assert loaded.results == tmp_path / "out"
    flags = {key: loaded.origins[key] for key in ("profiles", "repeats", "sandbox", "seed", "limits.wall_time")}
    assert flags == {
        "profiles": "--profile",
        "repeats": "--repeats",
        "sandbox": "--sandbox",
        "seed": "--seed",
        "limits.wall_time": "--limit",
    }
    assert loaded.origins["limits.failures"] == "default"


def test_tasks_can_be_narrowed_on_the_command_line(world: Any) -> None:
    world.experiment("question: q\ntasks: [phased/*]\nprofiles: [small]\n")
    loaded = world.load(tasks=("phased/third", "phased/first"))
    assert [task.name for task in loaded.tasks] == ["phased/first", "phased/third"]
    assert loaded.origins["tasks"] == "--task"
    with pytest.raises(UnknownName, match="--task of 001-first: there is no task 'single'"):
        world.load(tasks=("single",))


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"profiles": ("mixed",)}, "no profile of this experiment 'mixed'"),
        ({"repeats": 0}, "--repeats: expected at least 1"),
        ({"sandbox": "hots"}, "--sandbox: there is no sandbox 'hots'; did you mean 'host'"),
        ({"limits": {"wall_time": "soon"}}, "--limit wall_time: expected a duration"),
        ({"limits": {"wall_tiem": "2h"}}, "did you mean 'wall_time'"),
    ],
)
def test_mistakes_on_the_command_line_are_refused(world: Any, overrides: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load(world, **overrides)


@pytest.mark.parametrize("form", ["", "plan: own\n", "plan: {mode: own}\n"])
def test_a_plan_of_its_own(world: Any, form: str) -> None:
    assert load(world, form).plan == PlanMode()


@pytest.mark.parametrize(
    "form",
    ["{shared: {by: mixed}}", "{mode: shared, shared: {by: mixed}}", "{mode: {shared: {by: mixed}}}"],
)
def test_a_shared_plan_names_a_profile_that_need_not_take_part(world: Any, form: str) -> None:
    loaded = load(world, f"plan: {form}\n")
    assert loaded.plan == PlanMode(PlanModeKind.SHARED_BY, "mixed")
    assert loaded.planner is not None
    assert loaded.planner.name == "mixed"
    assert [p.name for p in loaded.profiles] == ["small", "large"]


def test_a_plan_file_lies_beside_the_experiment_or_in_every_task(world: Any) -> None:
    world.write("specs/single/plan.yaml", "tickets: []\n")
    assert load(world, "plan: {shared: {file: plan.yaml}}\n").plan.source == "plan.yaml"
    world.write("experiments/001-first/plan.yaml", "tickets: []\n")
    source = load(world, "plan: {shared: {file: plan.yaml}}\n").plan.source
    assert source == str((world.root / "001-first/plan.yaml").resolve())
    world.experiment("question: q\ntasks: [single, phased]\nprofiles: [small]\nplan: {shared: {file: plan.yaml}}\n")
    with pytest.raises(ConfigError, match="one plan cannot serve 2 tasks"):
        world.load()


def test_a_bare_name_that_means_the_tasks_own_plan_says_so(world: Any) -> None:
    world.write("specs/single/plan.yaml", "tickets: []\n")
    (warning,) = load(world, "plan: {shared: {file: plan.yaml}}\n").warnings
    assert "no plan.yaml lies beside experiment.yaml" in warning
    assert str(world.root.parent / "specs/single/plan.yaml") in warning
    for meant in (f"{{shared: {{file: {world.root.parent}/specs/single/plan.yaml}}}}", "own"):
        assert load(world, f"plan: {meant}\n").warnings == ()
    world.write("experiments/001-first/plan.yaml", "tickets: []\n")
    assert load(world, "plan: {shared: {file: plan.yaml}}\n").warnings == ()


def test_a_plan_from_another_experiment_must_exist_and_be_another(world: Any) -> None:
    world.experiment(name="002-second")
    assert load(world, "plan: {shared: {from: 002-second}}\n").plan == PlanMode(PlanModeKind.SHARED_FROM, "002-second")
    assert load(world, "plan: {shared: {from: '002'}}\n").plan.source == "002-second"
    with pytest.raises(ConfigError, match="from itself"):
        load(world, "plan: {shared: {from: 001-first}}\n")
    with pytest.raises(UnknownName, match=r"plan\.shared\.from: there is no experiment '002-secnd'; did you mean"):
        load(world, "plan: {shared: {from: 002-secnd}}\n")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("plan: shared\n", "expected {mode: own} or"),
        ("plan: {mode: shared}\n", "expected {mode: own} or"),
        ("plan: {shared: {by: mixed, file: x}}\n", "exactly one of by"),
        ("plan: {shared: {}}\n", "exactly one of by"),
        ("plan: {shared: {bye: mixed}}\n", "did you mean 'by'"),
        ("plan: {shared: {by: nobody}}\n", "no profile 'nobody'"),
        ("plan: {shared: {file: none.yaml}}\n", "there is no .*none.yaml"),
        ("baseline: mixed\n", r"baseline: there is no profile of this experiment 'mixed'"),
        ("repeats: 0\n", "expected at least 1, found 0"),
        ("repeats: many\n", "expected a whole number, found 'many'"),
        ("limits: {iterations: 2.5}\n", "expected a whole number, found 2.5"),
        ("limits: {iterations: null}\n", "found nothing"),
        ("limits: {iteration: 5}\n", "did you mean 'iterations'"),
        ("limits: {cost: 5}\n", "did you mean '5 USD'"),
        ("limits: {tokens: 0}\n", "leave the key out for no cap"),
        ("limits: 5\n", "expected a map"),
        ("sandbox: dcoker\n", "no sandbox 'dcoker'"),
        ("unequal_limits: yes\n", "expected true or false, found 'yes'"),
        ("order: random\n", "expected shuffled or written"),
        ("profile: [x]\n", "did you mean 'profiles'"),
    ],
)
def test_mistakes_in_the_file_are_told_with_their_line(world: Any, more: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        load(world, more)
    assert "experiment.yaml:4" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("- a\n", "expected a map"),
        (
            "question: q\ntasks: single\nprofiles: [small]\n",
            r"expected a list, found 'single'; did you mean \[single\]",
        ),
        ("question: q\ntasks: []\nprofiles: [small]\n", "at least one"),
        ("question: q\ntasks: [single]\nprofiles: []\n", "at least"),
        ("question: q\ntasks: [single]\nprofiles: [small, small]\n", "names 'small' twice"),
        ("question: q\ntasks: [single]\nprofiles: [{small: {}}]\n", "expected names"),
        (
            "question: q\ntasks: [singel]\nprofiles: [small]\n",
            r"experiment\.yaml:2: tasks\[0\]: .*did you mean 'single'",
        ),
        ("tasks: [single]\nprofiles: [small]\n", "question: is missing"),
    ],
)
def test_an_experiment_that_is_none_is_refused(world: Any, text: str, said: str) -> None:
    world.experiment(text)
    with pytest.raises(UsageError, match=said) as caught:
        world.load()
    assert caught.value.exit_code == 2


def test_every_mistake_is_told_at_once(world: Any) -> None:
    world.experiment(
        "question: q\ntasks: [single]\nprofiles: [small]\nrepeats: 0\nlimits: {iteratoins: 5, cost: 1}\nbasline: x\n"
    )
    with pytest.raises(ConfigErrors) as caught:
        world.load()
    assert [problem.line for problem in caught.value.problems] == [4, 5, 5, 6]  # type: ignore[attr-defined]
    assert {problem.key for problem in caught.value.problems} == {  # type: ignore[attr-defined]
        "repeats",
        "limits.iteratoins",
        "limits.cost",
        "basline",
    }


def test_mistakes_are_told_in_the_order_of_the_file(world: Any) -> None:
    world.experiment("nope: 1\nrepeats: x\nprofiles: [small]\ntasks: []\nquestion: 7\n")
    with pytest.raises(ConfigErrors) as caught:
        world.load()
    assert [problem.line for problem in caught.value.problems] == [1, 2, 4, 5]  # type: ignore[attr-defined]


def test_mistakes_of_meaning_are_told_at_once_too(world: Any) -> None:
    world.experiment("question: q\ntasks: [singel, phased/frist]\nprofiles: [smal]\nbaseline: x\n")
    with pytest.raises(ConfigErrors) as caught:
        world.load()
    said = str(caught.value)
    for word in ("'single'", "'first'", "'small'", "baseline"):
        assert word in said


def test_tasks_of_the_experiments_own_folder_come_first(world: Any, tmp_path: Path) -> None:
    own = world.write("experiments/001-first/specs/single/task.yaml", (world.specs / "single/task.yaml").read_text())
    world.write("experiments/001-first/specs/single/spec.md", "own")
    world.write("experiments/001-first/specs/single/target/x", "x")
    assert world.load().tasks[0].folder == own.parent.resolve()
    assert world.load(specs=(world.specs,)).tasks[0].folder == own.parent.resolve()


def test_a_folder_of_the_command_line_wins_over_the_usual_one(world: Any, tmp_path: Path) -> None:
    world.write("more/single/task.yaml", (world.specs / "single/task.yaml").read_text())
    world.write("more/single/spec.md", "more")
    world.write("more/single/target/x", "x")
    assert world.load(specs=(tmp_path / "more",)).tasks[0].spec == "more"
