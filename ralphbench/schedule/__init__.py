"""The matrix of cells, its order, leases and resume; starts trials and the gateway and ends them.

Nothing here is named as the module that it comes from: loaded, that would take its place.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ralphbench.schedule.cleaning import alone, keep_unfinished, leftovers, remove_leftovers
    from ralphbench.schedule.holding import using_mirrors
    from ralphbench.schedule.leases import Leases, serve_leases
    from ralphbench.schedule.listener import Listener
    from ralphbench.schedule.options import RunOptions, with_agent
    from ralphbench.schedule.order import cells_in_order
    from ralphbench.schedule.places import Places, user_places
    from ralphbench.schedule.prepare import Prepared, stage_models
    from ralphbench.schedule.report import RunReport
    from ralphbench.schedule.reproduction import Reproduction, open_reproduction, write_reproduction_bundle
    from ralphbench.schedule.run import run_experiment, run_plans
    from ralphbench.schedule.runfolder import RunFolder, reap, run_folders
    from ralphbench.schedule.stop import StopButton
    from ralphbench.schedule.survey import CellState, CellStatus
    from ralphbench.schedule.trials import RunningTrial

_HOMES = {
    "CellState": "survey",
    "CellStatus": "survey",
    "Leases": "leases",
    "Listener": "listener",
    "Places": "places",
    "Prepared": "prepare",
    "RunFolder": "runfolder",
    "RunOptions": "options",
    "RunReport": "report",
    "RunningTrial": "trials",
    "StopButton": "stop",
    "cells_in_order": "order",
    "alone": "cleaning",
    "keep_unfinished": "cleaning",
    "leftovers": "cleaning",
    "using_mirrors": "holding",
    "user_places": "places",
    "reap": "runfolder",
    "remove_leftovers": "cleaning",
    "run_experiment": "run",
    "run_folders": "runfolder",
    "serve_leases": "leases",
    "stage_models": "prepare",
    "with_agent": "options",
    "run_plans": "run",
    "Reproduction": "reproduction",
    "write_reproduction_bundle": "reproduction",
    "open_reproduction": "reproduction",
}

__all__ = [
    "CellState",
    "CellStatus",
    "Leases",
    "Listener",
    "Places",
    "Prepared",
    "Reproduction",
    "RunFolder",
    "RunOptions",
    "RunReport",
    "RunningTrial",
    "StopButton",
    "alone",
    "cells_in_order",
    "keep_unfinished",
    "leftovers",
    "open_reproduction",
    "reap",
    "remove_leftovers",
    "run_experiment",
    "run_folders",
    "run_plans",
    "serve_leases",
    "stage_models",
    "user_places",
    "using_mirrors",
    "with_agent",
    "write_reproduction_bundle",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"ralphbench.schedule.{_HOMES[name]}"), name)
