"""Whether two names mean one model."""

from __future__ import annotations

import pytest

from ralphbench.endpoints import is_local, load_endpoint, same_model
from ralphbench.model import EndpointSpec

SAME = [
    ("devstral", "devstral"),
    ("mistralai/devstral-small-2-2512", "devstral-small-2-2512"),
    ("mistralai/devstral-small-2-2512", "mistralai/devstral-small-2-2512:2"),
    ("qwen/qwen3-coder-30b", "Qwen3-Coder-30B-Q4_K_M.gguf"),
    ("qwen/qwen3-coder-30b", "/models/qwen3-coder-30b-Q4_K_M-00001-of-00002.gguf"),
    ("gpt-4o", "gpt-4o-2024-08-06"),
    ("gpt-4", "gpt-4-0613"),
    ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
    ("qwen3:latest", "qwen3"),
    ("openai/gpt-oss-20b@mxfp4", "openai/gpt-oss-20b"),
]
OTHER = [
    ("gpt-4o", "gpt-4o-mini"),
    ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06"),
    ("devstral-small-2-2512", "devstral-small-2-2505"),
    ("qwen3:8b", "qwen3:30b"),
    ("qwen/qwen3-coder-30b", "mistralai/devstral-small-2-2512"),
    ("a", ""),
]


@pytest.mark.parametrize(
    ("model", "said", "local"),
    [
        ("qwen3-coder:30b", None, True),
        ("gpt-oss:120b-cloud", None, False),
        ("deepseek-v3.1:671b-cloud", True, True),
        ("minimax-m2:cloud", None, False),
        ("qwen3-coder:30b", False, False),
    ],
)
def test_a_model_that_a_server_here_only_passes_on_is_not_local(model: str, said: bool | None, local: bool) -> None:
    endpoint = load_endpoint(EndpointSpec("ollama", "openai", base_url="http://127.0.0.1:11434/v1", local=said))
    assert is_local(endpoint, model) is local


@pytest.mark.parametrize(("asked", "served"), SAME)
def test_the_same(asked: str, served: str) -> None:
    assert same_model(asked, served)
    assert same_model(asked, asked)


@pytest.mark.parametrize(("asked", "served"), OTHER)
def test_another(asked: str, served: str) -> None:
    assert not same_model(asked, served)
    assert not same_model(served, asked)
