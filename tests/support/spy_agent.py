"""The tiny agent, which first writes down the environment of every process that it may look into: argv[3] is where."""

import json
import runpy
import sys
from pathlib import Path

url, model, out = sys.argv[1:4]
with open(out, "a") as file:
    for process in Path("/proc").iterdir():
        try:
            environment = (process / "environ").read_bytes() if process.name.isdigit() else b""
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ")
        except OSError:
            continue
        if environment:
            print(json.dumps([command.decode(errors="replace"), environment.decode(errors="replace")]), file=file)
sys.argv = [str(Path(__file__).with_name("tiny_agent.py")), url, model]
runpy.run_path(sys.argv[0], run_name="__main__")
