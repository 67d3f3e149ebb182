"""From the record's plain data back to the loop's own types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from ralphbench.errors import RecordError
from ralphbench.loop.state import LoopOutcome, LoopState
from ralphbench.model import codec

T = TypeVar("T")


def state_of(data: Mapping[str, Any]) -> LoopState:
    """The `state` of a checkpoint event, for `Loop.run(resume=...)`. Raises RecordError where it is none."""
    return _convert(data, LoopState)


def outcome_of(data: Mapping[str, Any]) -> LoopOutcome:
    """The data of a LOOP_ENDED event: the loop need not run again. Raises RecordError where it is none."""
    return _convert(data, LoopOutcome)


def _convert(data: Mapping[str, Any], kind: type[T]) -> T:
    try:
        return codec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise RecordError(
            f"a checkpoint of the loop cannot be read: {error}",
            remedy="run the experiment again with --fresh: the attempt starts anew",
        ) from error
