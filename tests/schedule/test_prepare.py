from __future__ import annotations

import threading
from pathlib import Path

import pytest
from support.project import make_project

from ralphbench.config import Overrides, load_experiment
from ralphbench.errors import DiskError
from ralphbench.model import Experiment
from ralphbench.schedule import Places
from ralphbench.schedule.prepare import check_disk


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    make_project(tmp_path)
    overrides = Overrides(results=tmp_path / "results")
    return load_experiment("001-words", root=tmp_path / "experiments", overrides=overrides)


def test_runs_that_look_at_the_disk_at_once_are_not_in_each_others_way(experiment: Experiment, tmp_path: Path) -> None:
    places = Places(tmp_path / "cache", tmp_path / "run")
    together, failed = threading.Barrier(4), []

    def look() -> None:
        together.wait()
        for _ in range(200):
            try:
                check_disk(experiment, places)
            except (OSError, DiskError) as error:
                failed.append(error)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert not [p.name for folder in (experiment.results, places.cache) for p in folder.iterdir()]
