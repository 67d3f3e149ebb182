"""A comparison as JSON (schema in docs/schemas.md) or CSV, for scripts."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from ralphbench.analysis.rows import Comparison
from ralphbench.model import codec


def to_json(comparison: Comparison, extra: dict[str, Any] | None = None) -> bytes:
    """Versioned by its `schema` key; unknown is null."""
    return codec.pretty({**codec.builtins(comparison), **(extra or {})})


def to_csv(comparison: Comparison, scores: Sequence[float | None] | None = None) -> str:
    """One line a row, nested names joined by a dot; unknown is empty. `scores`: legacy scores, one for each row."""
    rows = [_flat(codec.builtins(row)) for row in comparison.rows]
    for row, score in zip(rows, scores or (), strict=scores is not None):
        row["legacy_score"] = "" if score is None else score
    names = dict.fromkeys(name for row in rows for name in row)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(names), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, part in value.items():
        if name == "stages":
            for line in part:
                flat |= _flat({k: v for k, v in line.items() if k != "stage"}, f"{prefix}stages.{line['stage']}.")
        elif isinstance(part, dict):
            flat |= _flat(part, f"{prefix}{name}.")
        elif isinstance(part, (list, tuple)):
            flat[prefix + name] = "/".join(str(item) for item in part)
        else:
            flat[prefix + name] = "" if part is None else part
    return flat
