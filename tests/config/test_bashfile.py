from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ralphbench.config.bashfile import parse_assignments, read_assignments
from ralphbench.config.problems import ConfigErrors
from ralphbench.errors import ConfigError

FILE = Path("experiment.conf")
BASH = shutil.which("bash")


def values(text: str, home: str = "/home/me") -> dict[str, list[str]]:
    return {one.name: [value.text(home) for value in one.values] for one in parse_assignments(text, FILE)}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("A=b", "b"),
        ("A=", ""),
        ("  export A=b  # why", "b"),
        ("A='x y'", "x y"),
        ('A="x y"', "x y"),
        ("A='a \"b\" $c `d`'", 'a "b" $c `d`'),
        ('A="a \'b\' \\$c \\`d\\` \\"e\\" \\x \\\\"', "a 'b' $c `d` \"e\" \\x \\"),
        ("A=a\\ b", "a b"),
        ("A=a\"b\"'c'd", "abcd"),
        ('A="a\\\nb"', "ab"),
        ("A=a\\\nb", "ab"),
        ('A="one\ntwo"', "one\ntwo"),
        ("A=$HOME/x", "/home/me/x"),
        ('A="${HOME}x"', "/home/mex"),
        ("A='$HOME'", "$HOME"),
        ('A="ends with $"', "ends with $"),
        ("A=\"grep 'x$' f\"", "grep 'x$' f"),
        ("A=a#b", "a#b"),
        ("A=b;", "b"),
        ("A=b\r\n", "b"),
    ],
)
def test_values_are_read_as_a_shell_reads_them(text: str, wanted: str) -> None:
    assert values(text) == {"A": [wanted]}


def test_lines_comments_and_arrays() -> None:
    text = '# first\n\nA=1\nB=(x "y z"\n  $HOME) # end\nA+=2\n'
    found = parse_assignments(text, FILE)
    assert [(one.name, one.line, one.append) for one in found] == [("A", 3, False), ("B", 4, False), ("A", 6, True)]
    assert [value.text("/h") for value in found[1].values] == ["x", "y z", "/h"]


def test_home_stays_a_word_where_a_field_expands_it_itself() -> None:
    (one,) = parse_assignments('A="$HOME/pay \\$5"', FILE)
    assert one.values[0].portable == "$HOME/pay $$5"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A=$(touch {mark})", "a command substitution"),
        ('A="$(touch {mark})"', "a command substitution"),
        ("A=`touch {mark}`", "a command substitution"),
        ('A="`touch {mark}`"', "a command substitution"),
        ("A=${{HOME:=x}}", "a parameter expansion"),
        ("A=$USER/x", "a variable"),
        ("A=$HOMES", "a variable"),
        ("A=$1", "a variable"),
        ("A=$'x'", "only bash knows"),
        ('A=$"x"', "only bash knows"),
        ("A=(*)", "is for a shell"),
        ("A=$$", "a variable"),
        ("A=$((1+1))", "a command substitution"),
        ("A=~/x", r"write \$HOME"),
        ("touch {mark}", "expected NAME=value"),
        ("A=1 touch {mark}", "after the value"),
        ("A=x > {mark}", "after the value"),
        ("A=x>{mark}", "is for a shell"),
        ("A=x&touch {mark}", "is for a shell"),
        ("source other.conf", "expected NAME=value"),
        ("if true; then", "expected NAME=value"),
        ("A='x", "not closed"),
        ('A="x', "not closed"),
        ("A=(x", "no closing"),
        ("A=(x;y)", "';' in an array"),
        ("A=(;", "';' in an array"),
        ("A=(x(y))", "is for a shell"),
    ],
)
def test_what_only_a_shell_could_read_is_refused_and_not_run(tmp_path: Path, text: str, said: str) -> None:
    mark = tmp_path / "ran"
    file = tmp_path / "experiment.conf"
    file.write_text("X=1\n" + text.format(mark=mark) + "\n")
    with pytest.raises(ConfigError, match=said) as caught:
        read_assignments(file)
    assert caught.value.line == 2
    assert not mark.exists()


def test_every_line_that_is_refused_is_told() -> None:
    with pytest.raises(ConfigErrors) as caught:
        parse_assignments("A=$(x)\nB=ok\nC=`y`\nls\n", FILE)
    assert [problem.line for problem in caught.value.problems] == [1, 3, 4]  # type: ignore[attr-defined]


def test_a_file_that_cannot_be_read_is_an_error_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_assignments(tmp_path / "none.conf")
    (tmp_path / "x.conf").write_bytes(b"A=\xff\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_assignments(tmp_path / "x.conf")


@given(
    st.text(alphabet="A=b'\"\\ $HOME{}()`#;\n\t+&|~", max_size=40)
    | st.text(alphabet="ab'\"\\ ();#\n", max_size=20).map(lambda text: f"A=({text}")
    | st.text(max_size=60)
)
def test_junk_is_read_or_refused_but_never_crashes(text: str) -> None:
    said = str(FILE)
    try:
        parse_assignments(text, FILE)
    except ConfigError as error:
        said = str(error)
    assert str(FILE) in said


def by_bash(line: str) -> list[str]:
    """The values of A after a shell has read the line."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "f"
        file.write_text(line, encoding="utf-8")
        done = subprocess.run(
            [str(BASH), "-c", f". {file}; printf '%s\\0' \"${{A[@]}}\""],
            env={"PATH": os.defpath, "HOME": "/home/me"},
            cwd=folder,
            capture_output=True,
            check=True,
        )
    return done.stdout.decode().split("\0")[:-1]


@pytest.mark.skipif(BASH is None, reason="bash is needed to compare with")
@settings(max_examples=60, deadline=None)
@given(
    st.text(alphabet="ab'\"\\ $HOME{}#;\n*?~=|&%-", max_size=25)
    | st.text(alphabet="ab'\"\\ $HOME#\n*{},~=%-", max_size=15).map(lambda text: f"({text})")
)
def test_what_is_read_is_what_bash_would_have_read(value: str) -> None:
    """Whatever follows `A=`: either it is refused here, or bash gives the same. Nothing in the alphabet can do harm."""
    line = f"A={value}\n"
    try:
        found = values(line)
    except ConfigError:
        return
    # bash prints one empty text for an empty array.
    assert by_bash(line) == (found["A"] or [""])
