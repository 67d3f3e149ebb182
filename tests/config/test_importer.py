from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from ralphbench.config import ConfigErrors, Overrides, import_conf, load_experiment
from ralphbench.errors import ConfigError, UsageError
from ralphbench.model import GateKind, Limits, Stage

CONF = r"""
# Experiment 001
TARGET_REPO="$HOME/src/mine"
BASE_REF=v1.0   # a tag
SPEC="system-refactor.md"
PROFILES="opus hybrid"
MAX_ITERATIONS=40
MAX_WALL_TIME=10800
WORKTREE_BASE="$HOME/src/mine-experiments"
RALPH_LOG_DIR=/tmp/ralph-logs
BUILD_CMD="make -C $HOME/x build"
TEST_TIMEOUT=600
GATE_CHECKS="Old names|grep -rcE 'heap2_|tlab2_' src/ && exit 1 || exit 0"
GATE_CHECKS='New names|grep -q heap_ src/heap.c'
"""
TOML = """
model = "anthropic/claude-opus-4-6"
art_style = "braille"
[profiles.opus]
[profiles.hybrid]
model_build = "lmstudio:devstral"
agent_verify = "ralph-verify"
context_window = 131072
stage_timeout_ms = 900000
[profiles.other]
model = "x/y"
"""


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the predecessor's files and a target repository that holds the spec at its base alone."""
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    repo = home / "src" / "mine"
    (repo / "ralph" / "specs").mkdir(parents=True)
    (repo / "ralph" / "specs" / "system-refactor.md").write_text("# Refactor the system\n\nAs it was.\n")
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "base"],
        ["tag", "v1.0"],
    ):
        subprocess.run(["git", "-C", str(repo), *command], check=True)
    (repo / "ralph" / "specs" / "system-refactor.md").write_text("# Later\n")
    (home / ".config" / "ralph").mkdir(parents=True)
    (home / ".config" / "ralph" / "config.toml").write_text(TOML)
    folder = tmp_path / "old" / "001-showdown"
    folder.mkdir(parents=True)
    (folder / "experiment.conf").write_text(CONF)
    (folder / "PLAN.md").write_text("# Experiment\n\n## Question\n\nWhich one is\nbest?\n\n## Why\n\nSo.\n")
    return folder / "experiment.conf"


def test_an_imported_experiment_loads(old: Path, tmp_path: Path) -> None:
    out = tmp_path / "experiments" / "004-mine"
    report = import_conf(old, out)
    assert report.experiment == "004-mine"
    assert {str(path.relative_to(out)) for path in report.written} == {
        "experiment.yaml",
        "profiles.yaml",
        "endpoints.yaml",
        "PLAN.md",
        "specs/system-refactor/task.yaml",
        "specs/system-refactor/spec.md",
    }
    loaded = load_experiment("004", root=out.parent, overrides=Overrides())
    assert loaded.question == "Which one is best?"
    assert loaded.limits == Limits(iterations=40, wall_time=10800.0, failures=3, stage_timeout=900.0)
    assert [p.name for p in loaded.profiles] == ["opus", "hybrid"]
    (task,) = loaded.tasks
    assert (task.name, task.title) == ("system-refactor", "Refactor the system")
    assert task.spec.endswith("As it was.\n")
    assert (task.target.repo, task.target.base) == (f"{tmp_path}/home/src/mine", "v1.0")
    assert [(g.id, g.kind, g.timeout) for g in task.gates] == [
        ("build", GateKind.GUARD, 1800.0),
        ("test", GateKind.GUARD, 600.0),
        ("old-names", GateKind.GOAL, 300.0),
        ("new-names", GateKind.GOAL, 300.0),
    ]
    assert task.gates[0].run == f"make -C {tmp_path}/home/x build"
    assert task.gates[1].run == "make test"
    assert task.gates[2].run == "grep -rcE 'heap2_|tlab2_' src/ && exit 1 || exit 0"


def test_old_profiles_mean_the_same_models(old: Path, tmp_path: Path) -> None:
    root = tmp_path / "experiments"
    root.mkdir()
    # A shared profile of the same name must not shine through.
    (root / "profiles.yaml").write_text("hybrid: {model: other/x, context: 8k, stages: {verify: other/z}}\n")
    import_conf(old, root / "004-mine")
    loaded = load_experiment("004", root=root)
    opus, hybrid = loaded.profiles
    assert {str(m.model) for m in opus.stages.values()} == {"anthropic/claude-opus-4-6"}
    assert str(hybrid.stages[Stage.BUILD].model) == "lmstudio/devstral"
    assert str(hybrid.stages[Stage.VERIFY].model) == "anthropic/claude-opus-4-6"
    assert {m.context for m in hybrid.stages.values()} == {131_072}
    assert {name: spec.kind for name, spec in loaded.endpoints.items()} == {
        "anthropic": "anthropic",
        "lmstudio": "lmstudio",
    }


def test_what_is_not_carried_over_is_listed(old: Path, tmp_path: Path) -> None:
    lost = "\n".join(import_conf(old, tmp_path / "experiments" / "004-mine").lost)
    for word in (
        "WORKTREE_BASE",
        "RALPH_LOG_DIR",
        "agent_verify",
        "stage_timeout_ms",
        "art_style",
        "'other'",
        "the plan",
    ):
        assert word in lost
    assert "MAX_ITERATIONS" not in lost


