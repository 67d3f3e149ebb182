"""Slugs: titles made fit for an address."""

import sys
import unicodedata


def slugify(text, max_length=None):
    """Return `text` as a slug: lower-case words joined by hyphens, at most `max_length` characters long."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    out = []
    for char in plain.lower():
        if char.isalnum():
            out.append(char)
        else:
            out.append("-")
    slug = "".join(out)
    if max_length is not None:
        slug = slug[:max_length]
    return slug


def main(argv):
    if not argv:
        print("usage: slugs.py TITLE [MAX_LENGTH]", file=sys.stderr)
        return 2
    max_length = int(argv[1]) if len(argv) > 1 else None
    print(slugify(argv[0], max_length))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
