from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from ralphbench.config.problems import ConfigErrors
from ralphbench.config.yamlfile import parse_yaml, read_yaml
from ralphbench.errors import ConfigError

FILE = Path("some.yaml")


def parse(text: str) -> Any:
    return parse_yaml(text, FILE).data


def refused(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, FILE)
    return caught.value


def test_every_key_knows_its_line() -> None:
    document = parse_yaml("a: 1\nb:\n  - {c: 2}\n  - d:\n      e: x\n", FILE)
    assert document.data == {"a": 1, "b": [{"c": 2}, {"d": {"e": "x"}}]}
    assert document.line(("b", 0, "c")) == 3
    assert document.line(("b", 1, "d", "e")) == 5
    assert document.origin(("a",)) == "some.yaml:1"


def test_a_key_that_is_not_there_has_the_line_of_its_parent() -> None:
    assert parse_yaml("a: 1\nb: {c: 2}\n", FILE).line(("b", "x", "y")) == 2


@pytest.mark.parametrize(
    "word", ["1:30", "010", "no", "on", "yes", "2024-01-01", "1e5", "0x1f", "1_", "12:30:00", ".inf", ".nan"]
)
def test_plain_words_that_yaml_would_turn_into_something_else_stay_text(word: str) -> None:
    assert parse(f"a: {word}") == {"a": word}


def test_plain_values_are_what_they_look_like() -> None:
    text = "{a: 1, b: 2.5, c: true, d: False, e: null, f: ~, g: '1', h: 1_000, i: -3, j: !!str 5}"
    wanted = {"a": 1, "b": 2.5, "c": True, "d": False, "e": None, "f": None, "g": "1", "h": 1000, "i": -3, "j": "5"}
    assert parse(text) == wanted


def test_a_key_that_stands_twice_is_refused_with_both_lines() -> None:
    error = refused("a: 1\nb: 2\na: 3\n")
    assert (error.line, error.key) == (3, "a")
    assert "first one is in line 1" in str(error)


def test_keys_are_the_text_that_stands_there() -> None:
    assert parse("{7: a, no: b, 1.5: c, null: d}") == {"7": "a", "no": "b", "1.5": "c", "null": "d"}
    assert refused("7: a\n'7': b\n").line == 2


def test_a_key_that_is_a_list_is_refused() -> None:
    error = refused("a: 1\n? [b]\n: 2\n")
    assert error.line == 2
    assert "expected a name" in str(error)


def test_a_tab_is_explained() -> None:
    error = refused("a:\n\tb: 1\n")
    assert error.line == 2
    assert "tab" in str(error)
    assert "spaces" in str(error)


def test_broken_yaml_is_told_with_its_line() -> None:
    assert refused("a: 1\nb: [1, 2\nc: 3\n").line in (2, 3)


def test_two_mistakes_are_told_together() -> None:
    error = refused("a: 1\na: 2\nb: !!python/object:os.system x\n")
    assert isinstance(error, ConfigErrors)
    assert [problem.line for problem in error.problems] == [2, 3]  # type: ignore[attr-defined]


def test_an_alias_that_holds_itself_is_refused() -> None:
    assert "itself" in str(refused("a: &x [1, *x]\n"))


def test_aliases_of_aliases_do_not_fill_the_memory() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "more than" in str(refused("\n".join(lines)))


def test_merged_maps_keep_what_is_written_here_and_their_own_lines() -> None:
    document = parse_yaml("base: &b {x: 1, y: 2}\nmine:\n  <<: *b\n  y: 3\n", FILE)
    assert document.data["mine"] == {"y": 3, "x": 1}
    assert document.line(("mine", "x")) == 1
    assert document.line(("mine", "y")) == 4


def test_a_merge_of_no_map_is_refused() -> None:
    assert "'<<'" in str(refused("a: &x 1\nb:\n  <<: *x\n"))


def test_nesting_without_end_is_refused() -> None:
    assert "deep" in str(refused("[" * 20_000))


def test_several_documents_are_refused() -> None:
    refused("a: 1\n---\nb: 2\n")


def test_bytes_that_are_no_utf8_are_told_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(b"a: 1\nb: caf\xe9\n")
    with pytest.raises(ConfigError, match="UTF-8") as caught:
        read_yaml(file)
    assert caught.value.line == 2


def test_a_control_character_is_told_with_its_line() -> None:
    error = refused("a: 1\nb: \x07\n")
    assert error.line == 2
    assert "U+0007" in str(error)


def test_a_missing_file_and_a_huge_file_are_errors_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_yaml(tmp_path / "none.yaml")
    (tmp_path / "log").write_bytes(b"x" * (5 * 1024 * 1024))
    with pytest.raises(ConfigError, match="5,242,880 bytes"):
        read_yaml(tmp_path / "log")


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_yaml(tmp_path / "x.yaml").data == {"a": 1}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
@example({"a": "\x85"})
def test_what_was_dumped_is_read_back(value: Any) -> None:
    assert parse(yaml.safe_dump(value)) == value


@given(st.text(max_size=200) | st.text(alphabet="ab:-[]{},&*!|>'\"#\n \t<~019.%@`?", max_size=80))
def test_junk_is_read_or_refused_but_never_crashes(text: str) -> None:
    said = str(FILE)
    try:
        parse_yaml(text, FILE)
    except ConfigError as error:
        said = str(error)
    assert str(FILE) in said


@given(st.binary(max_size=60))
def test_junk_bytes_too(raw: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x.yaml"
        file.write_bytes(raw)
        said = str(file)
        try:
            read_yaml(file)
        except ConfigError as error:
            said = str(error)
        assert str(file) in said
