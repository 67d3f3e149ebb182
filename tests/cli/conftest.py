from __future__ import annotations

from support.results import write

__all__ = ["write"]
