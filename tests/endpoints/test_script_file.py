"""A script with a mistake in it is refused with the file, the line, the key and a way out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ralphbench.endpoints.script_file import load_script
from ralphbench.errors import ConfigError

MISTAKES = [
    ("rulez: []\n", 1, "rulez: unknown key; did you mean 'rules'?"),
    ("rules: []\n", 1, "at least one rule"),
    ("rules:\n  - turns: []\n", 2, "at least one turn"),
    ("models: []\nrules:\n  - turns: [x]\n", 1, "at least one model"),
    ("rules:\n  - turns:\n      - text: hi\n        fualt: reset\n", 4, "did you mean 'fault'"),
    ("rules:\n  - when: {stage: build, ticket: t1, tikcet: t2}\n    turns: [x]\n", 2, "did you mean 'ticket'"),
    ("rules:\n  - when: {marker: {stage: build}}\n    turns: [x]\n", 2, "when.marker: unknown key"),
    ("rules:\n  - when:\n      matches: '('\n    turns: [x]\n", 3, "not a regular expression"),
    ("rules:\n  - turns:\n    - fault: nope\n", 3, "found 'nope'"),
    ("rules:\n  - turns:\n    - fault: {name: http}\n", 3, "needs a `status`"),
    ("rules:\n  - turns:\n    - text: a\n      json: {a: 1}\n", 4, "not both"),
    ("rules:\n  - turns: [x]\n    after: never\n", 3, "after"),
    ("rules:\n  - turns: [x]\nmodels:\n  - {id: a, context: many}\n", 4, "found 'many'"),
    ("rules:\n  - turns:\n    - tools:\n      - name: bash\n        arguments: 5\n", 5, "arguments"),
    ("rules:\n  - turns: [x]\nrules:\n  - turns: [y]\n", 3, "a second time (first in line 1)"),
    ("rules:\n  - turns: [\n", 3, "not YAML"),
    ("rules:\n  - turns:\n    - no\n", 3, "expected a mapping or a text, found False"),
    ("rules:\n  - turns: [x]\n    when: build\n", 3, "expected a mapping, found 'build'"),
    ("- a\n", 1, "expected a mapping"),
    ("", 1, "expected a mapping"),
]


@pytest.mark.parametrize(("text", "line", "words"), MISTAKES, ids=[words for _, _, words in MISTAKES])
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, line: int, words: str) -> None:
    file = tmp_path / "script.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_script(file)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{file}:{line}: ")


def test_a_script_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_script(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"rules: \xff")
    with pytest.raises(ConfigError, match="cannot read the script"):
        load_script(tmp_path / "latin.yaml")


def test_short_forms_mean_the_long_ones() -> None:
    short = {"models": ["m"], "rules": [{"when": {"stage": "build", "model": "m"}, "turns": ["a", {"fault": "reset"}]}]}
    long = {
        "models": [{"id": "m"}],
        "rules": [
            {"when": {"stage": ["build"], "model": ["m"]}, "turns": [{"text": "a"}, {"fault": {"name": "reset"}}]},
        ],
    }
    assert load_script(short) == load_script(long)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["rules", "turns", "when", "models", "text", "tools", "fault", "usage", "stage", "id", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(values=st.dictionaries(st.sampled_from(["rules", "models", "title", "x"]), VALUES))
def test_whatever_is_given_is_a_script_or_a_config_error(values: dict[str, object]) -> None:
    try:
        script = load_script(values)
    except ConfigError:
        return
    assert script.rules
    assert script.models
