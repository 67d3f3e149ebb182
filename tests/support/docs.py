"""What the documents say, read back from their Markdown."""

from __future__ import annotations

import re
from pathlib import Path

TOP = Path(__file__).parents[2]


def section(file: str, heading: str) -> str:
    """The text below the heading that begins so, up to the next heading of its level or above."""
    text = (TOP / file).read_text(encoding="utf-8")
    found = re.search(rf"^(#+) {re.escape(heading)}[^\n]*\n", text, re.MULTILINE)
    assert found is not None, f"{file} has no heading {heading!r}"
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def tables(text: str) -> list[list[str]]:
    """For each table of a text, what stands in backticks in the first column of its rows."""
    found: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        if not line.startswith("|"):
            inside = False
        elif not inside:
            inside = True
            found.append([])
        elif not line.startswith("| ---"):
            found[-1] += re.findall(r"`([^`]+)`", line.split("|")[1])
    return found


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
