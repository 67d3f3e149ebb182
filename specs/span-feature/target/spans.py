"""Spans of whole numbers, both ends included: `1-3` is one, two and three; `7` is seven alone."""

import sys


def parse(text):
    """Return a span like `2-5` or `9` as a pair (first, last)."""
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def show(spans):
    """Return spans as the command line prints them."""
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def merge(spans):
    """Return the same numbers in as few spans as possible, sorted."""
    merged = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def main(argv):
    if not argv or argv[0] != "merge":
        print("usage: spans.py merge SPAN...", file=sys.stderr)
        return 2
    print(show(merge([parse(text) for text in argv[1:]])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
