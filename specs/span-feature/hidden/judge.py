"""Judges spans.py by its command line alone, from another process."""

import random
import subprocess
import sys


def run(*arguments):
    done = subprocess.run(
        [sys.executable, "spans.py", *arguments], capture_output=True, text=True, timeout=20
    )
    return done.returncode, done.stdout, done.stderr


def show(numbers):
    spans, run_start, before = [], None, None
    for n in sorted(numbers):
        if before is None or n != before + 1:
            if run_start is not None:
                spans.append((run_start, before))
            run_start = n
        before = n
    if run_start is not None:
        spans.append((run_start, before))
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def text(spans):
    return ",".join(f"{a}-{b}" for a, b in spans)


def random_case(source):
    def some(most):
        return [(a, a + source.randint(0, 6)) for a in (source.randint(0, 40) for _ in range(source.randint(1, most)))]

    spans, holes = some(5), some(6)
    numbers = {n for a, b in spans for n in range(a, b + 1)} - {n for a, b in holes for n in range(a, b + 1)}
    return ("subtract", text(spans), text(holes)), (0, show(numbers) + "\n")


def cases(group):
    if group == "merge":
        return [
            (("merge", "1-3", "2-5", "9"), (0, "1-5 9\n")),
            (("merge", "9", "1-3"), (0, "1-3 9\n")),
            (("merge",), (0, "\n")),
            (("merge", "5", "5", "6"), (0, "5-6\n")),
        ]
    if group == "bad":
        return [
            (("subtract", "1-10", "4-"), (2, "", "bad span: 4-\n")),
            (("subtract", "x", "1"), (2, "", "bad span: x\n")),
            (("subtract", "1-5", "5-2"), (2, "", "bad span: 5-2\n")),
            (("merge", "1-2", "7-3"), (2, "", "bad span: 7-3\n")),
        ]
    source = random.Random()
    fixed = [
        (("subtract", "1-10", "3-4,7"), (0, "1-2 5-6 8-10\n")),
        (("subtract", "1-5", ""), (0, "1-5\n")),
        (("subtract", "1-5", "1-5"), (0, "\n")),
        (("subtract", "1-5,3-9", "100"), (0, "1-9\n")),
        (("subtract", "1-1000000000", "500000000"), (0, "1-499999999 500000001-1000000000\n")),
        (("subtract", "5,1-2", "2-5"), (0, "1\n")),
    ]
    return fixed + [random_case(source) for _ in range(6)]


def main(group):
    failed = 0
    table = cases(group)
    lines = ["TAP version 13", f"1..{len(table)}"]
    for number, (arguments, wanted) in enumerate(table, 1):
        try:
            got = run(*arguments)[: len(wanted)]
        except subprocess.TimeoutExpired:
            got = ("took longer than 20 s",)
        ok = got == wanted
        failed += not ok
        lines.append(f"{'ok' if ok else 'not ok'} {number} - {' '.join(arguments)}")
        if not ok:
            print(f"{arguments}: wanted {wanted}, got {got}")
    with open(f"{group}.tap", "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
    return 1 if failed else 0


sys.exit(main(sys.argv[1]))