def test_a_profile_that_is_nowhere_is_listed_and_not_replaced(old: Path, tmp_path: Path) -> None:
    old.write_text(CONF.replace('"opus hybrid"', '"opus opsu"'))
    out = tmp_path / "experiments" / "004-mine"
    assert any("'opsu'" in text for text in import_conf(old, out).lost)
    with pytest.raises(UsageError, match="'opsu'; did you mean 'opus'"):
        load_experiment("004", root=out.parent)


def test_without_gate_checks_there_is_no_goal_and_that_is_said_twice(old: Path, tmp_path: Path) -> None:
    old.write_text("\n".join(line for line in CONF.splitlines() if "GATE" not in line))
    out = tmp_path / "experiments" / "004-mine"
    assert any("no GATE_CHECKS" in text for text in import_conf(old, out).lost)
    with pytest.raises(ConfigError, match="no gate is of kind goal"):
        load_experiment("004", root=out.parent)


@pytest.mark.parametrize(
    "checks",
    [
        "GATE_CHECKS='A|x'\nGATE_CHECKS='A|y'\n",
        "GATE_CHECKS='A|x'\nGATE_CHECKS+='A|y'\n",
        "GATE_CHECKS='A|x\nA|y'\n",
        "GATE_CHECKS=('A|x' \"A|y\")\n",
    ],
)
def test_several_gate_checks_may_be_written_in_several_ways(old: Path, tmp_path: Path, checks: str) -> None:
    old.write_text("\n".join(line for line in CONF.splitlines() if "GATE" not in line) + "\n" + checks)
    out = tmp_path / "experiments" / "004-mine"
    import_conf(old, out)
    gates = load_experiment("004", root=out.parent).tasks[0].gates
    assert [(gate.id, gate.run) for gate in gates[2:]] == [("a", "x"), ("a-2", "y")]


def test_a_spec_that_is_nowhere_is_listed(old: Path, tmp_path: Path) -> None:
    old.write_text(CONF.replace("system-refactor.md", "other.md"))
    out = tmp_path / "experiments" / "004-mine"
    assert any("other.md: not found" in text for text in import_conf(old, out).lost)
    with pytest.raises(ConfigError, match=r"spec\.md cannot be read"):
        load_experiment("004", root=out.parent)


def test_nothing_is_run_and_nothing_is_written_where_a_line_is_not_understood(old: Path, tmp_path: Path) -> None:
    mark, out = tmp_path / "ran", tmp_path / "experiments" / "004-mine"
    old.write_text(CONF + f"BUILD_CMD=$(touch {mark})\nTEST_CMD=`touch {mark}`\n")
    with pytest.raises(ConfigErrors) as caught:
        import_conf(old, out)
    assert len(caught.value.problems) == 2
    assert not mark.exists()
    assert not out.exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("MAX_ITERATION=5", "did you mean 'MAX_ITERATIONS'"),
        ("MAX_ITERATIONS=many", "expected a whole number"),
        ("MAX_ITERATIONS=0", "expected a whole number above 0"),
        ("GATE_CHECKS='only a command'", r"expected 'Label\|command'"),
        ("BASE_REF=--output=x", "expected a tag, branch or commit"),
        ("SPEC=", "is missing or empty"),
        ("PROFILES+=x", "is appended to"),
    ],
)
def test_mistakes_are_told(old: Path, tmp_path: Path, line: str, said: str) -> None:
    old.write_text(f"{CONF}\n{line}\n")
    with pytest.raises(ConfigError, match=said):
        import_conf(old, tmp_path / "experiments" / "004-mine")


def test_a_key_that_is_set_twice_is_noted(old: Path, tmp_path: Path) -> None:
    old.write_text(CONF + "MAX_ITERATIONS=7\n")
    out = tmp_path / "experiments" / "004-mine"
    assert any("MAX_ITERATIONS is set in lines" in text for text in import_conf(old, out).carried)
    assert load_experiment("004", root=out.parent).limits.iterations == 7


def test_an_experiment_that_is_there_is_not_written_over(old: Path, tmp_path: Path) -> None:
    out = tmp_path / "experiments" / "004-mine"
    import_conf(old, out)
    with pytest.raises(UsageError, match="is there already"):
        import_conf(old, out)


@pytest.mark.parametrize("text", ["model = ", "profiles = 3\n", "[default]\nx=1\n[[profiles]]\n"])
def test_profiles_that_are_no_toml_are_told(old: Path, tmp_path: Path, text: str) -> None:
    file = tmp_path / "p.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"p\.toml"):
        import_conf(old, tmp_path / "experiments" / "x", profiles=file)


def test_models_of_an_unknown_provider_or_form_are_listed(old: Path, tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text('[profiles.opus]\nmodel = "somewhere/x"\n[profiles.hybrid]\nmodel = "justaname"\n')
    lost: Any = "\n".join(import_conf(old, tmp_path / "experiments" / "x", profiles=file).lost)
    assert "endpoint 'somewhere'" in lost
    assert "'hybrid': its models are not all of the form provider/model" in lost


def test_a_relative_target_is_taken_from_the_old_files_folder(old: Path, tmp_path: Path) -> None:
    old.write_text(CONF.replace("$HOME/src/mine", "../../home/src/mine"))
    out = tmp_path / "experiments" / "004-mine"
    assert any("TARGET_REPO" in text and "taken it from" in text for text in import_conf(old, out).carried)
    task = load_experiment("004", root=out.parent).tasks[0]
    assert task.target.repo == f"{tmp_path}/home/src/mine"
    assert task.spec.endswith("As it was.\n")
