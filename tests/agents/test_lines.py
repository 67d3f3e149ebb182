"""Lines out of a stream, whatever the pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ralphbench.agents.json_lines import parse
from ralphbench.agents.lines import Lines
from ralphbench.agents.words import EVENT_TEXT, clip, clip_value

BYTES = st.binary(max_size=60) | st.sampled_from([b"\n", b"\r\n", b"a\nb", b"{}\n", b"x" * 30])


@given(st.lists(BYTES, max_size=20), st.integers(min_value=1, max_value=40))
def test_every_line_comes_whole_or_is_counted(pieces: list[bytes], longest: int) -> None:
    whole = b"".join(pieces)
    expected = whole.split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    lines = Lines(longest)
    found = [line for piece in pieces for line in lines.feed(piece)]
    found += lines.last()
    assert found == [line.rstrip(b"\r") for line in expected if len(line) <= longest]
    assert lines.too_long == sum(len(line) > longest for line in expected)
    assert list(lines.last()) == []


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(line: bytes) -> None:
    parse(line)
    parse(b"{" + line)


def test_a_line_of_json_is_an_object_or_nothing() -> None:
    assert parse(b' {"a": 1} ') == {"a": 1}
    assert parse(b'{"a": "caf\xe9"}') == {"a": "caf�"}
    for line in (b"", b"[1]", b"3", b'"x"', b'{"a": 1', b'{"a": 1} x', b"{" * 100_000):
        assert parse(line) is None


@given(st.text(max_size=300), st.integers(min_value=2, max_value=100))
def test_a_clipped_text_says_what_is_missing(text: str, limit: int) -> None:
    clipped = clip(text, limit)
    if len(text) <= limit:
        assert clipped == text
    else:
        assert clipped.startswith(text[: limit // 2])
        assert clipped.endswith(text[-(limit // 2) :])
        assert f"{len(text) - 2 * (limit // 2)} characters left out" in clipped


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=30,
)


@given(JSON)
def test_small_values_are_kept_as_they_are(value: object) -> None:
    def depth(value: object) -> int:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return 1 + max(map(depth, inner), default=-1)

    if depth(value) <= 4:
        assert clip_value(value) == value


def test_large_values_are_cut() -> None:
    cut = clip_value({"content": "x" * 100_000, "list": list(range(1000)), "deep": [[[[[[1]]]]]]})
    assert len(cut["content"]) < EVENT_TEXT + 100
    assert len(cut["list"]) == 50
    assert cut["deep"] == [[["..."]]]
