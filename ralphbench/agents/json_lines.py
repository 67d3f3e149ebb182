"""Reading what agents print as JSON: each line for itself, nothing taken for granted."""

from __future__ import annotations

from typing import Any

from ralphbench.model import codec


def parse(line: bytes) -> dict[str, Any] | None:
    """One line that is a JSON object; None: it is none. Bytes that are not UTF-8 are replaced."""
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        value = codec.loads_any(line)
    except ValueError:
        try:
            value = codec.loads_any(line.decode(errors="replace"))
        except ValueError:
            return None
    except RecursionError:
        return None  # nested so deeply that it is no event
    return value if isinstance(value, dict) else None


def text_of(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
