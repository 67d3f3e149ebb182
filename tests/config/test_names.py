from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ralphbench.config import find_experiment, list_experiments, profile_names, task_names
from ralphbench.config.names import as_name, name_problem
from ralphbench.errors import ConfigError, UnknownName


def test_experiments_are_found_by_name_number_and_path(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.experiment(name="002-second")
    assert list_experiments(world.root) == ("001-first", "002-second")
    assert find_experiment("002-second", world.root) == world.root / "002-second"
    assert find_experiment("002", world.root) == world.root / "002-second"
    elsewhere = world.write("elsewhere/mine/experiment.yaml", "question: q\n").parent
    assert find_experiment(str(elsewhere), world.root) == elsewhere.resolve()
    assert find_experiment(str(elsewhere / "experiment.yaml"), world.root) == elsewhere.resolve()
    monkeypatch.chdir(elsewhere)
    assert find_experiment(".", world.root) == elsewhere.resolve()


def test_an_unknown_experiment_names_what_is_near(world: Any) -> None:
    with pytest.raises(UnknownName, match="no experiment '001-frist'; did you mean '001-first'"):
        find_experiment("001-frist", world.root)
    with pytest.raises(UnknownName, match="no experiment '7'"):
        find_experiment("7", world.root)


def test_a_number_of_two_experiments_is_refused(world: Any) -> None:
    world.experiment(name="001-other")
    with pytest.raises(UnknownName, match="001-first, 001-other"):
        find_experiment("001", world.root)


def test_a_folder_without_an_experiment_is_told(world: Any) -> None:
    with pytest.raises(ConfigError, match=r"holds no experiment\.yaml"):
        find_experiment(str(world.specs), world.root)


def test_a_root_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert list_experiments(tmp_path / "none") == ()


def test_names_for_completion(world: Any) -> None:
    assert task_names([world.specs]) == ("phased", "phased/first", "phased/second", "phased/third", "single")
    assert task_names([world.specs], phases=False) == ("phased", "single")
    assert profile_names(world.root) == ("small", "large", "mixed")
    assert profile_names(world.root, world.root / "001-first") == ("small", "large")


def test_completion_goes_on_where_a_file_is_broken(world: Any) -> None:
    world.write("experiments/profiles.yaml", "a: [\n")
    world.write("specs/phased/task.yaml", "phases: 5\n")
    assert profile_names(world.root) == ()
    assert task_names([world.specs]) == ("phased", "single")


def test_names_need_no_pydantic(world: Any) -> None:
    code = (
        "import sys; from pathlib import Path; import ralphbench.config as c\n"
        f"root = Path({str(world.root)!r})\n"
        "assert c.list_experiments(root) and c.profile_names(root) and c.task_names([root.parent / 'specs'])\n"
        "heavy = {'pydantic', 'pandas', 'aiohttp', 'msgspec'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["a", "qwen3-coder", "v1.2", "0", "A_b", "x" * 80])
def test_names_that_can_be_one(name: str) -> None:
    assert name_problem(name) is None
    assert as_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a b", "-a", "a..b", "a.lock", "a.", "é", "a\n", "x" * 81, "../../etc", "~"]
)
def test_names_that_cannot_be_one_and_what_comes_nearest(name: str) -> None:
    assert name_problem(name) is not None
    assert name_problem(as_name(name)) is None
