"""Judges slugs.py from another process: each case is one call of the command line or of the function."""

import json
import subprocess
import sys

PROBE = """
import json, sys
from slugs import slugify
text, length = json.loads(sys.argv[1])
try:
    print(json.dumps(slugify(text, length)))
except ValueError:
    print(json.dumps("ValueError"))
"""

CASES = {
    "separators": [
        (("a -- b", None), "a-b"),
        (("  lead and trail!  ", None), "lead-and-trail"),
        (("Don't stop", None), "dont-stop"),
        (("It’s — really — so", None), "its-really-so"),
        (("...", None), ""),
        (("C++ & C#: 2nd ed.", None), "c-c-2nd-ed"),
        (("snake_case_name", None), "snake-case-name"),
    ],
    "length": [
        (("alpha beta gamma", 10), "alpha-beta"),
        (("alpha beta gamma", 11), "alpha-beta"),
        (("alpha beta gamma", 9), "alpha"),
        (("alpha beta gamma", 16), "alpha-beta-gamma"),
        (("incomprehensibilities of state", 8), "incompre"),
        (("a b", 2), "a"),
        (("anything", 0), "ValueError"),
        (("anything", -3), "ValueError"),
        (("a-b-c-d", 5), "a-b-c"),
    ],
}


def ask(case):
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(case)], capture_output=True, text=True, timeout=20
    )
    try:
        return json.loads(done.stdout)
    except ValueError:
        return "no answer: " + (done.stderr.strip().splitlines() or [""])[-1]


def main(group):
    failed = 0
    lines = ["TAP version 13", f"1..{len(CASES[group])}"]
    for number, (case, wanted) in enumerate(CASES[group], 1):
        got = ask(case)
        ok = got == wanted
        failed += not ok
        lines.append(f"{'ok' if ok else 'not ok'} {number} - slugify{case!r}")
        if not ok:
            print(f"slugify{case!r}: wanted {wanted!r}, got {got!r}")
    with open(f"{group}.tap", "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
    return 1 if failed else 0


sys.exit(main(sys.argv[1]))
