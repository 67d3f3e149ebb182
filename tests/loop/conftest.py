"""Lets the tests of this folder import `support.py` by a name of its own."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

if "loop_support" not in sys.modules:
    spec = importlib.util.spec_from_file_location("loop_support", Path(__file__).with_name("support.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["loop_support"] = module
    spec.loader.exec_module(module)
