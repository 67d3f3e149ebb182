from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ralphbench.errors import TaskError
from ralphbench.workspace import Globs

NAMES = st.text(alphabet="ab.*", min_size=1, max_size=4).filter(lambda n: n not in (".", "..") and "**" not in n)


@pytest.mark.parametrize(
    ("pattern", "path", "wanted"),
    [
        ("tests/**", "tests/a.py", True),
        ("tests/**", "tests/deep/er/a.py", True),
        ("tests/**", "tests", False),
        ("tests/**", "src/tests/a.py", False),
        ("tests", "tests/deep/a.py", True),
        ("tests/", "tests/a.py", True),
        ("tests", "testsuite/a.py", False),
        ("**/conftest.py", "conftest.py", True),
        ("**/conftest.py", "a/b/conftest.py", True),
        ("**/conftest.py", "a/b/myconftest.py", False),
        ("*.lock", "a.lock", True),
        ("*.lock", "sub/a.lock", False),
        ("*.lock", ".lock", True),
        ("src/*/x.c", "src/a/x.c", True),
        ("src/*/x.c", "src/a/b/x.c", False),
        ("src/**/x.c", "src/x.c", True),
        ("src/**/x.c", "src/a/b/x.c", True),
        ("f?.c", "f1.c", True),
        ("f?.c", "f/.c", False),
        ("f[0-9].c", "f7.c", True),
        ("f[!0-9].c", "f7.c", False),
        ("f[!0-9].c", "f/.c", False),
        ("f[]].c", "f].c", True),
        (r"a\*b", "a*b", True),
        (r"a\*b", "axb", False),
        ("Makefile", "makefile", False),
        ("a.c", "abc", False),
        ("**", "any/thing", True),
    ],
)
def test_a_pattern_means_what_its_page_says(pattern: str, path: str, wanted: bool) -> None:
    assert Globs([pattern]).match(path) is wanted


def test_names_that_are_not_utf8_match_by_their_bytes() -> None:
    assert Globs(["tests/*"]).match(b"tests/caf\xe9")
    assert Globs(["tests/?"]).match(b"tests/\xe9")


def test_no_pattern_matches_nothing() -> None:
    assert not Globs([]).match("a")
    assert not Globs([])


@pytest.mark.parametrize("pattern", ["", "/abs", "../up", "a/../b", "a//b", "!no", "./a", "f[", "f[z-a]"])
def test_a_pattern_that_could_never_match_is_refused(pattern: str) -> None:
    with pytest.raises(TaskError, match=re.escape(repr(pattern))):
        Globs([pattern])


@given(st.lists(NAMES, min_size=1, max_size=4), st.lists(NAMES, min_size=1, max_size=4))
def test_a_pattern_agrees_with_one_name_at_a_time(pattern: list[str], path: list[str]) -> None:
    """Without `**`, a path matches if each name does, and anything may follow."""

    def name_matches(glob: str, name: str) -> bool:
        if not glob:
            return not name
        if glob[0] == "*":
            return any(name_matches(glob[1:], name[n:]) for n in range(len(name) + 1))
        return bool(name) and glob[0] == name[0] and name_matches(glob[1:], name[1:])

    wanted = len(path) >= len(pattern) and all(name_matches(g, n) for g, n in zip(pattern, path, strict=False))
    assert Globs(["/".join(pattern)]).match("/".join(path)) is wanted
