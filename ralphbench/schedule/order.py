"""In which order the cells run: complete rounds, so that any stop leaves a balanced comparison."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ralphbench.model import Cell, Experiment


def cells_in_order(experiment: Experiment) -> tuple[Cell, ...]:
    """Every cell once: round after round, each with every task and profile.

    Within a round the profiles follow a seeded order that is rotated by task and round, so that over the rounds no
    profile always goes first (on a warm machine, at night, before the quota runs out).
    """
    profiles = _ordered([p.name for p in experiment.profiles], experiment, "profiles")
    tasks = [t.name for t in experiment.tasks]
    cells: list[Cell] = []
    for repeat in range(1, experiment.repeats + 1):
        for index, task in enumerate(_ordered(tasks, experiment, f"tasks {repeat}")):
            shift = (repeat - 1 + index) % len(profiles)
            cells += [Cell(task, profile, repeat) for profile in profiles[shift:] + profiles[:shift]]
    return tuple(cells)


def _ordered(names: Sequence[str], experiment: Experiment, what: str) -> list[str]:
    result = list(names)
    if experiment.order == "shuffled":
        # A string seed gives the same order on every machine and Python version.
        random.Random(f"{experiment.seed}/{what}").shuffle(result)
    return result
