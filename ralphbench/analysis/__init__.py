"""Records -> frames -> comparison -> tables for scripts. pandas is loaded with the first name that is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ralphbench.analysis.children import end_with_parent, python_argv
    from ralphbench.analysis.comparing import compare
    from ralphbench.analysis.export import to_csv, to_json
    from ralphbench.analysis.frames import Frames, load
    from ralphbench.analysis.gathering import compare_records
    from ralphbench.analysis.leading import Leader, guide, leaders
    from ralphbench.analysis.legacy import WARNING as LEGACY_WARNING
    from ralphbench.analysis.legacy import legacy_scores
    from ralphbench.analysis.rows import Comparison, ProfileRow, StageLine
    from ralphbench.analysis.settings import Setting

_HOMES = {
    "Comparison": ("rows", "Comparison"),
    "Frames": ("frames", "Frames"),
    "Leader": ("leading", "Leader"),
    "LEGACY_WARNING": ("legacy", "WARNING"),
    "ProfileRow": ("rows", "ProfileRow"),
    "Setting": ("settings", "Setting"),
    "StageLine": ("rows", "StageLine"),
    "end_with_parent": ("children", "end_with_parent"),
    "guide": ("leading", "guide"),
    "leaders": ("leading", "leaders"),
    "compare": ("comparing", "compare"),
    "compare_records": ("gathering", "compare_records"),
    "legacy_scores": ("legacy", "legacy_scores"),
    "load": ("frames", "load"),
    "python_argv": ("children", "python_argv"),
    "to_csv": ("export", "to_csv"),
    "to_json": ("export", "to_json"),
}

__all__ = [
    "LEGACY_WARNING",
    "Comparison",
    "Frames",
    "Leader",
    "ProfileRow",
    "Setting",
    "StageLine",
    "compare",
    "compare_records",
    "end_with_parent",
    "guide",
    "leaders",
    "legacy_scores",
    "load",
    "python_argv",
    "to_csv",
    "to_json",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(f"ralphbench.analysis.{module}"), attribute)
