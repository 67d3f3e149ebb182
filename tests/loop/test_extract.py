"""Finding the answer in what an agent said."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ralphbench.loop.extract import find_answer, spans

KEYS = ("status", "summary", "issues")
DONE = '{"status": "done", "summary": "ok"}'
BLOCKED = '{"status": "blocked", "summary": "no"}'


@pytest.mark.parametrize(
    "text",
    [
        BLOCKED,
        f"Some words.\n\n{BLOCKED}",
        f"```json\n{BLOCKED}\n```",
        f"```\n{BLOCKED}\n```\nThat is all.",
        f"I was told to answer like {DONE}. My answer: {BLOCKED}",
        f"{BLOCKED} and a closing brace }} of my own, and {{ another",
        f"if (x) {{ return y; }}\n{BLOCKED}",
        f"for (;;) {{\n{BLOCKED}",
        f'use {{"key to open\n{BLOCKED}',
        f'a stray {{"quote {BLOCKED}',
        f"{DONE}\n\n{{}} {{}} [] {{\n}}\n{BLOCKED}\n{{}}",
        '{"thoughts": "first a } brace, then \\" a quote {", "status": "blocked", "summary": "no"}',
        f'{{"context": {{"status": "done"}}}} {BLOCKED} {{"context": {{"status": "done"}}}}',
    ],
)
def test_the_last_object_with_a_key_of_the_stage_is_the_answer(text: str) -> None:
    found = find_answer(text, KEYS)
    assert found.value is not None, found.error
    assert found.value["status"] == "blocked"


@pytest.mark.parametrize("space", ["\n", "\r\n", "\t", "\x0b"])
def test_a_string_may_go_over_lines(space: str) -> None:
    text = f'The format is {DONE}, so:\n\n{{"status": "blocked", "summary": "one {{{space}two \\"three\\"{space}"}}'
    assert find_answer(text, KEYS).value == {"status": "blocked", "summary": f'one {{{space}two "three"{space}'}


@pytest.mark.parametrize(
    "text",
    [
        f'{{"answer": {BLOCKED}}}',
        f'{{"Final_Answer": {BLOCKED}}} That is all.',
        f'{{"verdict": {{"of the builder": {BLOCKED}}}, "confidence": 0.9}}',
        f'{{"name": "answer", "arguments": {BLOCKED}}}',
        f'I was told to answer like {DONE}. {{"answer": {BLOCKED}}}',
        f'{{"status": "done", ... and then {{"name": "answer", "arguments": {BLOCKED}}}',
        f'{{"example": {DONE}}} {{"verdict": {BLOCKED}}}',
    ],
)
def test_an_answer_that_is_wrapped_is_found(text: str) -> None:
    found = find_answer(text, KEYS)
    assert found.value == {"status": "blocked", "summary": "no"}, found.error


@pytest.mark.parametrize(
    "text", [f'{{"one": {DONE}, "two": {BLOCKED}}}', f'{{"answers": [{DONE}]}}', '{"answer": {"said": "status"}}']
)
def test_what_is_wrapped_together_with_another_is_no_answer(text: str) -> None:
    found = find_answer(text, KEYS)
    assert found.value is None
    assert "the answer has no JSON object" in found.error


@pytest.mark.parametrize(
    "broken",
    [
        '{"status": "blocked", "summary": "no"',
        '{"status": "blocked", "summary": "no',
        '{"status": "blocked", "summary": "no",}',
        '{"status": blocked}',
        '{"status": "blocked" "summary": "no"}',
        "{'status': 'blocked'}",
        "{status: blocked}",
        '{"status": "blocked", "summary": "two\\\nlines"}',
        '{"status": "blocked", "summary": "two\nlines',
        '{"status": "blocked", // a remark\n "summary": "no"}',
        '{"status": "blocked", "summary": """no"""}',
        '{"status": "blocked", "issues": [{"title": "x"}}',
    ],
)
def test_a_broken_answer_never_gives_way_to_an_earlier_example(broken: str) -> None:
    found = find_answer(f"The format is {DONE}, so:\n\n{broken}", KEYS)
    assert found.value is None
    assert "JSON object" in found.error


@pytest.mark.parametrize(
    "text", ["", "All tests pass. Everything is done.", "status: done", "[1, 2]", '"status"', "{}"]
)
def test_prose_is_never_an_answer(text: str) -> None:
    found = find_answer(text, KEYS)
    assert found.value is None
    assert "'status'" in found.error


def test_the_error_names_the_place() -> None:
    error = find_answer('{"status": "blocked", "summary": no}', KEYS).error
    assert error.startswith("the last JSON object is broken or incomplete: Expecting value near ")
    assert 'summary": no}' in error


def test_parts_of_a_torn_answer_are_no_answer() -> None:
    torn = '{"tickets": [{"id": "a", "acceptance": {"run": "true"}}, {"id": "b", "accep'
    assert find_answer(torn, ("tickets",)).value is None


def test_a_lone_surrogate_is_an_error_and_not_a_crash() -> None:
    found = find_answer('{"status": "\ud800", "summary": "x"}', KEYS)
    assert found.value is None


@given(st.text(alphabet=st.sampled_from('{}[]":,\\ \n\tab01-.stausdone\ud800'), max_size=400))
@settings(max_examples=200, deadline=None)
def test_extraction_never_raises(text: str) -> None:
    found = find_answer(text, ("s", "status", "a"))
    assert (found.value is None) == bool(found.error)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.text(max_size=8), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)),
    st.text(alphabet=st.characters(exclude_characters='{}"', exclude_categories=["Cs"])),
    st.text(alphabet=st.characters(exclude_characters='{}"', exclude_categories=["Cs"])),
    st.booleans(),
)
def test_any_object_is_found_again_between_any_prose(
    value: dict[str, object], before: str, after: str, indented: bool
) -> None:
    answer = {**value, "status": "done"}
    text = before + json.dumps(answer, indent=2 if indented else None) + after
    assert find_answer(text, KEYS).value == answer


UNITS = [
    *("{", "}", "{}", '{"', '"{', '{"a":', '{"a":[', "[{", '{"\\"', '\\"{"', '{"status":', '{"status":"', '{"a" "b {'),
    *('{"\n', '"\n{', '{"a\n":1,'),
    *('{"a":1,', '{,"', '{"}', '{1 "x {', '{"a":{},', "{\n", '"', "\\", '{"status": "x"} {'),
]


@pytest.mark.parametrize("unit", UNITS)
def test_braces_without_end_take_linear_time(unit: str) -> None:
    def seconds(size: int) -> float:
        text = (unit * (size // len(unit) + 1))[:size]
        began = time.process_time()
        find_answer(text, KEYS)
        return time.process_time() - began

    small = min(seconds(10_000) for _ in range(2))
    assert seconds(300_000) < max(1.0, 4 * 30 * small)


def test_spans_of_whole_groups_do_not_overlap() -> None:
    found = spans('{"a": {"b": 1}} x {"c": [{"d": 2}]}')
    assert [(span.start, span.end, span.whole) for span in found] == [(0, 15, True), (18, 35, True)]
