"""What the user wrote, read and checked, turned into model objects; importers.

Nothing heavy is loaded before it is used: `list_experiments`, `find_experiment`, `task_names` and `profile_names` need no
pydantic, so that a shell can ask for completions at every Tab.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ralphbench.config.digests import NO_GATES, gates_digest
    from ralphbench.config.draft import Overrides
    from ralphbench.config.experiments import load_experiment, spec_folders
    from ralphbench.config.explained import Explained, explain
    from ralphbench.config.identities import differences, identity, identity_parts
    from ralphbench.config.importer import import_conf
    from ralphbench.config.layers import described_agents
    from ralphbench.config.legacy_conf import ImportReport
    from ralphbench.config.legacy_runs import OldRuns, import_runs, read_runs
    from ralphbench.config.names import find_experiment, list_experiments, profile_names, task_names
    from ralphbench.config.problems import ConfigErrors
    from ralphbench.config.select import select_tasks
    from ralphbench.config.tasks import load_folder, load_task

_HOMES = {
    "ConfigErrors": "problems",
    "Explained": "explained",
    "ImportReport": "legacy_conf",
    "NO_GATES": "digests",
    "OldRuns": "legacy_runs",
    "Overrides": "draft",
    "described_agents": "layers",
    "differences": "identities",
    "explain": "explained",
    "find_experiment": "names",
    "gates_digest": "digests",
    "identity": "identities",
    "identity_parts": "identities",
    "import_conf": "importer",
    "import_runs": "legacy_runs",
    "list_experiments": "names",
    "load_experiment": "experiments",
    "load_folder": "tasks",
    "load_task": "tasks",
    "profile_names": "names",
    "read_runs": "legacy_runs",
    "select_tasks": "select",
    "spec_folders": "experiments",
    "task_names": "names",
}

__all__ = [
    "NO_GATES",
    "ConfigErrors",
    "Explained",
    "ImportReport",
    "OldRuns",
    "Overrides",
    "described_agents",
    "differences",
    "explain",
    "find_experiment",
    "gates_digest",
    "identity",
    "identity_parts",
    "import_conf",
    "import_runs",
    "list_experiments",
    "load_experiment",
    "load_folder",
    "load_task",
    "profile_names",
    "read_runs",
    "select_tasks",
    "spec_folders",
    "task_names",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"ralphbench.config.{_HOMES[name]}"), name)
