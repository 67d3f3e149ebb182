from __future__ import annotations

import sys
from pathlib import Path

# The helpers of tests/support are modules of their own, whichever folder pytest is started in.
sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
