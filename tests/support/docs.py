"""What the documents say, read back from their Markdown."""

from __future__ import annotations

import re
from pathlib import Path

TOP = Path(__file__).parents[2]


def section(file: str, heading: str) -> str:
    """The text below the heading that begins so, up to the next heading of its level or above; not those inside a block."""
    level, fenced = 0, False
    found: list[str] = []
    for line in (TOP / file).read_text(encoding="utf-8").splitlines(keepends=True):
        fenced ^= line.startswith("```")
        marks, _, words = line.partition(" ")
        if not fenced and marks and set(marks) == {"#"}:
            if level and len(marks) <= level:
                break
            if not level and words.startswith(heading):
                level = len(marks)
                continue
        if level:
            found.append(line)
    assert level, f"{file} has no heading {heading!r}"
    return "".join(found)


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
