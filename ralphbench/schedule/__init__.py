"""The matrix of cells, its order, leases and resume; starts trials and the gateway and ends them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ralphbench.schedule.leases import Leases, serve_leases
    from ralphbench.schedule.options import RunOptions
    from ralphbench.schedule.order import cells_in_order
    from ralphbench.schedule.places import Places, user_places
    from ralphbench.schedule.prepare import Prepared, prepare, stage_models
    from ralphbench.schedule.run import RunReport, run_experiment, with_agent
    from ralphbench.schedule.runfolder import RunFolder, reap, run_folders
    from ralphbench.schedule.scheduler import Listener
    from ralphbench.schedule.stop import StopButton
    from ralphbench.schedule.survey import CellState, CellStatus, survey
    from ralphbench.schedule.trials import RunningTrial

_HOMES = {
    "CellState": "survey",
    "CellStatus": "survey",
    "Leases": "leases",
    "Listener": "scheduler",
    "Places": "places",
    "Prepared": "prepare",
    "RunFolder": "runfolder",
    "RunOptions": "options",
    "RunReport": "run",
    "RunningTrial": "trials",
    "StopButton": "stop",
    "cells_in_order": "order",
    "user_places": "places",
    "prepare": "prepare",
    "reap": "runfolder",
    "run_experiment": "run",
    "run_folders": "runfolder",
    "serve_leases": "leases",
    "stage_models": "prepare",
    "survey": "survey",
    "with_agent": "run",
}

__all__ = [
    "CellState",
    "CellStatus",
    "Leases",
    "Listener",
    "Places",
    "Prepared",
    "RunFolder",
    "RunOptions",
    "RunReport",
    "RunningTrial",
    "StopButton",
    "cells_in_order",
    "prepare",
    "reap",
    "run_experiment",
    "run_folders",
    "serve_leases",
    "stage_models",
    "survey",
    "user_places",
    "with_agent",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"ralphbench.schedule.{_HOMES[name]}"), name)
