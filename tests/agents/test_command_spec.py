"""Descriptions of command lines: what is wrong is said, with its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ralphbench.agents.command_reader import at, read_answer
from ralphbench.agents.command_spec import AnswerFile, fill, read
from ralphbench.errors import ConfigError

GOOD: dict[str, Any] = {"argv": ["x"], "version": {"argv": ["x", "-V"]}}
RULE = {"when": {"type": "a"}, "kind": "message", "text": "t"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"argvs": []}, "agents.a.argvs: unknown key 'argvs'; did you mean 'argv'"),
        ({"version": None}, r"agents.a.version: Expected `object`"),
        (
            {"version": {"argv": ["x"], "pinned": "1"}},
            "agents.a.version.pinned: unknown key 'pinned'; did you mean 'pin'",
        ),
        ({"argv": []}, "agents.a.argv: a command is needed"),
        ({"argv": ["x", "{modle}"]}, "agents.a.argv: there is no {modle}; did you mean {model}"),
        ({"env": {"A": "{zzz}"}}, "agents.a.env: there is no {zzz} .known: base_url"),
        ({"prompt": "argv"}, "agents.a.prompt: with `prompt: argv`, {prompt} must stand in"),
        ({"prompt": "file"}, "{prompt_file} or {prompt_json} must stand in"),
        ({"prompt": "telepathy"}, "agents.a.prompt: Invalid enum value 'telepathy'"),
        ({"files": {"/etc/x": ""}}, "'/etc/x' must be a file in {home}"),
        ({"files": {"{home}/../x": ""}}, "must be a file in {home}"),
        (
            {"output": {"answer": {"file": "answer.json"}}},
            "agents.a.output.answer.file: 'answer.json' must be a file in",
        ),
        ({"output": {"format": "jsonl"}}, "agents.a.output.events: the format `jsonl` needs rules"),
        ({"output": {"events": [RULE]}}, "are for the format `jsonl`"),
        (
            {"output": {"format": "jsonl", "events": [{**RULE, "kind": "x"}]}},
            r"agents.a.output.events\[0\].kind: Invalid enum",
        ),
        ({"endings": [{"pattern": "(", "ending": "context"}]}, "agents.a.endings: not a regular expression"),
        ({"endings": [{"pattern": "x", "ending": "cost"}]}, "Invalid enum value 'cost'"),
        ({"exit": {"zero": "done"}}, "agents.a.exit: Expected `int`"),
        ({"continue": {"argv": ["x"]}}, r"agents.a.continue.argv: {session} must stand in it"),
        ({"dialects": ["morse"]}, r"agents.a.dialects\[0\]: Invalid enum value 'morse'"),
    ],
)
def test_mistakes_are_named_with_their_key(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read("a", {**GOOD, **change})


@pytest.mark.parametrize("given", [None, "x", [], {}])
def test_what_is_no_description_is_refused(given: Any) -> None:
    with pytest.raises(ConfigError, match=r"agents\.a"):
        read("a", given)


def test_defaults_are_those_of_a_plain_filter() -> None:
    read_ = read("a", GOOD)
    assert (read_.prompt, read_.output.format, read_.dialects, read_.exit) == ("stdin", "text", ("chat",), {0: "done"})


def test_the_manual_shows_the_description_that_is_tested() -> None:
    text = (Path(__file__).parent / "data" / "mini.yaml").read_text()
    read("mini", yaml.safe_load(text)["mini"])
    manual = Path(__file__).parents[2] / "docs" / "agents.md"
    assert text.strip() in manual.read_text()


def test_templates_are_filled_once_and_other_braces_stay() -> None:
    values = {"prompt": "say {key}", "key": "K"}
    assert fill('{"a": "{prompt}", "b": {key}, {other} {}}', values) == '{"a": "say {key}", "b": K, {other} {}}'


def test_a_path_finds_what_is_there() -> None:
    value = {"a": [{"b": 1}, {"b": 2}], "c": None}
    found = [at(value, path) for path in ("a.0.b", "a.-1.b", "a.2.b", "a.-3.b", "a.x", "c.d", "z")]
    assert found == [1, 2, None, None, None, None, None]


def test_an_answer_is_the_first_that_says_something() -> None:
    data = b'{"a": "  ", "b": 3, "c": "this"}'
    assert read_answer(AnswerFile("x", ["a", "b", "z", "c"]), data) == "this"
    assert read_answer(AnswerFile("x", ["a"]), data) == ""
    assert read_answer(AnswerFile("x"), data) == data.decode()
    assert read_answer(AnswerFile("x", ["a"]), b'{"a": "torn') == ""
    assert read_answer(AnswerFile("x", ["a"]), b"") == ""
