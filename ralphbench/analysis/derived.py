"""The frames of a large experiment as Parquet, in `results/<experiment>/derived/`: read in place of its results.

    attempts.parquet  stages.parquet  endings.parquet  gates.parquet     the frames
    stamp.json                                                           of what they were made, and that they are whole

Written last and by rename, the stamp is what makes them count. It holds a hash of each file: files of two makings, or torn ones,
are none. While somebody reads the results to derive something, a mark lies there; the stamp is put in its place. A result that
is committed meanwhile takes the whole folder away, and the mark with it: then there is nothing to put the stamp in the place of.

Where pyarrow is missing or the folder cannot be written, all works as without it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ralphbench.analysis.columns import ATTEMPTS, ENDINGS, GATES, STAGES
from ralphbench.analysis.stamp import Listings, Stamp, at_rest, damages_of, list_all, make_stamp, state_of, still_so
from ralphbench.errors import DiskError
from ralphbench.model import codec
from ralphbench.record import Damage, ExperimentFolder, atomic_write, sweep_derived

if TYPE_CHECKING:
    import pandas as pd

Tables = tuple["pd.DataFrame", "pd.DataFrame", "pd.DataFrame", "pd.DataFrame"]
"""Attempts, stages, endings, gates."""
FROM = 5_000
"""Repeats from which on something is derived; fewer are read as fast as pyarrow is loaded."""
FRAMES: Mapping[str, Mapping[str, str]] = {"attempts": ATTEMPTS, "stages": STAGES, "endings": ENDINGS, "gates": GATES}
_PYARROW = 15
"""As in pyproject.toml."""
_STAMP = "stamp.json"
_MARK = ".deriving-"


def read_derived(experiment: ExperimentFolder) -> tuple[Tables, tuple[Damage, ...]] | None:
    """None: nothing was derived, or it is not what the results are now."""
    stamp = _read_stamp(experiment.derived / _STAMP)
    if stamp is None or _pyarrow() is None:
        return None
    if not still_so(stamp, experiment.path) or state_of(experiment, list_all(experiment)) != stamp.state:
        return None
    tables = _read_tables(experiment.derived, stamp.files)
    return None if tables is None else (tables, damages_of(stamp, experiment.path))


@dataclass(frozen=True, slots=True)
class Deriving:
    """From before the results are read until what was made of them is put down. To be used by `with`."""

    experiment: ExperimentFolder
    mark: Path
    listings: Listings
    """Made when the mark was set: no result that comes after them can be missed."""
    state: dict[str, Any]

    def finish(self, tables: Tables, uncommitted: list[str], damages: list[Damage]) -> None:
        """Put it down, where nothing has changed meanwhile. In silence: what is not derived now is another time."""
        stamp = make_stamp(self.experiment.path, self.state, uncommitted, damages)
        if stamp is not None and self.state == state_of(self.experiment, list_all(self.experiment)):
            import pyarrow as pa

            with contextlib.suppress(OSError, DiskError, pa.ArrowException):
                self._write(tables, stamp)

    def _write(self, tables: Tables, stamp: Stamp) -> None:
        for name, table in zip(FRAMES, tables, strict=True):
            data = _parquet(table)
            atomic_write(self.experiment.derived / f"{name}.parquet", data, fsync=False)
            stamp.files[name] = hashlib.sha256(data).hexdigest()
        with self.mark.open("r+b") as file:  # not made anew where it was taken away
            file.write(codec.pretty(stamp))
        self.mark.rename(self.experiment.derived / _STAMP)

    def __enter__(self) -> Deriving:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self.mark.unlink(missing_ok=True)


def begin(experiment: ExperimentFolder) -> Deriving | None:
    """Before the results are read. None: it is no time to derive, or no place."""
    if _pyarrow() is None or not at_rest(experiment):
        return None
    sweep_derived(experiment.path)
    mark = experiment.derived / f"{_MARK}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        experiment.derived.mkdir(exist_ok=True)
        _sweep(experiment.derived)
        mark.touch(exist_ok=False)
    except OSError:
        return None
    try:
        listings = list_all(experiment)
    except BaseException:
        mark.unlink(missing_ok=True)
        raise
    return Deriving(experiment, mark, listings, state_of(experiment, listings) or {})


def _sweep(folder: Path) -> None:
    """Remove the marks of processes that were killed."""
    for mark in folder.glob(f"{_MARK}*"):
        pid = mark.name.removeprefix(_MARK).partition("-")[0]
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            mark.unlink(missing_ok=True)
        except (ValueError, OverflowError, PermissionError):
            continue


def _read_stamp(path: Path) -> Stamp | None:
    try:
        return codec.loads(path.read_bytes(), Stamp)
    except (OSError, ValueError, RecursionError):
        return None


def _pyarrow() -> Any:
    """The module for Parquet; None where it is not installed, or too old."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        return None
    return parquet if int(pyarrow.__version__.partition(".")[0]) >= _PYARROW else None


def _parquet(table: pd.DataFrame) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    # Without what pandas would note beside: it is read by `columns`, whatever the version of pandas.
    _pyarrow().write_table(pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(), sink)
    return bytes(sink.getvalue())


def _read_tables(folder: Path, hashes: Mapping[str, str]) -> Tables | None:
    import pyarrow as pa

    try:
        found = []
        for name, kinds in FRAMES.items():
            data = (folder / f"{name}.parquet").read_bytes()
            if hashlib.sha256(data).hexdigest() != hashes[name]:
                return None
            found.append(_frame(_pyarrow().read_table(pa.BufferReader(data)), kinds))
    except (OSError, KeyError, pa.ArrowException):
        return None
    attempts, stages, endings, gates = found
    return attempts, stages, endings, gates


def _frame(table: Any, kinds: Mapping[str, str]) -> pd.DataFrame:
    """Of the types that `columns` names. Raises KeyError where a column is missing."""
    import pandas as pd

    dtypes = {
        "str": pd.array([], dtype="str").dtype,
        "Int64": pd.Int64Dtype(),
        "Float64": pd.Float64Dtype(),
        "boolean": pd.BooleanDtype(),
    }

    def array(name: str, kind: str) -> Any:
        column = table.column(name)
        return dtypes[kind].__from_arrow__(column) if kind in dtypes else column.to_numpy().astype(kind)  # type: ignore[attr-defined]

    return pd.DataFrame({name: array(name, kind) for name, kind in kinds.items()}, copy=False)
