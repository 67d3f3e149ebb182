"""Which headers travel."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from ralphbench.gateway.headers import PARENT_SESSION, SESSION, session, to_agent, to_upstream

BETAS = [("anthropic-beta", "one"), ("Anthropic-Beta", "two")]


@pytest.mark.parametrize("passthrough", [False, True])
def test_what_is_said_twice_goes_on_twice(passthrough: bool) -> None:
    asked = CIMultiDict([*BETAS, ("authorization", "Bearer agents"), ("host", "here")])
    sent = to_upstream(asked, {"Authorization": "Bearer ours"}, passthrough=passthrough)
    assert sent.getall("anthropic-beta") == ["one", "two"]
    assert sent.getall("authorization") == ["Bearer agents" if passthrough else "Bearer ours"]
    assert "host" not in sent
    assert to_agent(CIMultiDict([*BETAS, ("retry-after", "9")])).getall("anthropic-beta") == ["one", "two"]


@pytest.mark.parametrize(
    ("said", "taken"), [("ses_1", "ses_1"), ("", None), (None, None), ("\udcff", None), ("ä", None), ("s" * 201, None)]
)
def test_a_session_has_a_name_that_an_agent_would_give_it(said: str | None, taken: str | None) -> None:
    for name in (SESSION, PARENT_SESSION):
        assert session(CIMultiDict({} if said is None else {name: said}), name) == taken
