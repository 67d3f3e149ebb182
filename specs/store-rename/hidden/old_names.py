"""No old name is left in any file of the project, as a word of its own."""

import pathlib
import re
import sys

OLD = re.compile(r"\b(store2|money2|Store2|Item2|Money2|load_store2|total2|put2|take2|CURRENCY2)\b")


def main():
    found = []
    for path in sorted(pathlib.Path(".").rglob("*")):
        if not path.is_file() or path.parts[0] in ("hidden", "tests") or "__pycache__" in path.parts:
            continue
        if path.stem in ("store2", "money2"):
            found.append(f"{path}: the file itself")
        text = path.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            found += [f"{path}:{number}: {name}" for name in OLD.findall(line)]
    print("\n".join(found) or "none left")
    return 1 if found else 0


sys.exit(main())
