"""Scripts and recorded attempts, served from the gateway's own event loop; and real clients in front of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from ralphbench.errors import ConfigError, RecordError
from ralphbench.gateway.routes import Routes
from ralphbench.gateway.secrets import Redactor
from ralphbench.model import EndpointSpec

SCRIPT = """
models: [{id: model-one, context: 8000}]
rules:
  - when: {contains: "rate"}
    turns: [{text: "at last", fault: {name: rate_limit, times: 1, retry_after: 0.01}}]
  - when: {contains: "wrong"}
    turns: [{text: "x", fault: {name: wrong_model}}]
  - when: {contains: "nofinish"}
    turns: [{text: "one two three four", fault: {name: no_finish}}]
  - turns: [{text: "Hello there"}]
"""


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "script.yaml"
    path.write_text(SCRIPT)
    return str(path)


def test_a_script_answers_in_every_dialect(stage: Any, tongue: Any, script: str) -> None:
    one = stage(kind="scripted", base_url=None, script=script, options={"dialect": tongue.name}, auth="key", local=None)
    assert one.address.dialect == tongue.name
    reply = one.ask()
    assert reply.status == 200
    assert b"Hello" in reply.body
    ended = one.call()
    assert (ended.error, ended.served, ended.cost) == (None, "model-one", 0.0)
    assert ended.usage.input is not None
    assert one.calls()[0].started.local


def test_the_scripts_faults_are_mended_like_a_servers(stage: Any, chat: Any, script: str) -> None:
    def ask(text: str) -> tuple[Any, Any, Any]:
        one = stage(chat, kind="scripted", base_url=None, script=script, auth="key", local=None)
        reply = one.ask(chat.ask(text))
        return reply, one.call(), one.poll()

    reply, ended, traffic = ask("rate")
    assert (reply.status, ended.retries, traffic.stop) == (200, 1, None)
    reply, ended, traffic = ask("wrong")
    assert (reply.status, ended.error, traffic.stop) == (402, "wrong_model", "wrong_model")
    reply, ended, traffic = ask("nofinish")
    assert (reply.status, ended.mends, traffic.stop) == (200, ("no_finish_reason",), "provider_error")


def test_each_attempt_has_its_own_server_of_a_script(stage: Any, chat: Any, script: str) -> None:
    """A fault that strikes once strikes every contender once, and a stage of the same attempt not again."""
    retries = []
    endpoint = EndpointSpec("s", "scripted", script=script, options={"retry_base_seconds": 0.01})
    for attempt in ("x/a1", "x/a1", "x/a2"):
        one = stage(chat, endpoint=endpoint, attempt=attempt)
        assert one.ask(chat.ask("rate")).status == 200
        retries.append(one.call().retries)
        one.close()
    assert retries == [1, 0, 1]


def test_servers_of_attempts_that_are_over_are_let_go(stage: Any, chat: Any, script: str) -> None:
    def listening() -> int:
        import psutil

        return sum(c.status == "LISTEN" for c in psutil.Process(gateway_pid).net_connections("tcp"))

    gateway_pid, seen = 0, []
    for number in range(25):
        one = stage(chat, kind="scripted", base_url=None, script=script, auth="key", local=None, attempt=f"y/a{number}")
        gateway_pid = one.client.describe()["pid"]
        assert one.ask().status == 200
        one.close()
        seen.append(listening())
    assert seen[-1] == seen[-5] <= 18


def test_stages_may_be_opened_while_servers_of_others_are_let_go(script: str) -> None:
    async def main() -> None:
        running = True
        routes = Routes(Redactor(), lambda attempt: running)
        spec = EndpointSpec("s", "scripted", script=script)
        try:
            for number in range(24):
                await routes.of(spec, f"old/a{number}")
            running = False
            new = await asyncio.gather(*(routes.of(spec, f"new/a{number}") for number in range(4)))
            assert len({route.base for route in new}) == 4
        finally:
            await routes.close()

    asyncio.run(main())


def test_a_script_that_cannot_be_used_is_refused_when_the_stage_opens(stage: Any, chat: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("rules: [{turnz: []}]")
    with pytest.raises(ConfigError, match="turnz"):
        stage(chat, kind="scripted", base_url=None, script=str(tmp_path / "bad.yaml"), auth="key", local=None)
    with pytest.raises(RecordError, match="not a recorded attempt"):
        stage(chat, kind="replay", base_url=None, script=str(tmp_path), auth="key", local=None)


def test_a_recorded_attempt_answers_again(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    upstream.gives(answer(tongue.stream("first")), answer(tongue.stream("sub")), answer(tongue.stream("second")))
    parent = {"x-session-id": "s2", "x-parent-session-id": "s1"}
    one = stage(output=77)
    said = [one.ask(), one.ask(headers=parent), one.ask(tongue.ask("more"))]
    one.close()
    again = stage(tongue, kind="replay", base_url=None, script=str(one.grant.folder), auth="key", local=None, output=77)
    assert again.address.dialect == tongue.name
    # In another order between sessions than then: the sub-agent is found all the same.
    assert [again.ask().body, again.ask(tongue.ask("more")).body] == [said[0].body, said[2].body]
    assert again.ask(headers={"x-session-id": "t2", "x-parent-session-id": "t1"}).body == said[1].body
    assert len(upstream.seen) == 3


def test_a_strict_replay_of_the_same_requests_finds_no_difference(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    upstream.gives(answer(tongue.stream("first")))
    one = stage(output=77)
    said = one.ask(tongue.ask("the same"))
    one.close()
    more = {"kind": "replay", "base_url": None, "auth": "key", "local": None, "output": 77}
    again = stage(script=str(one.grant.folder), options={"strict": True}, **more)
    assert again.ask(tongue.ask("the same")).body == said.body
    closed = again.close()
    assert (closed.stop, closed.differences) == (None, ())


def test_a_strict_replay_stops_on_a_difference_that_is_nobodys_fault_and_says_which(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    upstream.gives(answer(tongue.stream("first")))
    one = stage()
    one.ask(tongue.ask("the same"))
    one.close()
    more = {"kind": "replay", "base_url": None, "auth": "key", "local": None}
    other = stage(script=str(one.grant.folder), options={"strict": True}, **more)
    assert other.ask(tongue.ask("something else entirely")).status == 402
    traffic = other.poll()
    assert traffic.stop == "harness"
    assert "recorded 'the same', asked 'something else entirely'" in traffic.detail
    assert other.call().error == "replay_difference"


def test_a_strict_replay_stops_where_a_recorded_call_was_not_asked_for(
    stage: Any, upstream: Any, chat: Any, answer: Any
) -> None:
    upstream.gives(answer(chat.stream("first")))
    one = stage(chat)
    one.ask()
    one.ask()
    one.close()
    more = {"kind": "replay", "base_url": None, "auth": "key", "local": None}
    again = stage(chat, script=str(one.grant.folder), options={"strict": True}, **more)
    assert again.ask().status == 200
    closed = again.close()
    assert closed.stop == "harness"
    assert closed.detail.endswith("call 1: recorded a call, asked nothing")


def test_what_a_replayed_stage_asks_otherwise_is_told_when_it_is_closed(
    stage: Any, upstream: Any, chat: Any, answer: Any
) -> None:
    upstream.gives(answer(chat.stream("first")))
    one = stage(chat)
    one.ask(chat.ask("this"))
    one.close()
    again = stage(chat, kind="replay", base_url=None, script=str(one.grant.folder), auth="key", local=None)
    assert again.ask(chat.ask("that")).status == 200
    assert again.poll().differences == ()
    [told] = again.close().differences
    assert "recorded 'this', asked 'that'" in told


@pytest.mark.parametrize(
    ("status", "text", "stop"),
    [(500, "boom", "provider_error"), (429, "slow down", "rate_limited"), (0, "", "provider_error")],
)
def test_a_recorded_fault_is_met_again_at_once(
    stage: Any, upstream: Any, chat: Any, answer: Any, status: int, text: str, stop: str
) -> None:
    upstream.gives(answer([json.dumps({"error": {"message": text}}).encode()], status=status, chunked=False))
    one = stage(chat, options={"retries": 2, "retry_base_seconds": 0.01})
    one.ask()
    first = one.close()
    again = stage(chat, kind="replay", base_url=None, script=str(one.grant.folder), auth="key", local=None)
    assert again.ask().status == 402
    second = again.close()
    assert (first.stop, second.stop) == (stop, stop)
    assert second.detail == first.detail
    assert (one.calls()[0].ended.retries, again.calls()[0].ended.retries) == (1, 0)
    assert again.calls()[0].ended.error == one.calls()[0].ended.error


def test_a_server_that_was_not_there_is_not_there_again(stage: Any, chat: Any) -> None:
    one = stage(chat, base_url="http://127.0.0.1:9/v1", options={"retries": 1})
    one.ask()
    first = one.close()
    again = stage(chat, kind="replay", base_url=None, script=str(one.grant.folder), auth="key", local=None)
    again.ask()
    second = again.close()
    assert first.stop == "endpoint_down"
    assert (second.stop, second.detail) == (first.stop, first.detail)


def test_the_openai_client_reads_what_passes(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    import openai

    upstream.gives(answer(chat.stream("Hel", "lo")))
    one = stage(chat)
    with openai.OpenAI(base_url=one.address.url, api_key="nothing") as client:
        chunks = list(
            client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], stream=True)
        )
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello"
        assert chunks[-1].usage is not None
        assert [m.id for m in client.models.list()] == ["model-one"]


def test_the_openai_client_does_not_try_again_on_a_stop(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    import openai

    upstream.gives(answer(chat.stream("hi", model="other-model")))
    one = stage(chat)
    with openai.OpenAI(base_url=one.address.url, api_key="nothing", max_retries=5) as client:
        with pytest.raises(openai.APIStatusError) as caught:
            client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
        assert caught.value.status_code == 402
    assert len(upstream.seen) == 1


def test_the_openai_client_sees_a_broken_stream_as_an_error(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    import openai

    upstream.gives(answer(chat.broken(chat.stream("Hel"))))
    with openai.OpenAI(base_url=stage(chat).address.url, api_key="nothing") as client:
        stream = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], stream=True)
        with pytest.raises(openai.APIError, match="broke off"):
            list(stream)
