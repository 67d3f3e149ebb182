"""The experiments that ship: they load, and hold the parameters that they promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from ralphbench.config import explain, list_experiments, load_experiment, load_task, profile_names, task_names
from ralphbench.config.layers import Catalog, read_shared
from ralphbench.config.problems import Problems
from ralphbench.config.profiles import resolve_profile
from ralphbench.model import Experiment, GateKind, Stage

TOP = Path(__file__).parents[2]
ROOT = TOP / "experiments"
OPUS, SONNET = "anthropic/claude-opus-4-6", "anthropic/claude-sonnet-4-5"
DEVSTRAL, QWEN = "lmstudio/mistralai/devstral-small-2-2512", "lmstudio/qwen/qwen3-coder-30b"
GLM, GPT_OSS = "lmstudio/zai-org/glm-4.7-flash", "lmstudio/openai/gpt-oss-20b"
PHASES = ("rename", "context", "lifecycle", "world", "eventloop", "cleanup")
THINK_AND_BUILD = {
    "hybrid": (OPUS, DEVSTRAL),
    "opus": (OPUS, OPUS),
    "sonnet": (SONNET, SONNET),
    "opus-sonnet": (OPUS, SONNET),
    "sonnet-hybrid": (SONNET, DEVSTRAL),
    "devstral": (DEVSTRAL, DEVSTRAL),
    "qwen3-coder": (QWEN, QWEN),
    "glm-flash": (GLM, GLM),
    "gpt-oss": (GPT_OSS, GPT_OSS),
    "local-hybrid": (QWEN, DEVSTRAL),
    "local-hybrid-inv": (DEVSTRAL, QWEN),
}
LOCAL = ["devstral", "qwen3-coder", "glm-flash", "gpt-oss", "local-hybrid", "local-hybrid-inv"]


def load(name: str) -> Experiment:
    return load_experiment(name, root=ROOT)


def table(experiment: Experiment) -> dict[str, str]:
    return {row.key: row.value for row in explain(experiment)}


@pytest.mark.parametrize("name", list_experiments(ROOT))
def test_every_shipped_experiment_loads_without_a_warning(name: str) -> None:
    loaded = load(name)
    assert loaded.warnings == ()
    assert loaded.why
    assert loaded.baseline in [profile.name for profile in loaded.profiles]
    assert (loaded.folder / "PLAN.md").is_file()


@pytest.mark.parametrize("name", task_names([TOP / "specs"]))
def test_every_shipped_task_loads_and_has_a_reference(name: str) -> None:
    assert load_task(name, TOP / "specs").references


@pytest.mark.parametrize("name", profile_names(ROOT))
def test_every_shared_profile_is_whole(name: str) -> None:
    catalog, problems = Catalog(), Problems()
    read_shared(ROOT, catalog, problems)
    resolved = resolve_profile(name, catalog, problems, where="here")
    problems.raise_if_any()
    assert resolved is not None
    think, build = THINK_AND_BUILD[name]
    for stage, model in resolved.profile.stages.items():
        assert str(model.model) == (build if stage is Stage.BUILD else think)
        assert model.agent == "opencode"
        assert model.context is not None
        assert model.output is not None
        if model.model.endpoint == "lmstudio":
            assert model.variant
            assert model.sampling.temperature is not None


@pytest.mark.parametrize(
    ("name", "limits", "profiles"),
    [
        (
            "001-profile-showdown",
            {"iterations": "25", "wall_time": "2h", "failures": "3", "stage_timeout": "15m"},
            ["hybrid", "opus", "sonnet", "opus-sonnet", "sonnet-hybrid", "devstral"],
        ),
        ("002-local-models", {"iterations": "40", "wall_time": "3h", "failures": "5", "stage_timeout": "15m"}, LOCAL),
        (
            "003-local-by-phase",
            {"iterations": "10", "wall_time": "40m", "failures": "5", "stage_timeout": "15m"},
            LOCAL,
        ),
    ],
)
def test_the_dry_run_shows_what_the_experiment_promises(name: str, limits: dict[str, str], profiles: list[str]) -> None:
    rows = table(load(name))
    assert {key: rows[f"limits.{key}"] for key in limits} == limits
    assert rows["profiles"] == ", ".join(profiles)
    for profile in profiles:
        think, build = THINK_AND_BUILD[profile]
        for stage in Stage:
            assert rows[f"profiles.{profile}.{stage.value}.model"] == (build if stage is Stage.BUILD else think)


def test_the_showdown_and_the_local_models_run_on_the_same_task() -> None:
    one, two = load("001"), load("002")
    assert [task.name for task in one.tasks] == [task.name for task in two.tasks] == ["system-architecture-refactor"]
    assert one.tasks[0].digest == two.tasks[0].digest
    assert one.tasks[0].phases == PHASES
    assert set(two.endpoints) == {"lmstudio"}
    assert two.endpoints["lmstudio"].kind == "lmstudio"


def test_by_phase_there_are_six_tasks_in_order() -> None:
    tasks = load("003").tasks
    assert [task.name for task in tasks] == [f"system-architecture-refactor/{phase}" for phase in PHASES]
    for n, task in enumerate(tasks):
        assert len(task.start) == n
        assert {gate.phase for gate in task.gates if gate.kind is GateKind.GOAL} == {task.phase}
