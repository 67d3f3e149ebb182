#!/usr/bin/env python3
"""How long `ralphbench --help` takes, beside a Python that does nothing.

python scripts/bench.d/startup.py [--json] [--quick]
"""

from __future__ import annotations

import sys
from pathlib import Path

from shared import Row, alternated, course, seconds

LIMIT = 8.0


def measure(folder: Path, quick: bool) -> list[Row]:
    ralphbench = Path(sys.executable).with_name("ralphbench")
    ways = {
        "python -c pass": lambda: seconds([sys.executable, "-c", "pass"]),
        "ours": lambda: seconds([str(ralphbench), "--help"]),
    }
    alternated(2, ways)  # both are in memory before the clock counts
    found = {name: 1000 * figure for name, figure in alternated(15 if quick else 31, ways).items()}
    ratio = found["ours"] / found["python -c pass"]
    limit = f"<= {LIMIT:g} x python -c pass"
    return [{"what": "`ralphbench --help`, ms", **found, "ratio": ratio, "limit": limit, "met": ratio <= LIMIT}]


if __name__ == "__main__":
    sys.exit(course("startup", __doc__, measure))
