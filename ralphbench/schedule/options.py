"""What the user asked of one run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from ralphbench.model import Experiment, Profile


@dataclass(frozen=True, slots=True)
class RunOptions:
    jobs: int = 1
    """Attempts at once."""
    fresh: bool = False
    """New attempts for every cell; the old ones stay."""
    rerun_stale: bool = False
    """Cells recorded under another identity run again; otherwise they are an error."""
    mode: str = "full"
    """`full`, `smoke` or `plan`."""
    keep_workspaces: bool = False


def with_agent(experiment: Experiment, agent: str) -> Experiment:
    """The same experiment with every stage through another agent."""

    def changed(profile: Profile) -> Profile:
        stages = {s: dataclasses.replace(m, agent=agent, agent_options={}) for s, m in profile.stages.items()}
        return dataclasses.replace(profile, stages=stages)

    planner = None if experiment.planner is None else changed(experiment.planner)
    return dataclasses.replace(experiment, profiles=tuple(map(changed, experiment.profiles)), planner=planner)
