"""How figures are written for people. Unknown is `?`, never 0."""

from __future__ import annotations

from collections.abc import Sequence

UNKNOWN = "?"


def seconds(value: float | None) -> str:
    """`8.2s`, `3m05s`, `2h07m`."""
    if value is None:
        return UNKNOWN
    if value < 60:
        return f"{value:.1f}s" if value < 9.95 else f"{value:.0f}s"
    if value < 3600:
        return f"{int(value // 60)}m{int(value % 60):02d}s"
    return f"{int(value // 3600)}h{int(value % 3600 // 60):02d}m"


def count(value: float | None) -> str:
    """`950`, `12.3k`, `4.56M`."""
    if value is None:
        return UNKNOWN
    if abs(value) < 1000:
        return f"{value:.0f}"
    if abs(value) < 999_500:
        return f"{value / 1000:.1f}k" if abs(value) < 99_950 else f"{value / 1000:.0f}k"
    return f"{value / 1_000_000:.2f}M"


def money(value: float | None) -> str:
    """`$0.42`, `$0.0031`, `$0` for what is known to cost nothing."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "$0"
    return f"${value:.2f}" if value >= 0.1 else f"${value:.4f}"


def share(part: float | None, whole: float | None) -> str:
    """`75 %`, `-` where there is nothing to share."""
    if part is None or whole is None:
        return UNKNOWN
    return f"{100 * part / whole:.0f} %" if whole else "-"


def of(part: int | None, whole: int | None) -> str:
    """`2/3`."""
    return f"{number(part)}/{number(whole)}"


def number(value: int | None) -> str:
    return UNKNOWN if value is None else str(value)


def rate(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def unequal(profiles: Sequence[str]) -> str:
    """What every report says where profiles have limits of their own."""
    return f"UNEQUAL LIMITS: those of {', '.join(profiles)} are not the experiment's"
