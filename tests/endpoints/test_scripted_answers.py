"""The scripted server answers as its script says, and the same to the same request."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ralphbench.endpoints.asked import read_request
from ralphbench.endpoints.matching import Matcher
from ralphbench.endpoints.script_file import load_script
from ralphbench.endpoints.scripted import ScriptedServer

PATHS = {"chat": "/chat/completions", "responses": "/responses", "messages": "/messages"}
MARKER = "<!-- ralphbench stage=build iteration=3 ticket=t2 task=fix-slug try=1 -->"
BASH = {"name": "bash", "arguments": {"command": "echo {{ticket}}", "timeout": 5}}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


ASSISTANT = {"role": "assistant", "content": "so be it"}


def body(dialect: str, messages: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    made = {"model": "scripted", "input" if dialect == "responses" else "messages": messages, **more}
    if dialect == "messages":
        made.setdefault("max_tokens", 1000)
    if dialect == "chat" and made.get("stream"):
        made.setdefault("stream_options", {"include_usage": True})
    return made


async def post(url: str, asked: dict[str, Any]) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.post(url, json=asked) as response:
        return response.status, await response.text()


def ask(script: dict[str, Any], *requests: tuple[str, dict[str, Any]]) -> list[tuple[int, str]]:
    async def run() -> list[tuple[int, str]]:
        async with ScriptedServer(script) as server:
            assert server.base_url is not None
            return [await post(server.base_url + PATHS[dialect], asked) for dialect, asked in requests]

    return asyncio.run(run())


def events(text: str) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def said(script: dict[str, Any], messages: list[dict[str, Any]], dialect: str = "chat") -> str:
    """The text of the answer to one conversation."""
    status, text = ask(script, (dialect, body(dialect, messages)))[0]
    assert status == 200, text
    answer = json.loads(text)
    if dialect == "chat":
        return str(answer["choices"][0]["message"]["content"])
    if dialect == "messages":
        return "".join(block["text"] for block in answer["content"])
    return "".join(part["text"] for item in answer["output"] for part in item["content"])


TURN = {"reasoning": "let me think about it", "text": "I call a tool now.", "tools": [BASH, BASH]}


def test_a_chat_stream_names_each_call_first_and_then_sends_its_arguments_in_pieces() -> None:
    script = {"models": [{"id": "scripted", "chunk": 2}], "rules": [{"turns": [TURN]}]}
    [(status, text)] = ask(script, ("chat", body("chat", [user(MARKER)], stream=True)))
    assert status == 200
    assert text.endswith("data: [DONE]\n\n")
    chunks = events(text)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(d.get("reasoning_content", "") for d in deltas) == "let me think about it"
    assert "".join(d.get("content") or "" for d in deltas) == "I call a tool now."
    calls = [call for d in deltas for call in d.get("tool_calls", [])]
    for index in (0, 1):
        mine = [call for call in calls if call["index"] == index]
        assert mine[0]["function"] == {"name": "bash", "arguments": ""}
        assert mine[0]["id"]
        assert all("id" not in call and "name" not in call["function"] for call in mine[1:])
        assert len(mine) > 3
        assert json.loads("".join(c["function"]["arguments"] for c in mine)) == {"command": "echo t2", "timeout": 5}
    assert calls[0]["id"] != next(call["id"] for call in calls if call["index"] == 1 and "id" in call)
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][-1] == "tool_calls"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] > 10


def test_usage_comes_only_where_it_is_asked_for_in_the_chat_dialect() -> None:
    plain = {"model": "scripted", "messages": [user("hi")], "stream": True}
    [(_, without), (_, with_it)] = ask(
        {"rules": [{"turns": ["hello"]}]}, ("chat", plain), ("chat", body("chat", [user("hi")], stream=True))
    )
    assert all("usage" not in chunk for chunk in events(without))
    assert events(with_it)[-1]["usage"]["total_tokens"] > 0


def test_a_messages_stream_opens_grows_and_closes_each_block() -> None:
    [(_, text)] = ask({"rules": [{"turns": [TURN]}]}, ("messages", body("messages", [user(MARKER)], stream=True)))
    got = events(text)
    assert [e["type"] for e in got[:2]] == ["message_start", "ping"]
    assert got[0]["message"]["usage"]["input_tokens"] > 0
    starts = [e["content_block"]["type"] for e in got if e["type"] == "content_block_start"]
    assert starts == ["thinking", "text", "tool_use", "tool_use"]
    assert [e["index"] for e in got if e["type"] == "content_block_stop"] == [0, 1, 2, 3]
    pieces = [e["delta"]["partial_json"] for e in got if e["type"] == "content_block_delta" and e["index"] == 2]
    assert json.loads("".join(pieces)) == {"command": "echo t2", "timeout": 5}
    assert got[-2]["delta"]["stop_reason"] == "tool_use"
    assert got[-1]["type"] == "message_stop"


def test_a_responses_stream_numbers_its_events_and_ends_with_the_whole() -> None:
    [(_, text)] = ask({"rules": [{"turns": [TURN]}]}, ("responses", body("responses", [user(MARKER)], stream=True)))
    got = events(text)
    assert [e["sequence_number"] for e in got] == list(range(len(got)))
    assert got[-1]["type"] == "response.completed"
    output = got[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["reasoning", "message", "function_call", "function_call"]
    assert [e["item"] for e in got if e["type"] == "response.output_item.done"] == output
    assert json.loads(output[2]["arguments"]) == {"command": "echo t2", "timeout": 5}


@pytest.mark.parametrize("dialect", PATHS)
def test_without_a_stream_the_same_is_said_at_once(dialect: str) -> None:
    script = {"rules": [{"turns": [{"text": "hello", "usage": {"input": 100, "output": 7, "cache_read": 60}}]}]}
    [(status, text)] = ask(script, (dialect, body(dialect, [user("hi")])))
    assert status == 200
    answer = json.loads(text)
    assert answer["model"] == "scripted"
    usage = answer["usage"]
    # Anthropic counts what the cache served apart; the others count it in.
    assert (usage.get("prompt_tokens") or usage["input_tokens"]) == (40 if dialect == "messages" else 100)
    assert "hello" in text


@pytest.mark.parametrize("dialect", PATHS)
def test_usage_none_says_nothing_rather_than_zero(dialect: str) -> None:
    script = {"rules": [{"turns": [{"text": "hello", "usage": "none"}]}]}
    [(_, text)] = ask(script, (dialect, body(dialect, [user("hi")], stream=True)))
    for event in events(text):
        usage = event.get("usage") or (event.get("message") or event.get("response") or {}).get("usage")
        assert not usage or "input_tokens" not in usage


@pytest.mark.parametrize("dialect", PATHS)
def test_max_tokens_cuts_the_answer_and_says_so(dialect: str) -> None:
    limit = {"chat": "max_tokens", "responses": "max_output_tokens", "messages": "max_tokens"}[dialect]
    [(_, text)] = ask({"rules": [{"turns": ["q" * 400]}]}, (dialect, body(dialect, [user("hi")], **{limit: 10})))
    assert "q" * 40 in text
    assert "q" * 41 not in text
    assert any(word in text for word in ('"length"', '"max_tokens"', '"max_output_tokens"'))


def test_the_turn_is_counted_from_the_last_stage_prompt() -> None:
    script = {"rules": [{"turns": ["one", "two", "three"]}]}
    assert said(script, [user("hi")]) == "one"
    assert said(script, [user("hi"), ASSISTANT, user("more")]) == "two"
    talk = [user(MARKER), ASSISTANT, {"role": "tool", "content": "ok", "tool_call_id": "x"}, ASSISTANT]
    assert said(script, talk) == "three"
    assert said(script, [*talk, user(MARKER.replace("try=1", "try=2"))]) == "one"
    assert said(script, [*talk, user("a reminder without the first line")]) == "three"


def test_several_items_of_one_answer_are_one_turn_in_the_responses_dialect() -> None:
    answer = [
        {"type": "reasoning", "summary": [], "id": "rs"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "so"}]},
        {"type": "function_call", "name": "bash", "arguments": "{}", "call_id": "a"},
        {"type": "function_call", "name": "bash", "arguments": "{}", "call_id": "b"},
    ]
    outputs = [{"type": "function_call_output", "call_id": c, "output": "ok"} for c in "ab"]
    asked = [user(MARKER), *answer, *outputs]
    assert said({"rules": [{"turns": ["one", "two", "three"]}]}, asked, "responses") == "two"
    assert said({"rules": [{"turns": ["one", "two", "three"]}]}, [*asked, *answer, *outputs], "responses") == "three"


def test_a_tool_result_in_a_user_message_is_not_the_users_word() -> None:
    script = {"rules": [{"when": {"contains": "do it"}, "turns": ["one", "two"]}, {"turns": ["lost"]}]}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "do it not"}]}
    assert said(script, [user("do it"), ASSISTANT, result], "messages") == "two"


@pytest.mark.parametrize(("after", "expected"), [("repeat", "ababa"), ("last", "abbbb"), ("stop", "abDDD")])
def test_after_says_what_follows_the_last_turn(after: str, expected: str) -> None:
    matcher = Matcher(load_script({"rules": [{"turns": ["a", "b"], "after": after}]}))
    got = ""
    for count in range(5):
        asked = read_request("chat", json.dumps(body("chat", [user("hi"), *[ASSISTANT] * count])).encode())
        chosen = matcher.choose(asked)
        assert chosen is not None
        got += chosen.turn.text[0]
    assert got == expected


RULES = [
    ({"stage": "build"}, True),
    ({"stage": ["plan", "build"]}, True),
    ({"stage": "plan"}, False),
    ({"iteration": 3}, True),
    ({"iteration": [1, 2]}, False),
    ({"ticket": "t*"}, True),
    ({"ticket": "u*"}, False),
    ({"task": "fix-slug", "try": 1}, True),
    ({"try": 2}, False),
    ({"model": "scr*"}, True),
    ({"model": "other"}, False),
    ({"contains": ["the slug", "soon"]}, True),
    ({"contains": ["the slug", "later"]}, False),
    ({"matches": r"^fix .* soon$"}, True),
    ({"matches": r"^soon"}, False),
    ({"first": "hello"}, True),
    ({"first": "slug"}, False),
    ({"system": "You are"}, True),
    ({"system": "title generator"}, False),
    ({"tools": False}, True),
    ({"tools": True}, False),
]


@pytest.mark.parametrize(("when", "holds"), RULES, ids=lambda value: str(value))
def test_when(when: dict[str, Any], holds: bool) -> None:
    script = {"rules": [{"when": when, "turns": ["yes"]}, {"turns": ["no"]}]}
    messages = [
        {"role": "system", "content": "You are a coder."},
        user("hello"),
        ASSISTANT,
        {"role": "user", "content": [{"type": "text", "text": f"{MARKER}\nfix the slug soon"}]},
    ]
    assert said(script, messages) == ("yes" if holds else "no")


def test_a_prompt_without_a_stage_prompt_fits_no_rule_that_asks_for_one() -> None:
    script = {"rules": [{"when": {"stage": "*"}, "turns": ["yes"]}]}
    [(status, text)] = ask(script, ("chat", body("chat", [user("hi")])))
    assert status == 400
    assert "no rule" in text


def test_places_are_filled_from_the_first_line_and_others_left_as_written() -> None:
    turn = {"json": {"ticket": "{{ticket}}", "{{ stage }}": ["{{try}}", "{{unknown}}", 1]}}
    assert json.loads(said({"rules": [{"turns": [turn]}]}, [user(MARKER)])) == {
        "ticket": "t2",
        "build": ["1", "{{unknown}}", 1],
    }
    assert said({"rules": [{"turns": ["{{ticket}}"]}]}, [user("no first line")]) == "{{ticket}}"


def test_an_unknown_model_is_refused_and_the_list_shows_what_there_is() -> None:
    async def run() -> tuple[int, str, dict[str, Any]]:
        async with ScriptedServer({"models": ["a", {"id": "b", "context": 99}], "rules": [{"turns": ["x"]}]}) as server:
            status, text = await post(f"{server.base_url}/chat/completions", {"model": "c", "messages": []})
            async with aiohttp.ClientSession() as session, session.get(f"{server.base_url}/models") as response:
                return status, text, await response.json()

    status, text, listed = asyncio.run(run())
    assert status == 404
    assert "Invalid model identifier" in text
    assert [(m["id"], m.get("context_length")) for m in listed["data"]] == [("a", None), ("b", 99)]


@pytest.mark.parametrize("sent", [b"not json", b"[]", b'{"messages": 5}'])
def test_a_body_that_is_no_request_is_a_bad_request(sent: bytes) -> None:
    async def run() -> int:
        async with (
            ScriptedServer({"rules": [{"turns": ["x"]}]}) as server,
            aiohttp.ClientSession() as session,
            session.post(f"{server.base_url}/chat/completions", data=sent) as response,
        ):
            return response.status

    assert asyncio.run(run()) == 400


def test_equal_requests_get_equal_bytes_from_another_process_of_the_server() -> None:
    script = {"rules": [{"when": {"stage": "build"}, "turns": [TURN, TURN], "after": "repeat"}]}
    requests = [
        (dialect, body(dialect, [user(MARKER), *[ASSISTANT] * count], stream=stream))
        for dialect in PATHS
        for count in (0, 1, 5)
        for stream in (True, False)
    ]
    forth = ask(script, *requests)
    back = ask(script, *reversed(requests))
    assert forth == list(reversed(back))


def test_call_ids_differ_from_turn_to_turn() -> None:
    script = {"rules": [{"turns": [TURN], "after": "repeat"}]}
    answers = ask(script, *[("chat", body("chat", [user(MARKER), *[ASSISTANT] * n])) for n in range(20)])
    ids = [c["id"] for _, text in answers for c in json.loads(text)["choices"][0]["message"]["tool_calls"]]
    assert len(set(ids)) == 40


def test_llama_cpps_timings_are_said_where_the_script_wants_them() -> None:
    script = {"models": [{"id": "scripted", "timings": True}], "rules": [{"turns": ["hello there"]}]}
    [(_, text)] = ask(script, ("chat", body("chat", [user("hi")], stream=True)))
    last = events(text)[-1]
    assert last["timings"]["predicted_n"] == last["usage"]["completion_tokens"]
    assert last["timings"]["prompt_ms"] > 0


TEXTS = st.text(min_size=1, max_size=200)


@given(text=TEXTS, reasoning=st.text(max_size=60), command=TEXTS, chunk=st.integers(1, 5))
def test_whatever_is_scripted_arrives_whole_in_every_dialect(
    text: str, reasoning: str, command: str, chunk: int
) -> None:
    from ralphbench.endpoints.answers import make_answer
    from ralphbench.endpoints.wire import WIRES

    turn = {"text": text, "reasoning": reasoning, "tools": [{"name": "bash", "arguments": {"command": command}}]}
    script = load_script({"models": [{"id": "m", "chunk": chunk}], "rules": [{"turns": [turn]}]})
    for dialect, wire in WIRES.items():
        asked = read_request(dialect, json.dumps(body(dialect, [user("hi")], max_tokens=None)).encode())
        chosen = Matcher(script).choose(asked)
        assert chosen is not None
        answer = make_answer(asked, chosen, script.models[0])
        got = events(b"".join(event for event, _ in wire.body(answer)).decode())
        assert _collect(dialect, got) == (text, reasoning, {"command": command})


def _collect(dialect: str, got: list[dict[str, Any]]) -> tuple[str, str, Any]:
    if dialect == "chat":
        deltas = [event["choices"][0]["delta"] for event in got]
        arguments = "".join(c["function"]["arguments"] for d in deltas for c in d.get("tool_calls", []))
        text, reasoning = (
            "".join(d.get("content") or "" for d in deltas),
            "".join(d.get("reasoning_content", "") for d in deltas),
        )
    elif dialect == "messages":
        parts = [event["delta"] for event in got if event["type"] == "content_block_delta"]
        text = "".join(p.get("text", "") for p in parts)
        reasoning = "".join(p.get("thinking", "") for p in parts)
        arguments = "".join(p.get("partial_json", "") for p in parts)
    else:

        def joined(kind: str) -> str:
            return "".join(event["delta"] for event in got if event["type"] == f"response.{kind}.delta")

        text, reasoning = joined("output_text"), joined("reasoning_summary_text")
        arguments = joined("function_call_arguments")
    return text, reasoning, json.loads(arguments)
