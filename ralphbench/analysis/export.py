"""A comparison as JSON (schema in docs/schemas.md) or CSV, for scripts."""

from __future__ import annotations

import csv
import io
from typing import Any

from ralphbench.analysis.rows import Comparison
from ralphbench.model import codec


def to_json(comparison: Comparison, extra: dict[str, Any] | None = None) -> bytes:
    """Versioned by its `schema` key; unknown is null."""
    return codec.pretty({**codec.builtins(comparison), **(extra or {})})


def to_csv(comparison: Comparison) -> str:
    """One line a profile, nested parts joined by a dot; unknown is empty."""
    rows = [_flat(codec.builtins(row)) for row in comparison.rows]
    names: list[str] = []
    for row in rows:
        names += [name for name in row if name not in names]
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, part in value.items():
        if isinstance(part, dict):
            flat |= _flat(part, f"{prefix}{name}.")
        elif isinstance(part, list) and part and isinstance(part[0], dict):
            for item in part:
                flat |= _flat({k: v for k, v in item.items() if k != "stage"}, f"{prefix}{name}.{item['stage']}.")
        elif isinstance(part, list):
            flat[prefix + name] = "/".join(str(item) for item in part)
        else:
            flat[prefix + name] = "" if part is None else part
    return flat
