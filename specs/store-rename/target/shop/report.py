"""Prints what a store holds: `python3 -m shop.report stock.txt`."""

import sys

from shop.money2 import CURRENCY2
from shop.store2 import load_store2

HEADING = "Store2Go"


def lines(store):
    """The report on a Store2, line by line."""
    yield f"{HEADING} ({CURRENCY2})"
    for name in sorted(store.items):
        item = store.items[name]
        yield f"{name:<14}{item.count:>5} {item.worth()!s:>14}"
    yield f"{'total':<14}{'':>5} {store.worth()!s:>14}"


def main(argv):
    for line in lines(load_store2(argv[0])):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
