from __future__ import annotations

import os
import shutil
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ralphbench.workspace import leaving

NAMES = st.sampled_from([b"a", b"b", b"c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
TARGETS = st.lists(st.sampled_from([b"a", b"b", b"c", b"..", b"."]), min_size=1, max_size=5).map(b"/".join)


@pytest.mark.parametrize(
    ("links", "out"),
    [
        ({b"l": b"a"}, []),
        ({b"l": b"/etc/passwd"}, [b"l"]),
        ({b"l": b"../x"}, [b"l"]),
        ({b"sub/l": b"../x"}, []),
        ({b"sub/l": b"../../x"}, [b"sub/l"]),
        ({b"l": b"nowhere"}, []),
        ({b"l": b"l"}, []),
        ({b"l": b"m", b"m": b"l"}, []),
        ({b"l": b"m", b"m": b"../x"}, [b"l", b"m"]),
        ({b"p/q/d": b"../../a", b"x": b"p/q/d/../../etc"}, [b"x"]),
        ({b"l": b""}, []),
    ],
)
def test_links_that_lead_out_are_told(links: dict[bytes, bytes], out: list[bytes]) -> None:
    assert leaving(links) == out


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(PATHS, TARGETS, max_size=5))
def test_no_link_that_the_kernel_follows_out_is_missed(links: dict[bytes, bytes]) -> None:
    """Made for real, in folders where everything that a link may walk through exists."""
    base = os.fsencode(tempfile.mkdtemp(prefix="ralphbench-links-"))
    try:
        root = base + b"/outer/tree"
        for path in (b"a/a", b"a/b", b"b/a", b"c/c", b"b/c"):
            os.makedirs(root + b"/" + path)
        made = {}
        for path, target in links.items():
            where = root + b"/" + path
            if os.path.lexists(where) or not os.path.realpath(os.path.dirname(where)).startswith(root):
                continue
            if os.path.isdir(os.path.dirname(where)):
                real = os.path.relpath(os.path.realpath(os.path.dirname(where)), root)
                os.symlink(target, where)
                made[os.path.normpath(real + b"/" + os.path.basename(path))] = target
        out = set(leaving(made))
        for path in made:
            try:
                os.stat(root + b"/" + path)
            except OSError:
                continue  # to nowhere, or in a circle
            reached = os.path.realpath(root + b"/" + path)
            inside = reached == root or reached.startswith(root + b"/")
            assert inside or path in out
    finally:
        shutil.rmtree(base)
