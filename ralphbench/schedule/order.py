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
    profiles = _shuffled([p.name for p in experiment.profiles], experiment.seed, "profiles")
    tasks = [t.name for t in experiment.tasks]
    cells: list[Cell] = []
    for repeat in range(1, experiment.repeats + 1):
        for index, task in enumerate(_shuffled(tasks, experiment.seed, f"tasks {repeat}")):
            shift = (repeat - 1 + index) % len(profiles)
            cells += [Cell(task, profile, repeat) for profile in profiles[shift:] + profiles[:shift]]
    return tuple(cells)


def _shuffled(names: Sequence[str], seed: int, what: str) -> list[str]:
    # A string seed gives the same order on every machine and Python version.
    result = list(names)
    random.Random(f"{seed}/{what}").shuffle(result)
    return result
